"""What a caller said is transcribed when the call is over, if it has no words."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from aiohttp import ClientSession
from sqlalchemy import select

from tests.dialplan.plans import dialplan, persona
from tests.sim.stepfun.harness import tone
from tests.store.noted import writing
from tests.store.test_calls import ENDED, NOON, STARTED, TURN
from voicebot.dialplan.model import Dialplan, Route, Specials
from voicebot.dialplan.persona import Persona
from voicebot.errors import StoreError, UpstreamError
from voicebot.net import asr as net_asr
from voicebot.net.asr import Asr
from voicebot.net.chat import Chat
from voicebot.net.twilio import TwilioRest
from voicebot.runtime import transcripts
from voicebot.runtime.after_call import Messenger
from voicebot.runtime.reviews import Reviewer
from voicebot.runtime.scribe import Scribe, now
from voicebot.runtime.transcripts import (
    Transcriber,
    caller_of,
    message_language,
    personas_to_transcribe,
    wav_of,
)
from voicebot.sim.stepfun import Line, Mood, OfflineStepFun, Scenario, ScriptedMind
from voicebot.sim.twilio.rest import TwilioRest as OfflineRest
from voicebot.stepfun.asr import AsrRequest, Transcript
from voicebot.store.archive import Archive
from voicebot.store.faults import Fault
from voicebot.store.records import (
    Call,
    CallEnded,
    FaultNote,
    Message,
    Private,
    Record,
    Recording,
    Transcribed,
)
from voicebot.store.retention import delete_calls
from voicebot.store.tables import deliveries
from voicebot.store.writer import Writer

ACCOUNT = "AC" + "1" * 32
SID = "RE" + "2" * 32
SAID = "my number is 555 010 0199"
MESSAGE = Message(SID, "c1", "https://api.twilio.com/x", 2, None, NOON)
# Two seconds of the caller, from the third second of the call on.
WORDLESS = replace(
    TURN, seq=2, who="caller", generated_text="", heard_text="", started_ms=3000
)
WORDLESS = replace(WORDLESS, ended_ms=5000, response_id=None)
AT_ITS_END = NOON + timedelta(minutes=1)
THERE = replace(ENDED, recording="c1.flac")
BOX = {"greeting": "Speak.", "language": "en-US", "transcribe": "stepfun"}


def desk(**members: object) -> Persona:
    return persona(after_call={"transcribe": True}, **members)


def plan_of(whose: Persona | None, *routes: Route) -> Dialplan:
    return replace(dialplan(*routes), personas={"reception": whose} if whose else {})


@dataclass
class House:
    """Everything around one transcriber."""

    writer: Writer
    stepfun: OfflineStepFun
    rest: OfflineRest
    folder: Path
    http: ClientSession
    silenced: list[tuple[set[int], list[str]]] = field(default_factory=list)
    is_stuck: bool = False

    def transcriber(self, *, login: bool = True) -> Transcriber:
        asr = Asr(self.http, self.stepfun.base_url, "key")
        rest = TwilioRest(self.http, self.rest.api_url, ACCOUNT, "token")
        return Transcriber(
            self.writer.store,
            asr,
            rest if login else None,
            Archive(self.folder, None),
            Scribe(self.writer),
            self.silence,
        )

    async def silence(self, call_id: str) -> None:
        """Note what was known when it was asked for."""
        if self.is_stuck:
            raise StoreError("the disk is full")
        private = {x.seq for x in await self.of(Private) if isinstance(x, Private)}
        words = [x.generated_text for x in await self.writer.store.turns(call_id)]
        self.silenced.append((private, words))

    async def noted(self, *records: Record, end: CallEnded = ENDED) -> Call:
        start = replace(STARTED, account_sid=ACCOUNT)
        for record in (start, *records, end):
            self.writer.note(record, NOON)
        await self.writer.stored()
        return await self.call()

    async def call(self) -> Call:
        call = await self.writer.store.get_call("c1")
        assert call
        return call

    def recorded(self, caller: bytes) -> Recording:
        """A recording, as it is kept; the bot was silent all the time."""
        path = self.folder / "c1.flac"
        left = np.frombuffer(caller, "<i2")
        stereo = np.stack([left, np.zeros_like(left)], axis=1)
        soundfile.write(path, stereo, 8000, "PCM_16")
        return Recording("c1", 0, place=str(path))

    async def of(self, kind: type[Record]) -> list[Record]:
        await self.writer.stored()
        events = await self.writer.store.events("c1")
        return [each.record for each in events if isinstance(each.record, kind)]


@pytest.fixture
async def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    monkeypatch.setattr(net_asr, "PAUSES_S", (0.0,))
    mind = ScriptedMind(Scenario((Line(SAID),)))
    stepfun = OfflineStepFun(mind, Mood.burst(), api_key="key")
    rest = OfflineRest(ACCOUNT, "token")
    rest.recordings[SID] = wav_of(speech(1000))
    async with (
        writing(tmp_path) as writer,
        stepfun.running(),
        rest.running(),
        ClientSession() as http,
    ):
        yield House(writer, stepfun, rest, tmp_path, http)


def speech(ms: int) -> bytes:
    """8 kHz pcm16: a tone of 900 Hz."""
    return tone(3 * ms)[: 16 * ms]


def silence(ms: int) -> bytes:
    return bytes(16 * ms)


async def test_a_message_gets_words_without_what_is_private(house: House) -> None:
    call = await house.noted(MESSAGE)
    done = await house.transcriber().transcribe(call, plan_of(desk()))
    assert done == "transcribed"
    [message] = await house.writer.store.messages("c1")
    assert message == replace(MESSAGE, transcription="my number is [phone]")
    [noted] = await house.of(Transcribed)
    assert noted == Transcribed("c1", None, SID, 2000, True, {"transcription": 84})
    after = await house.call()
    assert after.cost_ucny == call.cost_ucny + 84
    assert await house.writer.store.rebuild() == 1
    assert await house.call() == after
    # What has words isn't asked for again.
    again = await house.transcriber().transcribe(call, plan_of(desk()))
    assert (again, house.stepfun.statistics.asr_requests) == (
        "nothing to transcribe",
        1,
    )


async def test_a_turn_gets_words_from_the_recording(house: House) -> None:
    recording = house.recorded(silence(3000) + speech(2000) + silence(1000))
    call = await house.noted(TURN, WORDLESS, recording, end=THERE)
    assert await house.transcriber().transcribe(call, plan_of(desk())) == "transcribed"
    [bot, caller] = await house.writer.store.turns("c1")
    assert bot == TURN
    assert caller.heard_text == caller.generated_text == "my number is [phone]"
    [noted] = await house.of(Transcribed)
    assert noted == Transcribed("c1", 2, None, 2500, True, {"transcription": 105})


def hears(house: House, *words: str) -> None:
    """What StepFun hears next, clip by clip."""
    left = iter(words)

    class Mind(ScriptedMind):
        def hear(self, pcm16: bytes, history: object) -> str:
            return next(left)

    house.stepfun._mind = Mind(Scenario(()))


async def two_turns(house: House) -> Call:
    """A call with two wordless turns in its recording."""
    recording = house.recorded(silence(3000) + speech(5000))
    later = replace(WORDLESS, seq=3, started_ms=6000, ended_ms=7000)
    return await house.noted(WORDLESS, later, recording, end=THERE)


async def test_what_is_private_is_silenced_before_its_words_are_written_down(
    house: House,
) -> None:
    hears(house, "Yes, that one.", SAID)
    call = await two_turns(house)
    house.is_stuck = True
    one = house.transcriber()
    with pytest.raises(UpstreamError, match="recording: no answer: not_silenced"):
        await one.transcribe(call, plan_of(desk()))
    turns = await house.writer.store.turns("c1")
    assert [turn.heard_text for turn in turns] == ["Yes, that one.", ""]
    house.is_stuck = False
    hears(house, SAID)
    assert await one.transcribe(call, plan_of(desk())) == "transcribed"
    assert house.silenced == [({3}, ["Yes, that one.", ""])]
    turns = await house.writer.store.turns("c1")
    assert turns[1].heard_text == "my number is [phone]"


async def test_the_beginning_of_a_number_is_masked_when_its_end_is_found(
    house: House,
) -> None:
    house.stepfun._mind = ScriptedMind(Scenario((Line("4242 4242 4242"),)))
    recording = house.recorded(silence(3000) + speech(5000))
    said = "My card is 4242"
    first = replace(WORDLESS, seq=1, generated_text=said, heard_text=said, started_ms=0)
    first = replace(first, ended_ms=2000)
    call = await house.noted(first, WORDLESS, recording, end=THERE)
    await house.transcriber().transcribe(call, plan_of(desk()))
    turns = await house.writer.store.turns("c1")
    assert [turn.heard_text for turn in turns] == ["My card is [card]", "[card]"]
    assert house.silenced == [({1, 2}, [said, ""])]


async def test_of_a_caller_who_is_erased_meanwhile_nothing_is_written(
    house: House,
) -> None:
    await house.noted(MESSAGE)
    plan = plan_of(desk())
    chat = Chat(house.http, house.stepfun.base_url, "key")
    store, one = house.writer.store, house.transcriber()
    reviewer = Reviewer(store, chat, Scribe(house.writer))
    told = Messenger(store, lambda: plan, None, reviewer, lambda: AT_ITS_END, one)
    ask = one._asr.transcribe

    async def transcribe(request: AsrRequest, timeout_s: float) -> Transcript:
        await store.database.transact(partial(delete_calls, call_ids=["c1"]))
        return await ask(request, timeout_s)

    one._asr.transcribe = transcribe  # type: ignore[method-assign]
    assert await told.round() == 1
    assert await store.events("c1") == []
    assert await store.database.read(select(deliveries)) == []


async def test_the_personas_terms_are_expected(house: House) -> None:
    house.stepfun._mind = ScriptedMind(Scenario((Line("Lindon Dental, please."),)))
    call = await house.noted(MESSAGE)
    whose = desk(keyterms=["Linden Dental", "x" * 150])
    await house.transcriber().transcribe(call, plan_of(whose))
    [message] = await house.writer.store.messages("c1")
    assert message.transcription == "Linden Dental, please."


async def test_a_number_in_two_turns_is_found(house: House) -> None:
    hears(house, "My card is 4242 4242", "4242 4242")
    call = await two_turns(house)
    await house.transcriber().transcribe(call, plan_of(desk()))
    turns = await house.writer.store.turns("c1")
    assert [turn.heard_text for turn in turns] == ["My card is [card]", "[card]"]


SILENT = replace(WORDLESS, ended_ms=3100)
OTHERS = replace(WORDLESS, generated_text="Hello.", heard_text="Hello.")


@pytest.mark.parametrize(
    ("records", "whose", "done"),
    [
        ((MESSAGE,), persona(), "nothing to transcribe"),
        ((MESSAGE,), desk(privacy={"store": "metadata"}), "no words are kept"),
        ((WORDLESS,), desk(), "nothing to transcribe"),  # not recorded
        ((SILENT,), desk(), "nothing to transcribe"),
        ((OTHERS,), desk(), "nothing to transcribe"),
        ((TURN,), desk(), "nothing to transcribe"),
    ],
)
async def test_what_needs_none_is_left_alone(
    house: House, records: tuple[Record, ...], whose: Persona, done: str
) -> None:
    call = await house.noted(*records)
    assert await house.transcriber().transcribe(call, plan_of(whose)) == done
    assert house.stepfun.statistics.asr_requests == 0


@pytest.mark.parametrize(
    "sound",
    [
        silence(6000),  # it was paused
        speech(1000),  # it ended before
    ],
)
async def test_what_was_not_recorded_has_no_words(house: House, sound: bytes) -> None:
    call = await house.noted(WORDLESS, house.recorded(sound), end=THERE)
    done = await house.transcriber().transcribe(call, plan_of(desk()))
    assert (done, house.stepfun.statistics.asr_requests) == ("nothing to transcribe", 0)


async def test_values_that_nobody_knows_any_more_keep_turns_wordless(
    house: House,
) -> None:
    whose = desk(vars={"pin": {"type": "text", "sensitive": True}})
    call = await house.noted(WORDLESS, MESSAGE, house.recorded(speech(6000)), end=THERE)
    await house.transcriber().transcribe(call, plan_of(whose))
    [turn] = await house.writer.store.turns("c1")
    assert turn.heard_text == ""
    assert house.stepfun.statistics.asr_requests == 1  # the message, masked in full


async def test_a_recording_that_is_being_encoded_is_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "WAITS_S", (0.0,))
    fresh = replace(THERE, ended_at=now())
    call = await house.noted(WORDLESS, Recording("c1", 0), end=fresh)
    with pytest.raises(UpstreamError, match="not_kept_yet"):
        await house.transcriber().transcribe(call, plan_of(desk()))
    read, asked = house.writer.store.recordings, []

    async def kept(call_id: str) -> list[Recording]:
        asked.append(call_id)
        return await read(call_id) if len(asked) == 1 else [there]

    there = house.recorded(speech(6000))
    monkeypatch.setattr(house.writer.store, "recordings", kept)
    assert await house.transcriber().transcribe(call, plan_of(desk())) == "transcribed"


async def test_a_recording_that_never_came_is_not(house: House) -> None:
    call = await house.noted(WORDLESS, Recording("c1", 0), end=THERE)
    done = await house.transcriber().transcribe(call, plan_of(desk()))
    assert done == "nothing to transcribe"


async def test_a_recording_that_is_gone_or_broken_has_no_words(house: House) -> None:
    gone = Recording("c1", 0, place=str(house.folder / "gone.flac"))
    call = await house.noted(WORDLESS, gone, end=THERE)
    done = await house.transcriber().transcribe(call, plan_of(desk()))
    assert done == "nothing to transcribe"
    assert caller_of(b"no sound") == b""


async def test_without_credentials_messages_stay_as_they_are(house: House) -> None:
    call = await house.noted(MESSAGE)
    one = house.transcriber(login=False)
    assert await one.transcribe(call, plan_of(desk())) == "nothing to transcribe"


async def test_a_message_that_is_not_there_yet_is_asked_for_later(
    house: House,
) -> None:
    wav = house.rest.recordings.pop(SID)
    call = await house.noted(MESSAGE)
    with pytest.raises(UpstreamError, match="twilio: HTTP 404: no_recording"):
        await house.transcriber().transcribe(call, plan_of(desk()))
    house.rest.recordings[SID] = wav
    assert await house.transcriber().transcribe(call, plan_of(desk())) == "transcribed"


def refuse(status: int) -> Callable[[House], None]:
    def change(house: House) -> None:
        house.stepfun._asr_refusals[:] = [status] * 5

    return change


def no_wav(house: House) -> None:
    house.rest.recordings[SID] = b"<html>"


@pytest.mark.parametrize("change", [refuse(451), refuse(400), no_wav])
async def test_a_clip_that_is_refused_is_a_fault_and_the_others_go_on(
    house: House, change: Callable[[House], None]
) -> None:
    change(house)
    call = await house.noted(MESSAGE)
    assert await house.transcriber().transcribe(call, plan_of(desk())) == "transcribed"
    assert await house.of(FaultNote) == [
        FaultNote("c1", 60_000, Fault.TRANSCRIPTION_FAILED)
    ]
    [noted] = await house.of(Transcribed)
    assert isinstance(noted, Transcribed)
    assert not noted.found


@pytest.mark.parametrize("status", [401, 402, 429, 503])
async def test_what_an_operator_can_mend_is_tried_again(
    house: House, status: int
) -> None:
    refuse(status)(house)
    call = await house.noted(MESSAGE)
    with pytest.raises(UpstreamError, match=str(status)):
        await house.transcriber().transcribe(call, plan_of(desk()))
    assert not await house.of(FaultNote)


async def test_what_was_found_before_it_failed_stands(house: House) -> None:
    recording = house.recorded(silence(3000) + speech(5000))
    later = replace(WORDLESS, seq=3, started_ms=6000, ended_ms=7000)
    call = await house.noted(WORDLESS, later, recording, end=THERE)
    one = house.transcriber()
    ask, asked = one._asr.transcribe, []

    async def transcribe(request: AsrRequest, timeout_s: float) -> Transcript:
        asked.append(request)
        if len(asked) > 1:
            raise UpstreamError("stepfun", "server_error", 503)
        return await ask(request, timeout_s)

    one._asr.transcribe = transcribe  # type: ignore[method-assign]
    with pytest.raises(UpstreamError, match="503"):
        await one.transcribe(call, plan_of(desk()))
    first, second = await house.writer.store.turns("c1")
    assert (first.heard_text, second.heard_text) == ("my number is [phone]", "")


async def test_no_call_takes_longer_than_its_lease(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "LONGEST_S", 0.05)
    house.stepfun.mood = Mood(asr_s=(0.5, 0.5))
    call = await house.noted(MESSAGE)
    with pytest.raises(UpstreamError, match="timeout"):
        await house.transcriber().transcribe(call, plan_of(desk()))


async def test_it_is_given_up_after_a_day(house: House) -> None:
    await house.noted(MESSAGE)
    refuse(402)(house)
    plan, at = plan_of(desk()), [ENDED.ended_at]
    chat = Chat(house.http, house.stepfun.base_url, "key")
    reviewer = Reviewer(house.writer.store, chat, Scribe(house.writer))
    one = Messenger(
        house.writer.store,
        lambda: plan,
        None,
        reviewer,
        lambda: at[0],
        house.transcriber(),
    )
    assert [await one.round(), await one.round()] == [1, 0]
    at[0] += timedelta(hours=23, minutes=59, seconds=55)
    assert [await one.round(), await one.round()] == [1, 0]
    assert await house.of(FaultNote) == [
        FaultNote("c1", 60_000, Fault.TRANSCRIPTION_FAILED)
    ]


# ---- what a plan wants -----------------------------------------------------------

AFTER_HOURS = Route.model_validate({"name": "night", "do": {"voicemail": BOX}})
PLAIN = Route.model_validate(
    {"name": "day", "do": {"voicemail": BOX | {"transcribe": True}}}
)
SPECIALS = Specials.model_validate({"overload": {"voicemail": BOX}})
QUEUE = Specials.model_validate(
    {
        "overload": {
            "queue": {"text": "Wait.", "language": "en", "then": {"voicemail": BOX}}
        }
    }
)


async def test_a_mailbox_of_a_route_may_want_it(house: House) -> None:
    plan = plan_of(None, AFTER_HOURS)
    start = replace(STARTED, account_sid=ACCOUNT, persona="", route="night")
    for record in (start, MESSAGE, ENDED):
        house.writer.note(record, NOON)
    await house.writer.stored()
    call = await house.call()
    assert await house.transcriber().transcribe(call, plan) == "transcribed"


@pytest.mark.parametrize(
    ("plan", "names"),
    [
        (plan_of(persona()), []),
        (plan_of(desk()), ["reception"]),
        (plan_of(persona(), PLAIN), []),
        (plan_of(persona(), AFTER_HOURS), [""]),
        (replace(plan_of(persona()), specials=SPECIALS), ["reception", ""]),
        (replace(plan_of(persona()), specials=QUEUE), ["reception", ""]),
    ],
)
def test_whose_calls_are_looked_through(plan: Dialplan, names: list[str]) -> None:
    assert personas_to_transcribe(plan) == names


@pytest.mark.parametrize(
    ("plan", "whose", "route", "language"),
    [
        (plan_of(persona()), "reception", "main", None),
        (plan_of(desk(language="zh-CN")), "reception", "main", "zh-CN"),
        (plan_of(None, AFTER_HOURS), "", "night", "en-US"),
        (plan_of(None, AFTER_HOURS), "", "day", None),
        (replace(plan_of(persona()), specials=QUEUE), "reception", "main", "en-US"),
        (replace(plan_of(None), specials=QUEUE), "", "main", None),
    ],
)
async def test_in_which_language_a_message_is(
    house: House, plan: Dialplan, whose: str, route: str, language: str | None
) -> None:
    call = replace(await house.noted(), persona=whose, route=route)
    assert message_language(plan, call) == language
