"""Turns, responses and interruptions of the offline StepFun."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.sim.stepfun.harness import HELLO, Client, message, silence, tone
from voicebot.sim.stepfun import (
    At,
    Drop,
    Line,
    Mood,
    Scenario,
    ScriptedMind,
    Utterance,
)
from voicebot.sim.stepfun.babble import babble
from voicebot.sim.stepfun.mind import Hear, Reply, think

STARTED = "input_audio_buffer.speech_started"
STOPPED = "input_audio_buffer.speech_stopped"
HEARD = "conversation.item.input_audio_transcription.completed"
DELTA = "response.audio.delta"
LONG = Scenario((Line("hello", "One two three four five six seven eight. " * 5),))
MONOLOGUE = ScriptedMind(LONG)


def long_answer(mood: Mood | None = None, *, after_s: float = 1.0) -> Client:
    """A bot in the middle of an answer of some twelve seconds."""
    client = Client(mood, MONOLOGUE)
    client.vad()
    client.ask()
    client.wait(after_s)
    assert client.audio()
    return client


# Turn detection


def test_a_turn_under_vad_comes_in_the_order_that_was_seen() -> None:
    client = Client().vad()
    client.say_something()
    client.wait(8)
    floating = (HEARD, "response.audio_transcript.delta", DELTA)
    kinds = [event["type"] for event in client.events()]
    assert [kind for kind in kinds if kind not in floating] == [
        "session.created",
        "session.updated",
        STARTED,
        STOPPED,
        "input_audio_buffer.committed",
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.audio_transcript.done",
        "response.audio.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    (heard,) = client.events(HEARD)
    assert heard["transcript"] == "hello"
    (committed,) = client.events("input_audio_buffer.committed")
    assert "previous_item_id" not in committed
    user, bot = client.events("conversation.item.created")
    assert user["item"]["id"] == heard["item_id"] == committed["item_id"]
    assert bot["previous_item_id"] == user["item"]["id"]


@pytest.mark.parametrize("onset_s", [0.2, 0.95])
def test_speech_started_comes_a_fixed_time_after_the_first_sound(
    onset_s: float,
) -> None:
    client = Client(Mood(onset_s=onset_s)).vad(prefix_padding_ms=300)
    client.append(silence(1000))
    began = client.now
    client.append(tone(1500))
    ((at, event),) = client.timed(STARTED)
    assert at - began == pytest.approx(onset_s, abs=0.041)
    assert event["audio_start_ms"] == 700


def test_a_short_word_starts_late_and_stops_at_once() -> None:
    client = Client(Mood(onset_s=0.95)).vad()
    client.append(tone(300) + silence(1000))
    ((started, _),) = client.timed(STARTED)
    ((stopped, _),) = client.timed(STOPPED)
    assert stopped == started


def test_speech_stops_after_the_silence_that_was_asked_for() -> None:
    client = Client().vad(silence_duration_ms=600)
    client.append(tone(1000) + silence(300) + tone(400))
    ended = client.now
    client.append(silence(900))
    ((at, event),) = client.timed(STOPPED)
    assert at - ended == pytest.approx(0.6, abs=0.041)
    assert event["audio_end_ms"] == 2300


def test_the_default_silence_of_100_ms_cuts_a_sentence_in_two() -> None:
    client = Client()
    detection = {"type": "server_vad"}
    client.send("session.update", session={"turn_detection": detection})
    client.append(tone(600) + silence(200) + tone(600) + silence(200))
    assert len(client.events(STOPPED)) == 2


def test_soft_speech_stays_under_the_threshold() -> None:
    client = Client().vad(energy_awakeness_threshold=2500)
    client.append(tone(2000, level=2000))
    assert client.events(STARTED) == []
    client.vad(energy_awakeness_threshold=0)
    client.append(tone(2000, level=2000))
    assert client.events(STARTED) != []


def test_a_click_is_no_speech() -> None:
    client = Client().vad()
    client.append((tone(40) + silence(400)) * 5)
    assert client.events(STARTED) == []


def test_without_silence_a_turn_never_ends() -> None:
    client = Client().vad()
    client.append(tone(1000))
    client.wait(30)
    assert client.events(STARTED)
    assert client.events(STOPPED) == []


def test_chunks_of_any_size_are_heard_alike() -> None:
    audio = silence(100) + tone(900) + silence(700)
    found = []
    for size in (960, 4800, 7, len(audio)):
        client = Client().vad()
        client.append(b"")
        for at in range(0, len(audio) - len(audio) % 2, size + size % 2):
            chunk = audio[at : at + size + size % 2]
            client.send(
                "input_audio_buffer.append", audio=base64.b64encode(chunk).decode()
            )
        found.append(
            [
                {k: v for k, v in event.items() if k.startswith("audio_")}
                for event in client.events()
                if event["type"] in (STARTED, STOPPED)
            ]
        )
    assert found[1:] == found[:-1]


def test_clear_forgets_a_turn_that_has_begun() -> None:
    client = Client().vad()
    client.append(tone(600))
    (cleared,) = client.send("input_audio_buffer.clear")
    assert cleared["type"] == "input_audio_buffer.cleared"
    client.append(silence(2000))
    assert client.events(STOPPED) == []


def test_vad_is_on_or_off_by_default() -> None:
    for on in (True, False):
        client = Client(Mood(vad_by_default=on))
        client.append(tone(1200))
        event, *_ = client.send("input_audio_buffer.commit")
        assert (event["type"] == "error") is on


def test_with_vad_every_turn_is_answered() -> None:
    client = Client().vad()
    for _ in range(3):
        client.say_something()
        client.wait(6)
    transcripts = [event["transcript"] for event in client.events(HEARD)]
    assert transcripts == ["hello", "when are you open", "goodbye"]
    assert len(client.events("response.done")) == 3


# Turns without VAD


def test_a_manual_turn_is_appended_committed_and_asked_for() -> None:
    client = Client().manual()
    client.append(silence(200) + tone(1000))
    assert client.events(STARTED) == []
    events = client.send("input_audio_buffer.commit")
    assert [event["type"] for event in events] == [
        "input_audio_buffer.committed",
        "conversation.item.created",
    ]
    client.wait(1)
    assert client.events("response.created") == []
    client.send("response.create")
    client.wait(8)
    (done,) = client.events("response.done")
    text = "Hello, this is the clinic. How can I help you today?"
    assert done["response"]["output"][0]["content"][0]["transcript"] == text
    assert client.audio() == babble(text)


def test_commit_is_refused_under_vad_and_on_an_empty_buffer() -> None:
    client = Client().vad()
    (event,) = client.send("input_audio_buffer.commit")
    assert message(event) == "commit when server vad"
    (event,) = client.manual().send("input_audio_buffer.commit")
    assert message(event) == "append is not called"


@pytest.mark.parametrize("audio", [tone(700), tone(980), silence(3000)])
def test_a_short_or_silent_commit_is_no_speech_and_is_never_answered(
    audio: bytes,
) -> None:
    client = Client().manual()
    client.append(audio)
    (event,) = client.send("input_audio_buffer.commit")
    assert message(event) == "no speech found"
    assert client.send("response.create") == []
    client.wait(10)
    assert client.events("response.done") == []
    client.ask()  # something new to answer
    assert client.events("response.created")


def test_1000_ms_are_enough() -> None:
    client = Client().manual()
    client.append(tone(1000))
    assert client.send("input_audio_buffer.commit")[0]["type"] != "error"


def test_clear_empties_the_manual_buffer() -> None:
    client = Client().manual()
    client.append(tone(1200))
    client.send("input_audio_buffer.clear")
    (event,) = client.send("input_audio_buffer.commit")
    assert message(event) == "append is not called"


def test_appending_without_vad_stops_nothing() -> None:
    client = Client(mind=MONOLOGUE).manual()
    client.ask()
    client.wait(1)
    before = len(client.audio())
    client.append(tone(2000))
    assert len(client.audio()) > before


# Responses


def test_a_response_on_an_empty_conversation_fails_in_the_template() -> None:
    (event,) = Client().send("response.create")
    assert "continue_final_message" in message(event)


def test_there_is_one_response_at_a_time() -> None:
    client = long_answer()
    (event,) = client.send("response.create")
    assert message(event) == "ongoing response already exists"
    client.wait(30)
    client.send("response.create")
    assert len(client.events("response.created")) == 2


def test_response_create_may_carry_an_object_only() -> None:
    client = Client()
    client.add_text("hello")
    (event,) = client.send("response.create", response=[])
    assert message(event) == "invalid event format"


@pytest.mark.parametrize("obeys", [True, False])
def test_instructions_of_one_response_may_be_ignored(obeys: bool) -> None:
    client = Client(Mood(obeys_response_instructions=obeys))
    client.add_text("something else")
    client.send("response.create", response={"instructions": "Say exactly: Good day."})
    client.wait(5)
    (done,) = client.events("response.audio_transcript.done")
    assert (done["transcript"] == "Good day.") is obeys


def test_a_text_that_asks_for_words_gets_them() -> None:
    client = Client()
    client.ask("Say exactly: Linden Dental, good morning!")
    client.wait(5)
    (done,) = client.events("response.audio_transcript.done")
    assert done["transcript"] == "Linden Dental, good morning!"


def test_usage_is_always_there_and_adds_up() -> None:
    client = Client()
    client.ask()
    client.wait(8)
    (done,) = client.events("response.done")
    usage = done["response"]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    details = usage["output_token_details"]
    assert usage["output_tokens"] == sum(details.values())
    assert details["audio_tokens"] > 0


def test_words_run_ahead_of_the_audio_and_are_done_before_its_tail() -> None:
    client = Client(mind=MONOLOGUE)
    client.ask()
    client.wait(30)
    kinds = [event["type"] for event in client.events()]
    tail = kinds[kinds.index("response.audio_transcript.done") :]
    assert tail.count(DELTA) >= 3
    words = [e["delta"] for e in client.events("response.audio_transcript.delta")]
    assert "".join(words) == LONG.lines[0].say


def test_chinese_words_come_in_pieces_too() -> None:
    say = "您好，这里是晨光口腔，请问有什么可以帮您？"
    client = Client(mind=ScriptedMind(Scenario((Line("hello", say),))))
    client.ask()
    client.wait(10)
    words = [e["delta"] for e in client.events("response.audio_transcript.delta")]
    assert len(words) > 3
    assert "".join(words) == say


def test_deltas_begin_small_vary_and_come_barely_faster_than_they_play() -> None:
    client = Client(Mood.real(), MONOLOGUE)
    client.ask()
    client.wait(30)
    timed = [(at, len(e["delta"]) // 4 * 3) for at, e in client.timed(DELTA)]
    sizes = [size for _, size in timed]
    assert sizes[0] == 9600
    assert all(size % 1920 == 0 and size <= 92160 for size in sizes[:-1])
    assert len(set(sizes[1:-1])) > 1
    began = timed[0][0]
    sent_s = 0.0
    for at, size in timed:
        assert -0.5 < sent_s / 1.0 - (at - began) < 1.7
        sent_s += size / 48000


@pytest.mark.parametrize("mood", [Mood.burst(), Mood(speed=50.0)])
def test_a_long_answer_may_come_at_once(mood: Mood) -> None:
    client = Client(mood, MONOLOGUE)
    client.ask()
    client.wait(0.7)
    assert client.events("response.done")
    assert len(client.audio()) > 48000 * 10


def test_thinking_takes_its_time_and_a_line_can_take_more() -> None:
    slow = ScriptedMind(Scenario((Line("hello", "Hi.", reply_after_ms=2000),)))
    client = Client(Mood(think_s=(0.5, 0.5)), slow)
    client.ask()
    asked = client.now
    client.wait(5)
    (at, _) = client.timed(DELTA)[0]
    assert at - asked == pytest.approx(2.5)


def test_a_transcript_comes_late_or_never() -> None:
    late = Client(Mood(transcript_after_s=(5.0, 5.0))).vad()
    late.say_something()
    late.wait(10)
    ((at, _),) = late.timed(HEARD)
    ((committed, _),) = late.timed("input_audio_buffer.committed")
    assert at - committed == pytest.approx(5.0)
    assert at > late.timed("response.done")[0][0]
    never = Client(Mood(lost_transcripts=1.0)).vad()
    never.say_something()
    never.wait(10)
    assert never.events(HEARD) == []
    assert never.events("response.done")


def test_a_function_is_called_after_the_spoken_lead_in() -> None:
    line = Line(
        "hello", "Let me see.", call="look_up", arguments={"n": 1}, then="It is fine."
    )
    client = Client(mind=ScriptedMind(Scenario((line,))))
    client.ask()
    client.wait(5)
    kinds = [k for k in client.kinds() if k.startswith("response.") or "item" in k]
    assert kinds[-6:] == [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.audio.done",
        "response.done",
    ]
    assert client.audio()
    (arguments,) = client.events("response.function_call_arguments.done")
    assert json.loads(arguments["arguments"]) == {"n": 1}
    deltas = client.events("response.function_call_arguments.delta")
    assert "".join(e["delta"] for e in deltas) == arguments["arguments"]
    assert deltas[1]["delta"] == ""
    (done,) = client.events("response.done")
    spoken, call = done["response"]["output"]
    assert (spoken["status"], call["status"]) == ("in_progress", "completed")
    assert call["call_id"].endswith("_look_up")
    output = {
        "type": "function_call_output",
        "call_id": call["call_id"],
        "output": "{}",
    }
    client.send("conversation.item.create", item=output)
    client.send("response.create")
    client.wait(5)
    said = client.events("response.audio_transcript.done")[-1]
    assert said["transcript"] == "It is fine."


def test_a_function_can_be_called_without_a_word() -> None:
    line = Line("hello", call="hang_up")
    client = Client(mind=ScriptedMind(Scenario((line,))))
    client.ask()
    client.wait(5)
    assert client.audio() == b""
    (said,) = client.events("response.audio_transcript.done")
    assert said["transcript"] == ""


# Being interrupted


def test_speech_stops_the_audio_at_once_and_the_response_a_little_later() -> None:
    mood = Mood(interrupted_done_s=(1.0, 1.0))
    client = long_answer(mood)
    client.say_something(1200)
    client.wait(15)
    ((started, _),) = client.timed(STARTED)
    first, second = client.timed("response.done")
    old = first[1]["response"]
    assert old["status"] == "incomplete"
    assert old["output"][0]["status"] == "incomplete"
    assert "usage" in old
    assert first[0] - started == pytest.approx(1.0)
    assert all(
        at <= started for at, e in client.timed(DELTA) if e["response_id"] == old["id"]
    )
    assert second[1]["response"]["status"] == "completed"


def test_the_new_turn_waits_for_the_end_of_the_old_one() -> None:
    client = long_answer(Mood(interrupted_done_s=(3.0, 3.0)))
    client.say_something(600)
    client.wait(10)
    kinds = [e["type"] for e in client.events() if e["type"].startswith("response.")]
    assert kinds.count("response.created") == 2
    first_done = kinds.index("response.done")
    assert kinds[first_done + 1] == "response.created"


def test_an_interruption_before_the_first_audio_leaves_an_empty_response() -> None:
    client = Client(Mood(think_s=(3.0, 3.0)), MONOLOGUE).vad()
    client.ask()
    client.append(tone(500))
    client.wait(2)
    (done,) = client.events("response.done")
    assert done["response"]["status"] == "incomplete"
    assert done["response"]["output"] == []


def test_an_answer_that_was_thought_out_too_late_is_not_said() -> None:
    client = Client(mind=MONOLOGUE)
    client.add_text("hello")
    client.session.receive('{"type": "response.create"}', client.now)
    (question,) = client.session.questions()
    client.send("response.cancel")
    client.wait(1)
    client.session.thought(think(client.mind, question), client.now)
    client.wait(5)
    assert client.audio() == b""
    (done,) = client.events("response.done")
    assert done["response"]["status"] == "cancelled"


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "completed"])
def test_cancel_stops_within_a_moment_with_a_status_of_any_kind(status: str) -> None:
    mood = Mood(cancel_lag_s=(0.4, 0.4), cancel_statuses=(status,), says_cancelled=1)
    client = long_answer(mood, after_s=2.0)
    cancelled_at = client.now
    client.send("response.cancel")
    client.wait(10)
    ((done_at, done),) = client.timed("response.done")
    assert done["response"]["status"] == status
    assert done_at - cancelled_at == pytest.approx(0.4)
    last_audio = client.timed(DELTA)[-1][0]
    assert last_audio <= done_at
    assert client.events("response.cancelled")
    (item,) = client.events("response.output_item.done")
    assert item["item"]["status"] in ("incomplete", "completed")


def test_audio_that_was_under_way_still_comes_after_cancel() -> None:
    mood = Mood(cancel_lag_s=(0.45, 0.45), delta_bytes=(1920, 1920))
    client = long_answer(mood)
    before = len(client.audio())
    client.send("response.cancel")
    client.wait(5)
    assert len(client.audio()) > before


def test_nothing_can_be_cancelled_twice_or_after_the_end() -> None:
    client = long_answer()
    client.send("response.cancel")
    (event,) = [e for e in client.send("response.cancel") if "error" in e]
    assert message(event) == "no ongoing response to cancel"
    client.wait(5)
    (event,) = client.send("response.cancel")
    assert message(event) == "no ongoing response to cancel"


def test_a_response_that_ends_before_its_cancel_takes_effect_is_complete() -> None:
    client = Client(Mood(cancel_lag_s=(60.0, 60.0)), MONOLOGUE)
    client.ask()
    client.wait(1)
    client.send("response.cancel")
    client.wait(40)
    (done,) = client.events("response.done")
    assert done["response"]["status"] == "completed"


def test_the_model_remembers_all_of_an_answer_that_was_cut() -> None:
    class Listener(ScriptedMind):
        history: Sequence[Utterance] = ()

        def answer(self, instructions: str, history: Sequence[Utterance]) -> Reply:
            self.history = history
            return super().answer(instructions, history)

    mind = Listener(LONG)
    client = Client(mind=mind)
    client.ask()
    client.wait(1)
    client.send("response.cancel")
    client.wait(1)
    client.ask("and")
    assert mind.history[1] == Utterance("assistant", LONG.lines[0].say)


def test_deleting_what_nobody_understood_yet_lets_the_answer_go_on() -> None:
    client = Client().manual()
    client.append(tone(1200))
    client.session.receive('{"type": "input_audio_buffer.commit"}', client.now)
    (hear,) = client.session.questions()
    client.add_text("hello")
    client.send("response.create")
    client.wait(5)
    assert client.audio() == b""

    assert isinstance(hear, Hear)
    client.send("conversation.item.delete", item_id=hear.item_id)
    client.wait(8)
    assert client.audio()
    client.session.thought(think(client.mind, hear), client.now)
    assert client.events(HEARD) == []


# Faults


def test_a_response_can_stall_and_be_cancelled() -> None:
    for deltas in (0, 3):
        client = Client(Mood(stalls=At(1, deltas)), MONOLOGUE)
        client.ask()
        client.wait(40)
        assert len(client.events(DELTA)) == deltas
        assert client.events("response.done") == []
        client.send("response.cancel")
        client.wait(1)
        assert client.events("response.done")


def test_only_the_response_at_fault_is_cut_short() -> None:
    client = Client(Mood(stalls=At(2, 0)))
    client.ask()
    client.wait(8)
    assert client.events("response.done")
    client.ask()
    client.wait(8)
    assert len(client.events("response.done")) == 1


def test_a_fault_behind_the_last_delta_never_happens() -> None:
    client = Client(Mood(fails=At(1, 500)))
    client.ask()
    client.wait(8)
    (done,) = client.events("response.done")
    assert done["response"]["status"] == "completed"


@pytest.mark.parametrize("deltas", [0, 2])
def test_a_response_can_fail(deltas: int) -> None:
    client = Client(Mood(fails=At(1, deltas)))
    client.ask()
    client.wait(8)
    (error,) = client.events("error")
    assert "internal error" in message(error)
    (done,) = client.events("response.done")
    assert done["response"]["status"] == "failed"
    assert len(client.events(DELTA)) == deltas


@pytest.mark.parametrize("deltas", [0, 2])
def test_the_connection_can_be_lost_in_an_answer(deltas: int) -> None:
    client = Client(Mood(drops=At(1, deltas)))
    client.ask()
    client.wait(8)
    assert len(client.events(DELTA)) == deltas
    assert client.session.close_due(client.now) == Drop("fault", None)
    client.add_text("are you there")
    client.wait(8)
    assert len(client.events(DELTA)) == deltas
    assert client.session.next_deadline() <= client.now


def test_noise_between_the_deltas_spoils_none_of_them() -> None:
    mood = replace(
        Mood.kind(),
        garbage=1.0,
        unknown_events=1.0,
        rate_limits=True,
        ragged_deltas=True,
        doubles_done=True,
    )
    client = Client(mood)
    client.ask()
    client.wait(8)
    assert client.audio() == babble(HELLO.lines[0].say)
    done = [event for event in client.events("response.done") if event["response"]]
    assert len(done) == 2
    assert client.events("rate_limits.updated")
    assert len(client.frames) > len(client.timed())


def test_a_mood_is_nasty_in_many_ways_but_always_the_same_for_a_seed() -> None:
    moods = {Mood.nasty(seed) for seed in range(30)}
    assert len(moods) == 30
    assert Mood.nasty(3) in moods
