"""What pydantic finds wrong, in our words and at the right place."""

from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES
from voicebot.dialplan.model import DialplanFile, Mailbox
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.section import Section
from voicebot.dialplan.source import MAX_PROBLEMS, parse
from voicebot.dialplan.validate import nearest, validated

FILE = Path("f")


def wrong(model: type[Section], text: str) -> list[str]:
    node, unreadable = parse(FILE, text.encode())
    assert node is not None
    assert unreadable == []
    problems = list(unreadable)
    given = {"id": "desk"} if model is Persona else {}
    section = validated(model, FILE, node, problems, partial=False, **given)
    assert (section is None) == bool(problems)
    return [str(problem).removeprefix("f:") for problem in problems]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tilte: x", "5:1: tilte: unknown key; did you mean 'title'?"),
        ("listning: {}", "5:1: listning: unknown key; did you mean 'listening'?"),
        (
            "limits: {idel: 5s}",
            "5:10: limits.idel: unknown key; did you mean 'idle'?",
        ),
        (
            "listening: {end_silence: 550}",
            "5:26: listening.end_silence: expected a duration of 200ms to 3s, "
            "with its unit (ms, s or m), got 550",
        ),
        (
            "listening: {end_silence: 5s}",
            "5:26: listening.end_silence: expected a duration of 200ms to 3s, "
            "with its unit (ms, s or m), got '5s'",
        ),
        (
            "barge_in: {mode: stopp}",
            "5:18: barge_in.mode: expected 'pause', 'stop' or 'never', got 'stopp'; "
            "did you mean 'stop'?",
        ),
        (
            "barge_in: {mode: off}",
            "5:18: barge_in.mode: expected 'pause', 'stop' or 'never', got off",
        ),
        (
            "barge_in: {min_ms: 5000}",
            "5:20: barge_in.min_ms: expected a duration of 0ms to 3s, got 5000",
        ),
        (
            "barge_in: {decide_ms: 450 ms}",
            "5:23: barge_in.decide_ms: expected a duration of 100ms to 2s, "
            "got '450 ms'",
        ),
        (
            "barge_in: {min_words: 6}",
            "5:23: barge_in.min_words: expected at most 5, got 6",
        ),
        (
            "barge_in: {backchannel: [yeah, yes]}",
            "5:32: barge_in.backchannel[1]: expected text, got yes; put it in quotes",
        ),
        (
            "barge_in: {stop_words: wait}",
            "5:24: barge_in.stop_words: expected a list, got 'wait'; put it in "
            "brackets: [ ]",
        ),
        (
            "barge_in: {stop: fast}",
            "5:18: barge_in.stop: expected 'immediate', 'fade' or 'word', got 'fast'",
        ),
        (
            "listening: {profile: digit}",
            "5:22: listening.profile: expected 'normal', 'patient', 'digits' or "
            "'yes_no', got 'digit'; did you mean 'digits'?",
        ),
        (
            "listening: {pace: slow}",
            "5:19: listening.pace: expected 'adaptive' or 'fixed', got 'slow'",
        ),
        (
            "listening: {questions: [{says: name}]}",
            "5:25: listening.questions[0].profile: missing",
        ),
        (
            "listening: {questions: [{says: name, profile: slow}]}",
            "5:47: listening.questions[0].profile: expected 'normal', 'patient', "
            "'digits' or 'yes_no', got 'slow'",
        ),
        (
            "filler: {after: 6s}",
            "5:17: filler.after: expected a duration of 500ms to 5s, "
            "with its unit (ms, s or m), got '6s'",
        ),
        (
            "filler: {say: Hm}",
            "5:15: filler.say: expected a list, got 'Hm'; put it in brackets: [ ]",
        ),
        (
            f"filler: {{say: [{'a, ' * 11}]}}",
            "5:15: filler.say: expected at most 10, got 11",
        ),
        (
            f"filler: {{say: [{'x' * 1001}]}}",
            "5:16: filler.say[0]: expected at most 1000 characters, got 1001",
        ),
        (
            "facts: one",
            "5:8: facts: expected a list, got 'one'; put it in brackets: [ ]",
        ),
        ("facts: [a, 24]", "5:12: facts[1]: expected text, got 24; put it in quotes"),
        ("facts: [no]", "5:9: facts[0]: expected text, got no; put it in quotes"),
        (
            "facts: [{a: b, c: d}]",
            "5:9: facts[0]: expected text, got keys a, c; "
            "text that contains ': ' needs quotes",
        ),
        (
            "barge_in: mode：stop",
            "5:11: barge_in: expected keys and values, got 'mode：stop'; "
            "use an ASCII colon and a blank (': ') instead of '：'",
        ),
        ("goodbye:", "5:9: goodbye: expected keys and values, got nothing"),
        ("goodbye: {text: ' '}", "5:17: goodbye.text: expected some text, got ' '"),
        (
            f"goodbye: {{text: {'x' * 1001}}}",
            "5:17: goodbye.text: expected at most 1000 characters, got 1001",
        ),
        (
            'apology: {text: "a\\e"}',
            "5:17: apology.text: expected text without control characters, "
            "got 'a\\x1b'",
        ),
        (
            "server_vad: {threshold: loud}",
            "5:25: server_vad.threshold: expected a whole number, got 'loud'",
        ),
        (
            "server_vad: {threshold: -1}",
            "5:25: server_vad.threshold: expected at least 0, got -1",
        ),
        (
            "server_vad: {threshold: 5001}",
            "5:25: server_vad.threshold: expected at most 5000, got 5001",
        ),
        (
            "model: {engine: duplex}",
            "5:17: model.engine: expected 'realtime' or 'cascade', got 'duplex'",
        ),
        (
            "model: {voice: 12}",
            "5:16: model.voice: expected the id of a voice, such as linjiajiejie, "
            "got 12; put it in quotes",
        ),
    ],
)
def test_a_mistake_in_a_persona(text: str, problem: str) -> None:
    assert wrong(Persona, PERSONA + text) == [problem]


