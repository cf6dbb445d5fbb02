"""The dictionary between the vendors and the bridge."""

import orjson
import pytest

from voicebot.bridge import model as bridge
from voicebot.flow import model as flow
from voicebot.runtime.legs import (
    ModelAction,
    from_stepfun,
    from_twilio,
    to_stepfun,
)
from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.commands import (
    ServerVad,
    SessionConfig,
    session_update,
)
from voicebot.stepfun.realtime.history import History
from voicebot.twilio import messages


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (messages.Media(20, b"\xff"), bridge.CallerAudio(b"\xff")),
        (messages.Mark("g0.1"), bridge.MarkReturned("g0.1")),
        (messages.Dtmf("5"), bridge.CallerKey("5")),
        (messages.Stop(), bridge.PeerLost(bridge.Ending.CALLER_HANGUP)),
        (messages.Connected(), None),
    ],
)
def test_what_twilio_says(
    message: messages.Message, event: bridge.Event | None
) -> None:
    assert from_twilio(message) == event


@pytest.mark.parametrize(
    ("said", "event"),
    [
        (events.AudioDelta("r", "i", b"\0\0"), bridge.BotAudio("r", b"\0\0")),
        (events.TranscriptDelta("r", "i", "Hi"), bridge.BotText("r", "Hi")),
        (events.ResponseCreated("r"), bridge.ReplyStarted("r")),
        (
            events.ResponseDone("r", events.ResponseStatus.CANCELLED, None),
            bridge.ReplyDone("r"),
        ),
        (events.ResponseCancelled("r"), bridge.ReplyDone("r")),
        (events.ResponseCancelled(None), None),
        (events.SpeechStarted("i", None), bridge.ServerSpeechStarted()),
        (events.SpeechStopped("i", None), bridge.ServerSpeechStopped()),
        (events.Committed("i", None), bridge.TurnCommitted("i")),
        (events.UserTranscript("i", "Hello"), bridge.CallerText("i", "Hello")),
        (events.Cleared(), None),
        (
            events.ServerError(events.ErrorKind.NO_SPEECH, None, None),
            bridge.ModelRefused("no_speech"),
        ),
        (
            events.ServerError(events.ErrorKind.ONGOING_RESPONSE, None, None),
            bridge.ModelRefused("ongoing_response"),
        ),
        (
            events.ServerError(events.ErrorKind.ENGINE, None, None),
            bridge.PeerLost(bridge.Ending.STEPFUN_LOST),
        ),
        (events.ServerError(events.ErrorKind.OTHER, None, None), None),
        (
            events.FunctionArgumentsDone("r", "i", "c", "human", "{}"),
            flow.ModelCalled("r", "c", "human", "{}"),
        ),
    ],
)
def test_what_stepfun_says(said: events.ServerEvent, event: flow.Input | None) -> None:
    assert from_stepfun(said) == event


@pytest.mark.parametrize(
    ("action", "kinds"),
    [
        (bridge.AppendAudio(b"\0\0"), ["input_audio_buffer.append"]),
        (bridge.CommitAudio(), ["input_audio_buffer.commit"]),
        (bridge.AskForReply(), ["response.create"]),
        (bridge.AskToSay("Hi"), ["conversation.item.create", "response.create"]),
        (bridge.CancelReply(), ["response.cancel"]),
        (
            bridge.AmendReply("r", "Of course"),
            ["conversation.item.delete", "conversation.item.create"],
        ),
        (bridge.AmendReply("r", ""), ["conversation.item.delete"]),
        (bridge.AmendReply("unknown", "Of course"), []),
        (bridge.ForgetTurn("u"), ["conversation.item.delete"]),
        (bridge.FindTurns(True), ["session.update", "input_audio_buffer.clear"]),
        (bridge.FindTurns(False), ["session.update", "input_audio_buffer.clear"]),
        (flow.ToolOutput("c", "Done."), ["conversation.item.create"]),
        (flow.TellModel("The caller typed."), ["conversation.item.create"]),
    ],
)
def test_what_we_say_to_stepfun(action: ModelAction, kinds: list[str]) -> None:
    frames = to_stepfun(action, conversation())
    assert [orjson.loads(frame)["type"] for frame in frames] == kinds


def test_a_turn_that_was_committed_stands_behind_the_answer_that_is_amended() -> None:
    history = conversation()
    to_stepfun(bridge.CommitAudio(), history)
    _, create = to_stepfun(bridge.AmendReply("r", "Of course"), history)
    assert orjson.loads(create)["previous_item_id"] == "u"


def test_stepfun_finds_turns_as_it_was_told_when_the_session_began() -> None:
    vad = ServerVad(silence_ms=700, energy_threshold=1200)

    def told(by_server: bool) -> object:
        update, _ = to_stepfun(bridge.FindTurns(by_server), conversation(), vad)
        return orjson.loads(update)["session"]

    config = SessionConfig("Be brief.", "linjiajiejie", turn_detection=vad)
    began = orjson.loads(session_update(config))["session"]
    assert told(True) == {"turn_detection": began["turn_detection"]}
    assert told(False) == {"turn_detection": None}


def conversation() -> History:
    """A turn `u` of the caller's, and its answer in the response `r`."""
    history = History(set())
    history.saw(events.Committed("u", None))
    history.saw(events.TranscriptDelta("r", "i", "Of course, I'll"))
    history.saw(events.ItemCreated("i", "message", "assistant", "u"))
    return history
