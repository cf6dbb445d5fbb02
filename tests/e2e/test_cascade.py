"""Whole calls over the cascade: ASR, a chat model and speech from text."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.e2e.house import PERSONA, house, says
from voicebot.sim.stepfun.mind import Reply, Utterance
from voicebot.sim.stepfun.mood import At, Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.twilio.report import Outcome
from voicebot.sim.twilio.script import HangUp, Interrupt, Say, Wait
from voicebot.store.records import Call, EndReason

CASCADE = PERSONA + "model: {engine: cascade}\n"

LINES = (
    Line("My phone is broken.", "I am sorry to hear that. " * 4),
    Line("How long will it take?", "About two hours, I think."),
    Line("Thank you, goodbye!", "You are welcome."),
)


BURST = Mood.burst()

# A busy machine takes its time between two sentences: that isn't the end yet.
QUIET_MS = 2500
HELLO = Line("Hello?", "Yes, I am here. What can I do for you?")
AGAIN = Line("Are you there?", "I am, I am.")


class Listener(ScriptedMind):
    """Hears its lines one after the other: clips come without a history."""

    def __init__(self, *lines: Line) -> None:
        super().__init__(Scenario(lines))
        self._upcoming = [line.hear for line in lines]
        self.histories: list[tuple[Utterance, ...]] = []

    def hear(self, pcm16: bytes, history: Sequence[Utterance]) -> str:
        return self._upcoming.pop(0) if self._upcoming else ""

    def answer(self, instructions: str, history: Sequence[Utterance]) -> Reply:
        self.histories.append(tuple(history))
        return super().answer(instructions, history)


class Resumed(Listener):
    """Its first answer is heard by a session that is lost at the second."""

    def __init__(self) -> None:
        super().__init__(HELLO, AGAIN)
        # The realtime session hears both, and the cascade the second one again.
        self._upcoming.append(AGAIN.hear)


async def test_a_call_is_greeted_answered_interrupted_and_ended(tmp_path: Path) -> None:
    mind = Listener(*LINES)
    with capture_logs() as logged:
        async with house(tmp_path, mind=mind, persona=CASCADE) as home:
            report = await home.call(
                Say(says("My phone is broken."), "broken"),
                Interrupt(says("How long will it take?"), "how long", after_ms=1500),
                Say(says("Thank you, goodbye!"), "goodbye", QUIET_MS),
            )
            call, turns = await home.record(report)
            statistics = home.stepfun.statistics
    assert (report.outcome, report.warnings) == (Outcome.COMPLETED, [])
    assert (call.end_reason, call.ended_by) == (EndReason.BOT_GOODBYE, "bot")
    assert call.faults == ()
    assert statistics.opened == 0  # no realtime session

    said = [turn.generated_text for turn in turns if turn.who == "caller"]
    assert said == [line.hear for line in LINES]
    cut = next(turn for turn in turns if turn.interrupted and turn.heard_ms)
    assert cut.heard_text != cut.generated_text
    assert cut.generated_text.startswith(cut.heard_text)
    assert turns[-1].heard_text == "Good bye."
    assert report.turns[1].barge_in_stop_s is not None
    # What the caller didn't hear, the chat model isn't told.
    told = next(
        history
        for history in mind.histories
        if history[-1].text == "How long will it take?"
    )
    assert [each.text for each in told if each.role == "assistant"] == [cut.heard_text]
    assert statistics.speech_sockets == statistics.speech_sockets_closed

    stages = [each for each in logged if each["event"] == "cascade answered"]
    assert len(stages) == 2
    assert all(each["asr_ms"] and each["chat_ms"] for each in stages)
    kinds = {name for name, count in call.usage.items() if count}
    assert {"cascade_asr_ms", "cascade_speech_halves"} <= kinds
    assert "cascade_chat_prompt_tokens" in kinds


async def test_a_server_may_serve_all_personas_as_cascades(tmp_path: Path) -> None:
    persona = PERSONA + "model: {vad: server}\n"
    mind = Listener(HELLO)
    async with house(
        tmp_path, mind=mind, persona=persona, mood=BURST, engine="cascade"
    ) as home:
        report = await home.call(Say(says(HELLO.hear), "hello"), HangUp(QUIET_MS))
        _, turns = await home.record(report)
        assert home.stepfun.statistics.opened == 0
    assert turns[-1].heard_text == HELLO.say


# ---- stages that fail ------------------------------------------------------------


async def heard(
    tmp_path: Path,
    *lines: Line,
    persona: str = CASCADE,
    **given: Any,
) -> tuple[Call, list[str]]:
    """A call in which the caller says these lines; its record, and what was heard."""
    mind = given.pop("mind", None) or Listener(*lines)
    steps = given.pop("steps", ())
    given = {"mood": BURST} | given
    async with house(tmp_path, mind=mind, persona=persona, **given) as home:
        said = [Say(says(line.hear), line.hear, QUIET_MS) for line in lines]
        report = await home.call(*steps or (*said, HangUp(QUIET_MS)))
        call, turns = await home.record(report)
        statistics = home.stepfun.statistics
    assert statistics.speech_sockets == statistics.speech_sockets_closed
    return call, [turn.heard_text for turn in turns if turn.who == "bot"]


@pytest.mark.parametrize("lead_in", ["", "One moment."])
async def test_a_tool_is_called_and_its_answer_spoken(
    tmp_path: Path, lead_in: str
) -> None:
    persona = CASCADE + (
        "tools: {go_on: {use: goto_stage, stages: [second]}}\n"
        "start_stage: first\n"
        "stages:\n"
        "  first: {instructions: Ask what it is about., tools: [go_on]}\n"
        "  second: {instructions: Help.}\n"
    )
    line = Line("Go on.", lead_in, 0, "go_on", {"stage": "second"}, then="Gladly.")
    call, said = await heard(tmp_path, line, persona=persona)
    assert said == ["Hello there.", *filter(None, [lead_in]), "Gladly."]
    assert call.faults == ()


async def test_the_model_may_greet(tmp_path: Path) -> None:
    persona = CASCADE.replace("{text: Hello there.}", "{model: true}")
    call, said = await heard(tmp_path, HELLO, persona=persona)
    assert said == ["Is there anything else?", HELLO.say]
    assert call.faults == ()


async def test_clips_that_fail_are_tried_again(tmp_path: Path) -> None:
    call, said = await heard(tmp_path, HELLO, asr_refusals=(500, 429))
    assert said[-1] == HELLO.say
    assert call.faults == ()


async def test_who_isnt_understood_is_asked_again(tmp_path: Path) -> None:
    call, said = await heard(tmp_path, HELLO, AGAIN, asr_refusals=(503, 503, 503))
    assert call.faults == ("cascade.asr",)
    assert said[1] == "Is there anything else?"  # to who said what nobody understood
    assert call.end_reason is EndReason.CALLER_HANGUP


async def test_what_holds_no_words_is_no_turn(tmp_path: Path) -> None:
    mood = replace(BURST, deaf=1.0)
    steps = Say(says(HELLO.hear), "hello"), Wait(1500), HangUp()
    call, said = await heard(tmp_path, HELLO, mood=mood, steps=steps)
    assert said == ["Hello there."]
    assert call.faults == ()


@pytest.mark.parametrize("words", ["", AGAIN.hear])
async def test_who_speaks_on_before_it_is_understood_is_answered(
    tmp_path: Path, words: str
) -> None:
    """Two turns are at ASR; of the second, nothing or something is understood."""
    pause = b"\xff" * 8000
    both = Say(says(HELLO.hear) + pause + says(AGAIN.hear), "both")
    mind = Listener(HELLO, replace(AGAIN, hear=words))
    call, said = await heard(
        tmp_path,
        mind=mind,
        mood=replace(BURST, asr_s=(1.5, 1.5)),
        steps=(both, HangUp(wait_quiet_ms=2500)),
    )
    assert said[-1] == (AGAIN.say if words else HELLO.say)
    assert call.end_reason is EndReason.CALLER_HANGUP
    assert call.faults == ()


async def test_an_answer_that_fails_is_asked_for_again(tmp_path: Path) -> None:
    call, said = await heard(tmp_path, HELLO, chat_refusals=(429, 503))
    assert said[-1] == HELLO.say
    assert call.faults == ("cascade.chat",)


async def test_refused_content_ends_no_call(tmp_path: Path) -> None:
    mind = Listener(HELLO, AGAIN)
    call, said = await heard(tmp_path, HELLO, AGAIN, mind=mind, chat_refusals=(451,))
    # The bridge asked once more, and the model isn't told what was refused.
    assert said == ["Hello there.", "Is there anything else?", AGAIN.say]
    assert "may not be told" in mind.histories[0][-1].text
    assert call.faults == ("cascade.chat",)


async def test_without_balance_the_call_ends_with_an_apology(tmp_path: Path) -> None:
    call, said = await heard(tmp_path, HELLO, chat_refusals=(402,))
    assert said[-1] == "I am sorry."
    assert call.end_reason is EndReason.STEPFUN_LOST
    assert call.faults == ("cascade.chat", "stepfun.lost")


async def test_a_service_that_stays_away_is_a_lost_model(tmp_path: Path) -> None:
    call, said = await heard(tmp_path, HELLO, chat_refusals=(503,) * 9)
    assert said[-1] == "I am sorry."
    assert call.end_reason is EndReason.STEPFUN_LOST
    assert call.faults == ("cascade.chat", "stepfun.lost")


async def test_a_socket_that_closes_in_mid_sentence_ends_no_call(
    tmp_path: Path,
) -> None:
    mood = replace(BURST, speech=replace(BURST.speech, drops_after=2))
    call, said = await heard(tmp_path, HELLO, AGAIN, mood=mood)
    assert call.faults == ("cascade.speech",)
    assert len(said) == 3  # the greeting, and the beginning of each sentence
    assert call.end_reason is EndReason.CALLER_HANGUP


async def test_an_event_that_breaks_off_is_the_end_of_an_answer(tmp_path: Path) -> None:
    mood = replace(BURST, stream_halves=1.0)
    call, _ = await heard(tmp_path, HELLO, mood=mood)
    assert call.faults[0] == "cascade.asr"


# ---- as a rung of the ladder -----------------------------------------------------


async def test_without_realtime_the_call_goes_on_as_a_cascade(tmp_path: Path) -> None:
    persona = PERSONA + "fallback: {attempts: 0, engine: cascade}\n"
    call, said = await heard(tmp_path, HELLO, persona=persona, refusals=(503,) * 4)
    assert said == ["Hello there.", HELLO.say]
    assert call.end_reason is EndReason.CALLER_HANGUP
    assert call.faults == ("stepfun.server_error",)


async def test_a_key_without_balance_is_no_better_in_a_cascade(tmp_path: Path) -> None:
    persona = PERSONA + "fallback: {engine: cascade}\n"
    steps = (HangUp(QUIET_MS),)
    call, said = await heard(
        tmp_path, persona=persona, refusals=(402,) * 9, steps=steps
    )
    assert said[-1] == "I am sorry."
    assert call.end_reason is EndReason.STEPFUN_REFUSED
    assert call.faults == ("stepfun.quota_exceeded",)


async def test_a_cascade_takes_up_the_conversation_where_it_was_lost(
    tmp_path: Path,
) -> None:
    persona = PERSONA + "fallback: {attempts: 0, engine: cascade}\n"
    mind = Resumed()
    mood = replace(BURST, drops=At(2, 0))
    call, said = await heard(
        tmp_path, HELLO, AGAIN, persona=persona, mind=mind, mood=mood
    )
    assert said[1:] == [HELLO.say, AGAIN.say]
    assert mind.histories[-1] == (
        Utterance("user", HELLO.hear, spoken=True),
        Utterance("assistant", HELLO.say, spoken=True),
        Utterance("user", AGAIN.hear, spoken=True),
    )
    assert call.faults == ("stepfun.lost",)