def test_a_mistake_in_the_protection_of_the_greeting() -> None:
    text = PERSONA.replace("Hello.", "Hello., protect: musthear")
    assert wrong(Persona, text) == [
        "4:35: greeting.protect: expected must_hear or a duration of 0ms to 60s, "
        "with its unit (ms, s or m), got 'musthear'"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "numbers: {main: {e164: 12025550100, display_name: x}}",
            "2:24: numbers.main.e164: expected a phone number such as "
            "'+12025550123', got 12025550100; put it in quotes",
        ),
        (
            "numbers: {Main: {e164: '+12025550100', display_name: x}}",
            "2:11: numbers.Main: expected a name of a-z, 0-9, - and _, "
            "with a letter first, got Main",
        ),
        (
            "numbers: {main: {e164: '+12025550100', display: x}}",
            "2:17: numbers.main.display_name: missing",
        ),
        ("numbers: []", "2:10: numbers: expected keys and values, got an empty list"),
    ],
)
def test_a_mistake_in_the_numbers(text: str, problem: str) -> None:
    assert wrong(DialplanFile, f"version: 2\n{text}\n{ROUTES}")[0] == problem


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        (
            "do: {persna: desk}",
            "7:9: routes[0].do: expected exactly one of persona, menu, message, "
            "reject, transfer, voicemail and goto, "
            "got keys persna; did you mean 'persona'?",
        ),
        (
            "do: {persona: pizza, reject: busy}",
            "7:9: routes[0].do: expected exactly one of persona, menu, message, "
            "reject, transfer, voicemail and goto, got keys persona, reject",
        ),
        (
            "do: {}",
            "7:9: routes[0].do: expected exactly one of persona, menu, message, "
            "reject, transfer, voicemail and goto, "
            "got no keys",
        ),
        (
            "do: {reject: bussy}",
            "7:18: routes[0].do.reject: expected 'busy' or 'rejected', got 'bussy'; "
            "did you mean 'busy'?",
        ),
        (
            "do: {voicemail: {greeting: Hi, language: en, transcribe: twilio}}",
            "7:62: routes[0].do.voicemail.transcribe: expected true, false or stepfun, "
            "got 'twilio'",
        ),
        (
            "do: {voicemail: {greeting: Hi, language: en, transcribe: 1}}",
            "7:62: routes[0].do.voicemail.transcribe: expected true, false or stepfun, "
            "got 1",
        ),
        (
            "do: {message: {text: Hi, language: en, txt: x}}",
            "7:44: routes[0].do.message.txt: unknown key; did you mean 'text'?",
        ),
        (
            "do: {reject: busy}\n    match: {to: 5}",
            "8:17: routes[0].match.to: expected the label of a number, tag: and a tag "
            "of numbers, or a phone number such as '+12025550123', got 5; "
            "put it in quotes",
        ),
        (
            "do: {reject: busy}\n    match: {to: [main, Hotel]}",
            "8:24: routes[0].match.to[1]: expected the label of a number, tag: and a "
            "tag of numbers, or a phone number such as '+12025550123', got 'Hotel'",
        ),
        (
            "do: {reject: busy}\n    match: {from: []}",
            "8:19: routes[0].match.from: expected at least one, got an empty list",
        ),
        (
            f"do: {{reject: busy}}\n    match: {{to: [{'main, ' * 101}]}}",
            "8:17: routes[0].match.to: expected at most 100, got 101",
        ),
        (
            "do: {reject: busy}\n    mach: {to: main}",
            "8:5: routes[0].mach: unknown key; did you mean 'match'?",
        ),
    ],
)
def test_a_mistake_in_a_route(route: str, problem: str) -> None:
    text = f"{NUMBERS}routes:\n  - name: x\n    {route}\n"
    assert wrong(DialplanFile, text) == [problem]


