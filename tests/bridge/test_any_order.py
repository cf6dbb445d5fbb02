"""Whatever happens in whatever order: no exception, one end, and in time."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bridge.calls import (
    APOLOGY,
    GOODBYE,
    GREETING,
    PHASES,
    VOICE,
    Call,
    in_phase,
    pcm,
)
from tests.twins import source_only
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    TRANSITIONS,
    Action,
    Answering,
    BotAudio,
    BotText,
    CallerAudio,
    CallerKey,
    CallerText,
    CommitAudio,
    DeadlineReached,
    Ending,
    EndRequested,
    Event,
    FindTurns,
    HangUp,
    MarkReturned,
    ModelOptional,
    ModelRefused,
    NoteTurn,
    PeerLost,
    Phase,
    PlayToCaller,
    Redial,
    ReplyDone,
    ReplyStarted,
    ReplyWanted,
    Retune,
    Reword,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
    Speak,
    StopSpeaking,
    TurnCommitted,
)
from voicebot.bridge.settings import BargeIn, Listening, Prompt, Resume, Settings

STEPS = {(before, after) for (before, _), after in TRANSITIONS.items()}

# ---- every event in every phase --------------------------------------------------

RETUNE = Retune(BargeIn("never"), Listening("patient"))
REWORD = Reword(GOODBYE, APOLOGY, (GREETING,), ("ciao",))

EVENTS: list[Event] = [
    Answering(on=False),
    BotAudio("new", pcm(500)),
    BotText("new", "Hello"),
    CallerAudio(b"\xff" * 160),
    CallerKey("1"),
    CallerText("i1", "Hello"),
    DeadlineReached(),
    EndRequested(Ending.DRAIN),
    MarkReturned("g9.9"),
    ModelOptional(on=True),
    ModelRefused("no_speech"),
    ModelRefused("ongoing_response"),
    PeerLost(Ending.CALLER_HANGUP),
    PeerLost(Ending.STEPFUN_LOST),
    PeerLost(Ending.STEPFUN_REFUSED),
    PeerLost(Ending.TWILIO_LOST),
    ReplyDone("r1"),
    ReplyStarted("new"),
    ReplyWanted(),
    RETUNE,
    REWORD,
    ServerSpeechStarted(),
    ServerSpeechStopped(),
    SessionReady(),
    Speak("menu", GOODBYE),
    StopSpeaking(),
    TurnCommitted("i9"),
]

# Owner, phase, event: the phase that follows. A triple that isn't here changes nothing.
FOLLOWS: dict[tuple[str, str, type], str] = {
    ("local", "waiting", BotAudio): "speaking",
    ("server", "listening", BotAudio): "speaking",
    ("server", "caller", BotAudio): "speaking",
    ("server", "waiting", BotAudio): "speaking",
    ("local", "speaking", CallerKey): "listening",
    ("local", "tentative", CallerKey): "listening",
    ("server", "tentative", CallerKey): "listening",
    ("server", "speaking", CallerKey): "listening",
    ("server", "listening", BotText): "waiting",
    ("server", "caller", BotText): "waiting",
    ("server", "listening", ReplyStarted): "waiting",
    ("server", "caller", ReplyStarted): "waiting",
    ("server", "listening", ServerSpeechStarted): "caller",
    ("server", "caller", ServerSpeechStopped): "waiting",
    ("server", "caller", TurnCommitted): "waiting",
    ("server", "waiting", ServerSpeechStarted): "caller",
    ("local", "waiting", Answering): "listening",
    ("server", "waiting", Answering): "listening",
    ("local", "listening", ReplyWanted): "waiting",
    ("server", "listening", ReplyWanted): "waiting",
    ("local", "listening", Speak): "speaking",
    ("server", "listening", Speak): "speaking",
    ("local", "waiting", Speak): "speaking",
    ("server", "waiting", Speak): "speaking",
    ("local", "waiting", StopSpeaking): "listening",
    ("server", "waiting", StopSpeaking): "listening",
    ("local", "speaking", StopSpeaking): "listening",
    ("server", "speaking", StopSpeaking): "listening",
    **{
        (owner, phase, EndRequested): "closing"
        for owner in ("local", "server")
        for phase in PHASES
    },
}


def after(owner: str, phase: str, event: Event) -> str:
    if isinstance(event, PeerLost) and phase != "ended":
        gone = event.ending in (Ending.CALLER_HANGUP, Ending.TWILIO_LOST)
        return "ended" if gone else "closing"
    return FOLLOWS.get((owner, phase, type(event)), phase)


def test_no_event_is_forgotten() -> None:
    assert {type(event) for event in EVENTS} == set(Event.__args__)


@pytest.mark.parametrize("phase", [*PHASES, "ended"])
@pytest.mark.parametrize("owner", ["local", "server"])
def test_every_event_in_every_phase(owner: str, phase: str) -> None:
    for event in EVENTS:
        call = in_phase(phase, owner=owner)
        call.give(event)
        assert call.phase == after(owner, phase, event), event


# ---- any events in any order -----------------------------------------------------


class Watched(Bridge):
    """Fails if the phase changes otherwise than the table allows."""

    _phase: Phase

    @property
    def phase(self) -> Phase:
        return self._phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        assert not hasattr(self, "_phase") or (self._phase, phase) in STEPS
        self._phase = phase


responses = st.sampled_from(["r1", "r2", "r3", "prompt:greeting"])
items = st.sampled_from(["i1", "i2"])
ears = st.sampled_from(
    [
        VOICE[:3200],
        VOICE[:8000],
        b"\xff" * 160,
        b"\xff" * 8000,
        b"\xff" * 4800,
        b"",
        b"\x80",
    ]
)
mouths = st.sampled_from([b"", b"\x01", pcm(100), pcm(400), pcm(2000), pcm(400)[:-1]])
peers = st.sampled_from([Ending.CALLER_HANGUP, Ending.STEPFUN_LOST, Ending.TWILIO_LOST])
anything: st.SearchStrategy[Event] = st.one_of(
    st.builds(CallerAudio, ears),
    st.builds(BotAudio, responses, mouths),
    st.builds(ReplyStarted, responses),
    st.builds(ReplyDone, responses),
    st.builds(BotText, responses, st.sampled_from(["", "Hello", "好的。"])),
    st.builds(TurnCommitted, items),
    st.builds(CallerText, items, st.sampled_from(["", "Yes", "bye"])),
    st.builds(ModelRefused, st.sampled_from(["no_speech", "ongoing_response"])),
    st.builds(MarkReturned, st.sampled_from(["g0.1", "g0.2", "g1.3", "x"])),
    st.sampled_from([SessionReady(), ServerSpeechStarted(), ServerSpeechStopped()]),
    st.sampled_from([CallerKey("5"), DeadlineReached(), DeadlineReached()]),
    st.builds(Speak, st.just("menu"), st.deferred(lambda: prompts), st.booleans()),
    st.builds(Answering, st.booleans()) | st.builds(ModelOptional, st.booleans()),
    st.sampled_from([StopSpeaking(), ReplyWanted(), RETUNE, REWORD]),
)
endings: st.SearchStrategy[Event] = st.builds(PeerLost, peers) | st.just(
    EndRequested(Ending.DRAIN)
)
prompts: st.SearchStrategy[Prompt] = st.sampled_from(
    [GREETING, Prompt("Hello"), Prompt(""), Prompt("Hm", b"")]
)
wanted = st.builds(
    Settings,
    owner=st.sampled_from(["local", "server"]),
    greeting=prompts,
    goodbye=st.sampled_from([GOODBYE, Prompt("Goodbye!"), Prompt("")]),
    apology=st.sampled_from([APOLOGY, Prompt("Sorry!"), Prompt("")]),
    protect_s=st.sampled_from([0.0, 1.0]),
    farewells=st.just(("bye",)),
    barge_in=st.sampled_from([BargeIn(), BargeIn("stop"), BargeIn("never")]),
    no_media_s=st.sampled_from([10.0, 1e9]),
    start_buffer_ms=st.sampled_from([0, 300]),
    lead_ms=st.sampled_from([0, 240]),
    resume=st.sampled_from([Resume(), Resume(1), Resume(3, 2.0)]),
    fillers=st.sampled_from([(), (GOODBYE,)]),
)
steps = st.lists(
    st.tuples(
        anything | anything | anything | anything | endings,
        st.sampled_from([0.0, 0.0, 0.02, 0.3, 2.0, 7.0]),
    ),
    max_size=40,
)


def wake(bridge: Bridge, now: float, until: float) -> tuple[list[Action], float]:
    """Obey its deadlines; fail if they make no progress."""
    actions: list[Action] = []
    wakes = 0
    while (deadline := bridge.next_deadline()) is not None and deadline <= until:
        later = max(now, deadline)
        wakes = 0 if later > now else wakes + 1
        assert wakes < 10, "it wakes us for nothing"
        now = later
        actions += bridge.handle(DeadlineReached(), now)
    return actions, now


@source_only
@given(wanted, steps)
@settings(max_examples=400, deadline=None)
def test_any_events_in_any_order_end_a_call_once_and_in_time(
    wants: Settings, events: list[tuple[Event, float]]
) -> None:
    bridge, now = Watched(wants, 100.0), 100.0
    actions = bridge.start(now)
    for event, then_s in events:
        if bridge.phase is Phase.ENDED:
            assert bridge.handle(event, now) == []
        actions += bridge.handle(event, now)
        woken, _ = wake(bridge, now, now + then_s)
        actions += woken
        now += then_s
    woken, ended_at = wake(bridge, now, now + 10_000)
    actions += woken
    assert bridge.phase is Phase.ENDED
    assert bridge.next_deadline() is None
    # After the longest call, there is a model's silence and the longest last words.
    assert ended_at <= max(now, 100 + wants.duration_s) + wants.stall_s + 2.0 + 3.0
    assert [type(action) for action in actions].count(HangUp) == 1
    assert isinstance(actions[-1], HangUp)
    assert len(actions) < 10_000
    server_finds = wants.owner == "server"
    for action in actions:
        if isinstance(action, Redial):
            server_finds = wants.owner == "server"  # the session is another
        if isinstance(action, FindTurns):
            assert wants.owner == "server"
            assert action.by_server is not server_finds  # none twice
            server_finds = action.by_server
        if isinstance(action, CommitAudio):
            assert not server_finds  # it would be an error
        if isinstance(action, NoteTurn):
            assert 0 <= action.heard_ms <= action.generated_ms
            assert 0 <= action.started_ms <= action.ended_ms
            assert action.generated_text.startswith(action.heard_text)
            assert action.reply_ms is None or action.reply_ms >= 0


@given(wanted, st.sampled_from([0.02, 0.5]))
@settings(max_examples=60, deadline=None)
def test_a_call_on_which_nothing_happens_ends(wants: Settings, late_s: float) -> None:
    """However late we are woken each time."""
    bridge, now, wakes = Bridge(wants, 100.0), 100.0, 0
    actions = bridge.start(now)
    while (deadline := bridge.next_deadline()) is not None:
        now, wakes = max(now, deadline) + late_s, wakes + 1
        actions += bridge.handle(DeadlineReached(), now)
    assert isinstance(actions[-1], HangUp)
    assert now < 100 + 60
    assert wakes < 200


# ---- chunks ----------------------------------------------------------------------


@given(st.lists(st.integers(0, 20_000), max_size=20))
@settings(max_examples=40, deadline=None)
def test_how_an_answer_is_cut_into_pieces_does_not_change_what_is_heard(
    cuts: list[int],
) -> None:
    whole = pcm(1500)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]

    def heard(edges: list[int]) -> tuple[bytes, Any]:
        call = in_phase("waiting")
        call.give(ReplyStarted("r1"), BotText("r1", "Yes, of course."))
        for start, end in zip(edges, edges[1:], strict=False):
            call.give(BotAudio("r1", whole[start:end]))
        call.give(ReplyDone("r1"))
        call.wait(2.0)
        played = b"".join(play.ulaw for play in call.took(PlayToCaller))
        return played, replace(call.notes()[2], reply_ms=None)

    assert heard(edges) == heard([0, len(whole)])


def test_an_answer_longer_than_a_call_is_bounded_by_the_call() -> None:
    call = Call(Settings(duration_s=5.0, goodbye=GOODBYE))
    call.wait(0.5)
    call.turn()
    call.give(ReplyStarted("r1"))
    while call.phase != "ended":
        call.give(BotAudio("r1", pcm(400)))
        call.wait(0.2)
    assert call.ending == "max_duration"
    assert call.now < 100 + 5.0 + 2.0
