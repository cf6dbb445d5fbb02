"""Both vendors' words, translated to the bridge's and back."""

from typing import assert_never

from voicebot.bridge import model as bridge
from voicebot.flow import model as flow
from voicebot.stepfun.realtime import commands, events
from voicebot.stepfun.realtime.history import History
from voicebot.twilio import messages

# Injected text like this was spoken verbatim in 9 of 9 tries (stepfun reference,
# 3.10); response-level instructions are not reliably honoured (3.6.7).
SAY = "Say exactly the following, word for word, and nothing else: {text}"

ModelAction = (
    bridge.AppendAudio
    | bridge.CommitAudio
    | bridge.AskForReply
    | bridge.AskToSay
    | bridge.CancelReply
    | bridge.AmendReply
    | bridge.ForgetTurn
    | bridge.FindTurns
    | flow.ToolOutput
    | flow.TellModel
)


def from_twilio(message: messages.Message) -> bridge.Event | None:
    """What a message of the media stream means to the call, if anything."""
    match message:
        case messages.Media(ulaw=ulaw):
            return bridge.CallerAudio(ulaw)
        case messages.Mark(name=name):
            return bridge.MarkReturned(name)
        case messages.Dtmf(digit=digit):
            return bridge.CallerKey(digit)
        case messages.Stop():
            return bridge.PeerLost(bridge.Ending.CALLER_HANGUP)
        case messages.Connected() | messages.Start():
            return None
        case _:
            assert_never(message)


def from_stepfun(
    event: events.ServerEvent,
) -> bridge.Event | flow.ModelCalled | None:
    """What an event of the model means to the call, if anything."""
    match event:
        case events.AudioDelta(response_id=response_id, pcm16=pcm16):
            return bridge.BotAudio(response_id, pcm16)
        case events.TranscriptDelta(response_id=response_id, text=text):
            return bridge.BotText(response_id, text)
        case events.ResponseCreated(response_id=response_id):
            return bridge.ReplyStarted(response_id)
        case events.FunctionArgumentsDone(response_id, _, call_id, name, arguments):
            return flow.ModelCalled(response_id, call_id, name, arguments)
        case events.ResponseDone(response_id=response_id):
            return bridge.ReplyDone(response_id)
        case events.ResponseCancelled(response_id=str(response_id)):
            return bridge.ReplyDone(response_id)
        case events.SpeechStarted():
            return bridge.ServerSpeechStarted()
        case events.SpeechStopped():
            return bridge.ServerSpeechStopped()
        case events.Committed(item_id=item_id):
            return bridge.TurnCommitted(item_id)
        case events.UserTranscript(item_id=item_id, text=text):
            return bridge.CallerText(item_id, text)
        case events.ServerError(kind=kind):
            return _refused(kind)
        case _:
            return None


def to_stepfun(
    action: ModelAction, history: History, vad: commands.ServerVad | None = None
) -> list[bytes]:
    """
    The frames that carry out an order to the model, in this conversation.

    Args:
        vad: the server's own, if it is to find turns at times.
    """
    match action:
        case bridge.AppendAudio(pcm16):
            return [commands.append(pcm16)]
        case bridge.CommitAudio():
            history.committing()
            return [commands.commit()]
        case bridge.AskForReply():
            return [commands.create_response()]
        case bridge.AskToSay(text):
            said = commands.create_message("user", SAY.format(text=text))
            return [said, commands.create_response()]
        case bridge.CancelReply():
            return [commands.cancel_response()]
        case bridge.AmendReply(response_id, heard_text):
            return history.amend(response_id, heard_text)
        case bridge.ForgetTurn(item_id):
            return history.forget(item_id)
        case bridge.FindTurns(by_server):
            return commands.find_turns(vad if by_server else None)
        case flow.ToolOutput(call_id, text):
            return [commands.create_function_output(call_id, text)]
        case flow.TellModel(text):
            return [commands.create_message("system", text)]
        case _:
            assert_never(action)


def _refused(kind: events.ErrorKind) -> bridge.Event | None:
    match kind:
        case events.ErrorKind.NO_SPEECH | events.ErrorKind.APPEND_NOT_CALLED:
            return bridge.ModelRefused("no_speech")
        case events.ErrorKind.ONGOING_RESPONSE:
            return bridge.ModelRefused("ongoing_response")
        case events.ErrorKind.ENGINE | events.ErrorKind.QUOTA:
            return bridge.PeerLost(bridge.Ending.STEPFUN_LOST)
        case _:  # counted by the leg; nothing that the call could do about it
            return None