def test_a_file_needs_at_least_one_route() -> None:
    assert wrong(DialplanFile, "version: 2\nroutes: []") == [
        "2:9: routes: expected at least one, got an empty list"
    ]


@pytest.mark.parametrize("version", ["3", "0", "true", "'2'", "2.0"])
def test_only_version_2_is_known(version: str) -> None:
    (problem,) = wrong(DialplanFile, f"version: {version}\n{ROUTES}")
    assert problem.startswith("1:10: version: expected 2, got ")


def test_an_older_version_says_what_to_run() -> None:
    assert wrong(DialplanFile, f"version: 1\n{ROUTES}") == [
        "1:10: version: expected 2, got 1; run `voicebot migrate`"
    ]


@pytest.mark.parametrize("model", [DialplanFile, Persona])
def test_an_empty_file_is_one_mistake(model: type[Section]) -> None:
    assert wrong(model, "# nothing yet\n") == ["1:1: the file is empty"]


def test_a_file_that_is_no_mapping_is_one_mistake() -> None:
    assert wrong(Persona, "- a") == ["1:1: expected keys and values, got a list"]


def test_an_error_of_a_file_of_mistakes_has_an_end() -> None:
    text = "".join(f"k{n}: 1\n" for n in range(1000))
    assert len(wrong(Persona, text)) == MAX_PROBLEMS


def test_a_key_is_not_compared_with_the_keys_of_a_value_that_is_no_section() -> None:
    problems = wrong(DialplanFile, f"version: 2\nnumbers: {{e164: {{x: 1}}}}\n{ROUTES}")
    assert "2:18: numbers.e164.x: unknown key" in problems


def test_the_nearest_name_is_suggested_if_any_is_near() -> None:
    assert nearest("helpdsk", ["clinic", "helpdesk"]) == "; did you mean 'helpdesk'?"
    assert nearest("sales", ["clinic", "helpdesk"]) == ""


@pytest.mark.parametrize("given", [True, False, "stepfun"])
def test_a_message_is_transcribed_by_one_of_two_or_nobody(given: bool | str) -> None:
    box = {"greeting": "Hi.", "language": "en", "transcribe": given}
    assert Mailbox.model_validate(box).transcribe == given
