"""Scripts for a realtime server, played to the offline one in all its moods."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.doctor.offline import NOW, play
from voicebot.doctor.finding import Finding, Verdict
from voicebot.doctor.hearing import HearingSeen, look_at_hearing
from voicebot.doctor.judge import (
    REPAIRS,
    judge_hearing,
    judge_session,
    judge_speaking,
    lost,
    session_limit,
)
from voicebot.doctor.session import NO_VOICE, SessionSeen, look_at_session
from voicebot.doctor.speaking import SpeakingSeen, look_at_speaking
from voicebot.doctor.talk import Heard
from voicebot.sim.stepfun import At, Line, Mood, Scenario, ScriptedMind
from voicebot.sim.stepfun.babble import babble
from voicebot.stepfun.realtime.events import ResponseStatus
from voicebot.stepfun.realtime.history import Means

CREATED = b'{"type": "session.created", "session": {"id": "s1"}}'
KIND = Mood.kind()
REAL = Mood.real()
WORDS = "all circuits are busy now"
COUNTING = "one two three four five six seven eight nine ten eleven twelve " * 2
SPEECH = babble(WORDS)
SPEECH_MS = len(SPEECH) // 48

Verdicts = dict[str, Verdict]


def session(mood: Mood, *voices: str) -> SessionSeen:
    seen = SessionSeen()
    play(look_at_session(seen, voices, NOW), mood)
    return seen


def speaking(mood: Mood, *, seed: int = 1) -> SpeakingSeen:
    seen = SpeakingSeen()
    play(look_at_speaking(seen, "linjiajiejie", NOW), mood, seed=seed)
    return seen


def hearing(mood: Mood, understood: str = WORDS) -> HearingSeen:
    seen = HearingSeen(SPEECH_MS, WORDS)
    mind = ScriptedMind(Scenario((Line(understood, COUNTING),)))
    play(look_at_hearing(seen, SPEECH, "linjiajiejie", NOW), mood, mind)
    return seen


def verdicts(findings: Iterable[Finding]) -> Verdicts:
    return {finding.what: finding.verdict for finding in findings}


def test_a_healthy_server_is_as_calls_count_on() -> None:
    seen = session(KIND, "linjiajiejie")
    found = [
        *judge_session(seen, ["linjiajiejie"]),
        *judge_speaking(speaking(KIND)),
        *judge_hearing(hearing(KIND)),
        session_limit(),
    ]
    assert {finding.verdict for finding in found} == {Verdict.HOLDS, Verdict.TOLD}
    assert len(found) == 24
    assert not any(finding.todo for finding in found)


def test_nothing_but_answers_and_what_is_heard_takes_long() -> None:
    seen = SessionSeen()
    assert play(look_at_session(seen, ["linjiajiejie"] * 40, NOW), KIND) < 1


@pytest.mark.parametrize("seed", range(8))
def test_a_server_in_any_mood_is_judged(seed: int) -> None:
    mood = Mood.nasty(seed)
    found = [
        *judge_session(session(mood, "linjiajiejie"), []),
        *judge_speaking(speaking(mood, seed=seed)),
        *judge_hearing(hearing(mood)),
    ]
    assert found
    assert all(finding.says for finding in found)


# What a session takes


@pytest.mark.parametrize("by_default", [True, False])
def test_who_finds_the_turns_by_default_is_seen(by_default: bool) -> None:
    seen = session(replace(KIND, vad_by_default=by_default))
    assert (seen.vad_by_default, seen.vad_if_left_out) == (by_default, by_default)
    assert (seen.vad_if_null, seen.vad_if_asked) == (False, True)
    (told,) = (one for one in judge_session(seen, []) if one.what == "VAD by default")
    assert told.verdict is Verdict.HOLDS
    assert told.says.startswith("on" if by_default else "off")


def test_a_mute_server_opens_no_session() -> None:
    seen = session(replace(KIND, mute_from_start=True), "linjiajiejie")
    assert verdicts(judge_session(seen, [])) == {"session": Verdict.FAILS}


def test_a_server_that_ignores_commits_tells_nothing_of_its_vad() -> None:
    seen = SessionSeen()
    script = look_at_session(seen, (), NOW)
    step = next(script)
    with suppress(StopIteration):
        while True:  # it says hello, and nothing more
            frame = CREATED if not seen.created and not step.frames else None
            step = script.send(Heard(frame, step.until))
    assert seen.vad_by_default is None
    assert set(seen.tools.values()) == {None}


def test_a_session_without_answers_is_known_of_by_its_id_alone() -> None:
    seen = SessionSeen(created=True, session_id="s1")
    seen.tools = {"function": None}
    seen.voices = {NO_VOICE: None, "linjiajiejie": None}
    found = verdicts(judge_session(seen, []))
    assert found.pop("session") is Verdict.HOLDS
    assert found.pop("voices") is Verdict.HOLDS  # 0 of 1
    assert set(found.values()) == {Verdict.UNKNOWN}


def test_a_server_that_keeps_its_vad_or_forgets_it_fails() -> None:
    seen = SessionSeen(created=True, vad_if_null=True, vad_if_asked=False)
    found = {one.what: one for one in judge_session(seen, [])}
    assert found["VAD switched off"].todo == "set `model.vad: server` in every persona"
    assert found["VAD switched on"].todo == "set `model.vad: local` in every persona"


def test_another_threshold_tool_or_frame_than_wanted_is_told() -> None:
    seen = SessionSeen(created=True, energy_threshold=2500, bad_frames=2)
    seen.tools = {"function": False}
    found = verdicts(judge_session(seen, []))
    assert found["energy threshold"] is Verdict.DIFFERS
    assert found["tool function"] is Verdict.FAILS
    assert found["frames"] is Verdict.DIFFERS
    assert "voices" not in found  # none was tried


def test_a_voice_that_is_refused_matters_if_a_persona_has_it() -> None:
    seen = session(KIND, "linjiajiejie", "nobody")
    assert seen.voices == {NO_VOICE: False, "linjiajiejie": True, "nobody": False}
    assert verdicts(judge_session(seen, ["nobody"]))["voice nobody"] is Verdict.FAILS
    assert verdicts(judge_session(seen, []))["voice nobody"] is Verdict.DIFFERS


def test_a_server_that_takes_any_voice_tells_nothing_of_voices() -> None:
    seen = SessionSeen(created=True, voices={NO_VOICE: True, "linjiajiejie": True})
    assert verdicts(judge_session(seen, []))["voices"] is Verdict.UNKNOWN


def test_a_connection_that_is_lost_is_told() -> None:
    assert lost("speaking").what == "connection (speaking)"


# How it speaks


def test_an_answer_is_measured() -> None:
    seen = speaking(KIND)
    assert seen.first_audio_s == pytest.approx(0.25)
    assert seen.audio_s / seen.sent_in_s == pytest.approx(1.05, abs=0.01)
    assert seen.dry_s == 0
    assert (seen.status, seen.cancelled_status) == ("completed", "cancelled")
    assert min(seen.tokens["output"], seen.tokens["input"]) > 100


def test_a_slow_pace_is_a_failure() -> None:
    seen = speaking(replace(KIND, pace=(0.7, 0.7)))
    assert verdicts(judge_speaking(seen))["pace of the audio"] is Verdict.FAILS
    assert seen.dry_s > 3


def test_an_answer_that_comes_at_once_has_no_pace_and_is_cancelled_too_late() -> None:
    seen = speaking(Mood.burst())
    found = verdicts(judge_speaking(seen))
    assert found["pace of the audio"] is Verdict.HOLDS
    assert seen.sent_in_s == 0
    assert seen.cancelled_status is ResponseStatus.COMPLETED
    assert seen.truncate == "silence"  # the first cancel's error isn't taken for it


def test_a_late_answer_wants_a_filler() -> None:
    seen = speaking(replace(KIND, think_s=(4.0, 4.0)))
    assert verdicts(judge_speaking(seen))["first audio"] is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("mood", "refused"),
    [
        (replace(KIND, refuses_delete=True), {Means.DELETE}),
        (
            replace(KIND, refuses_assistant_items=True),
            {Means.APPEND, Means.INSERT},
        ),
        (replace(KIND, refuses_previous_item_id=True), {Means.INSERT}),
    ],
)
def test_what_the_server_refuses_of_repairs_is_seen(
    mood: Mood, refused: set[Means]
) -> None:
    seen = speaking(mood)
    assert {means for means, works in seen.repairs.items() if not works} == refused
    found = verdicts(judge_speaking(seen))
    for means, (what, _) in REPAIRS.items():
        is_refused = means in refused
        expected = Verdict.DIFFERS if is_refused else Verdict.HOLDS
        assert found[f"history, {what}"] is expected


@pytest.mark.parametrize(("refuses", "brings"), [(True, "error"), (False, "silence")])
def test_what_truncate_brings_is_told(refuses: bool, brings: str) -> None:
    assert speaking(replace(KIND, refuses_truncate=refuses)).truncate == brings


@pytest.mark.parametrize("obeys", [True, False])
def test_instructions_of_one_answer_are_obeyed_or_not(obeys: bool) -> None:
    seen = speaking(replace(KIND, obeys_response_instructions=obeys))
    assert seen.obeys_response_instructions is obeys


def test_how_a_cancel_ends_is_told() -> None:
    late = replace(KIND, cancel_lag_s=(0.4, 0.4), says_cancelled=1.0)
    seen = speaking(replace(late, cancel_statuses=("incomplete",)))
    assert seen.says_cancelled
    assert seen.cancelled_status is ResponseStatus.INCOMPLETE
    assert seen.end_after_cancel_s == pytest.approx(0.4, abs=0.1)
    (told,) = (one for one in judge_speaking(seen) if one.what == "cancel")
    assert "as incomplete" in told.says
    assert told.says.endswith(", with response.cancelled")


def test_a_server_that_falls_silent_is_not_waited_for_without_end() -> None:
    """It stalls in its first answer: no end, no cancel of it, no second answer."""
    seen = SpeakingSeen()
    mood = replace(KIND, stalls=At(1, 2))
    assert play(look_at_speaking(seen, "linjiajiejie", NOW), mood) < 120
    assert seen.status is None
    assert verdicts(judge_speaking(seen))["cancel"] is Verdict.UNKNOWN


def test_a_server_that_does_not_speak_fails() -> None:
    seen = speaking(replace(KIND, stalls=At(1, 0)))
    found = verdicts(judge_speaking(seen))
    assert found["first audio"] is Verdict.FAILS
    assert "pace of the audio" not in found


def test_why_no_answer_is_spoken_is_told_if_it_is_known() -> None:
    seen = speaking(replace(KIND, fails=At(1, 0)))
    (told,) = (one for one in judge_speaking(seen) if one.what == "first audio")
    assert told.says == "no answer was spoken: engine"


def test_an_answer_that_never_ends_after_its_cancel_fails() -> None:
    seen = SpeakingSeen(cancelled=True, second_cancel="silence")
    found = verdicts(judge_speaking(seen))
    assert found["cancel"] is Verdict.FAILS
    assert found["cancel too late"] is Verdict.DIFFERS


# How it hears


@pytest.mark.parametrize("ear_hz", [8000, 16_000, 24_000, 48_000])
def test_the_rate_at_which_it_hears_is_seen(ear_hz: int) -> None:
    seen = hearing(replace(KIND, ear_hz=ear_hz))
    assert seen.rate_hz() == ear_hz
    fine = ear_hz == 24_000
    (told,) = (one for one in judge_hearing(seen) if one.what == "sample rate")
    assert told.verdict is (Verdict.HOLDS if fine else Verdict.FAILS)
    assert f"hears at {ear_hz} Hz" in told.says


def test_a_position_that_fits_no_rate_tells_none() -> None:
    seen = HearingSeen(1000, WORDS, end_ms=500 + 1400, turns=1)
    assert seen.rate_hz() is None
    (told,) = (one for one in judge_hearing(seen) if one.what == "sample rate")
    assert (told.verdict, told.says) == (Verdict.UNKNOWN, "1900 ms fits no rate")


def test_a_deaf_server_fails() -> None:
    seen = HearingSeen(SPEECH_MS, WORDS)
    quiet = bytes(len(SPEECH))
    play(look_at_hearing(seen, quiet, "linjiajiejie", NOW), KIND)
    assert verdicts(judge_hearing(seen)) == {"hearing": Verdict.FAILS}


def test_a_turn_that_begins_and_never_ends_fails() -> None:
    seen = HearingSeen(SPEECH_MS, WORDS, turns=1, onset_s=0.9)
    found = verdicts(judge_hearing(seen))
    assert found["end of speech is told"] is Verdict.FAILS
    assert found["sample rate"] is Verdict.UNKNOWN
    assert found["understands speech"] is Verdict.UNKNOWN
    assert found["answers by itself"] is Verdict.DIFFERS


def test_words_that_are_not_understood_fail() -> None:
    seen = hearing(KIND, "wall surfaces are dizzy")
    assert seen.understood() == pytest.approx(1 / 5)
    assert verdicts(judge_hearing(seen))["understands speech"] is Verdict.FAILS


def test_two_turns_are_one_speech() -> None:
    pause = bytes(48 * 900)
    seen = HearingSeen((len(SPEECH) * 2 + len(pause)) // 48, f"{WORDS} {WORDS}")
    sound = SPEECH + pause + SPEECH
    mood = replace(KIND, transcript_after_s=(2.5, 2.5))
    mind = ScriptedMind(Scenario((Line(WORDS, "Yes."),)))
    play(look_at_hearing(seen, sound, "linjiajiejie", NOW), mood, mind)
    assert seen.turns == 2
    assert seen.rate_hz() == 24_000


def test_an_answer_is_stopped_by_who_speaks_into_it() -> None:
    seen = hearing(replace(KIND, interrupted_done_s=(0.4, 0.4)))
    assert seen.stops
    assert seen.stopped_s == pytest.approx(0.4, abs=0.03)
    assert seen.tokens["output"] > 0
    assert seen.turns == 1  # what is said into the answer is none of what is measured


def test_an_answer_may_be_over_before_it_is_told_why() -> None:
    seen = hearing(replace(KIND, interrupted_done_s=(0.0, 0.0)))
    assert (seen.stops, seen.stopped_s) == (True, 0.0)


def test_a_short_answer_cannot_be_interrupted() -> None:
    seen = HearingSeen(SPEECH_MS, WORDS)
    mind = ScriptedMind(Scenario((Line(WORDS, "Yes."),)))
    play(look_at_hearing(seen, SPEECH, "linjiajiejie", NOW), KIND, mind)
    assert seen.stops is None
    found = verdicts(judge_hearing(seen))
    assert found["stops when it is interrupted"] is Verdict.UNKNOWN


def test_an_answer_that_ends_by_itself_meanwhile_tells_nothing() -> None:
    """It is over before the server has told that somebody speaks."""
    seen = HearingSeen(SPEECH_MS, WORDS)
    mind = ScriptedMind(Scenario((Line(WORDS, COUNTING[:30]),)))
    mood = replace(KIND, onset_s=1.6)
    play(look_at_hearing(seen, SPEECH, "linjiajiejie", NOW), mood, mind)
    assert seen.stops is None


def test_a_server_that_speaks_on_is_told() -> None:
    seen = hearing(replace(KIND, interrupted_done_s=(60.0, 60.0)))
    assert seen.stops is False
    found = verdicts(judge_hearing(seen))
    assert found["stops when it is interrupted"] is Verdict.DIFFERS
