"""Whatever happens in whatever order: no exception, one end, nothing unallowed."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bridge.calls import BUSINESS, VOICE, pcm
from tests.flow.flows import words
from tests.flow.personas import CLINIC, persona
from tests.twins import source_only
from voicebot.bridge import model as do
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.settings import Resume
from voicebot.dialplan.actions import Action
from voicebot.dialplan.persona import Var
from voicebot.dialplan.stages import Stage
from voicebot.dialplan.tools import Tool
from voicebot.dialplan.transfer import OnFail
from voicebot.dialplan.triggers import Trigger
from voicebot.flow.flow import Flow
from voicebot.flow.model import (
    Abandon,
    DirectorAnswered,
    Fetch,
    Fetched,
    Input,
    Leave,
    LookedUp,
    ModelCalled,
    Order,
    SmsOver,
    ToolOutput,
    Trouble,
)

PLAIN = persona("")
FULL = persona(
    CLINIC
    + """\
silence: [{after: 3s, say: Hello?}, {after: 4s, do: {menu: keypad}}]
triggers: [{name: human, says: [human], do: {transfer: front_desk}}]
fallback: {do: {menu: keypad}}
director:
  actions:
    desk: {when: They want the desk., do: {transfer: front_desk}}
    boss: {when: They want the boss., do: {transfer: closed_desk}}
    room: {when: They name their room., tool: room}
    note: {when: They say why., tool: note, args: {name: reason, value: pain}}
    end: {when: They have said all., do: goodbye}
also_speaks: [zh]
""",
    greeting={"model": True},
    stages={
        "triage": {
            "instructions": "Find out what it is about.",
            "tools": ["human", "bye", "order", "room", "note", "go_on"],
            "exit": [
                {"to": "booking", "when": ["ok"]},
                {"to": "notice", "tool": "note"},
                {"to": "booking", "digits": "room"},
            ],
        },
        "booking": {
            "instructions": "Make an appointment.",
            "tools": ["book", "human", "bye"],
            "on_enter": {"gather": "room"},
            "barge_in": {"mode": "never"},
            "exit": [{"to": "triage", "var": "room"}],
        },
        "notice": {
            "on_enter": {"must_hear": "Listen."},
            "exit": [{"to": "last", "when": ["yes"]}],
        },
        "last": {"on_enter": {"transfer": "front_desk"}},
    },
)
HTTP = {"kind": "http", "url": "https://api.example/x", "description": "Ask."}
ASKING = FULL.model_copy(
    update={
        "tools": {
            **FULL.tools,
            "slots": Tool.model_validate(HTTP | {"filler": ["One moment."]}),
            "near": Tool.model_validate(HTTP | {"on_barge_in": "cancel"}),
        },
        "stages": {
            name: stage.model_copy(update={"tools": (*stage.tools, "slots", "near")})
            for name, stage in FULL.stages.items()
        },
        "triggers": (
            *FULL.triggers,
            Trigger.model_validate(
                {"name": "ask", "says": ["ok"], "do": {"tool": "slots"}}
            ),
        ),
    }
)
CHINESE = ASKING.model_copy(update={"language": "zh", "also_speaks": ("en",)})
FAMILY = {"en": ASKING, "zh": CHINESE}
PIN = "7391"
CROSSED = ASKING.model_copy(
    update={
        "vars": {
            "tier": Var.model_validate({"from": "lookup", "default": "plain"}),
            "pin": Var.model_validate({"from": "lookup", "sensitive": True}),
        },
        "tools": {
            **ASKING.tools,
            "post": Tool.model_validate(HTTP | {"method": "POST"}),
        },
        "stages": {
            **ASKING.stages,
            "triage": Stage.model_validate(
                {
                    "instructions": "Ask.",
                    "tools": [*ASKING.stages["triage"].tools, "way", "post"],
                    "exit": [
                        {"to": "booking", "tool": "slots"},
                        {"to": "notice", "tool": "way"},
                        {"to": "last", "var": "tier"},
                        {"to": "booking", "when": ["ok"]},
                    ],
                }
            ),
        },
        "triggers": (
            *ASKING.triggers,
            Trigger.model_validate(
                {"name": "pin", "says": ["yes"], "do": {"say": "It is {{pin}}."}}
            ),
        ),
        "transfer": ASKING.transfer.model_copy(
            update={
                "on_fail": OnFail.model_validate(
                    {"say": "Nobody.", "do": {"menu": "keypad"}}
                )
            }
        ),
    }
)
CROSSED_FAMILY = {
    "en": CROSSED,
    "zh": CROSSED.model_copy(update={"language": "zh", "also_speaks": ("en",)}),
}
OPEN = frozenset({"front_desk", "on_call"})

responses = st.sampled_from(["r1", "r2"])
items = st.sampled_from(["i1", "i2"])
said = st.sampled_from(["ok", "never mind", "a human", "bye", "yes", "", "我要预约"])
sounds = st.sampled_from([VOICE[:3200], b"\xff" * 3200, b"\xff" * 160])
bridge_events: st.SearchStrategy[do.Event] = st.one_of(
    st.builds(do.CallerAudio, sounds),
    st.builds(do.CallerKey, st.sampled_from("0129#*")),
    st.builds(do.CallerText, items, said),
    st.builds(do.TurnCommitted, items),
    st.builds(do.ReplyStarted, responses),
    st.builds(do.BotAudio, responses, st.just(pcm(400))),
    st.builds(do.BotText, responses, st.just("Yes.")),
    st.builds(do.ReplyDone, responses),
    st.builds(do.MarkReturned, st.sampled_from(["g0.1", "g0.2", "g1.3"])),
    st.just(do.SessionReady()),
    st.just(do.DeadlineReached()),
    st.builds(do.ModelRefused, st.sampled_from(["no_speech", "ongoing_response"])),
    st.builds(do.PeerLost, st.sampled_from([do.Ending.STEPFUN_LOST])),
    st.just(do.EndRequested(do.Ending.DRAIN)),
)
calls = st.builds(
    ModelCalled,
    responses,
    st.sampled_from(["c1", "c2"]),
    st.sampled_from([*ASKING.tools, "dial", "slots", "slots", "near"]),
    st.sampled_from(
        [
            "{}",
            '{"target": "front_desk"}',
            '{"target": "+19005550100"}',
            '{"name": "reason", "value": "x"}',
            '{"stage": "booking"}',
            "nonsense",
        ]
    ),
)
picks = st.builds(
    DirectorAnswered,
    st.integers(1, 3),
    st.sampled_from(["desk", "boss", "room", "note", "end", "none"]),
)
answers = st.builds(
    Fetched,
    st.integers(1, 4),
    st.just("At ten."),
    st.sampled_from([None, None, *Trouble]),
)
late = st.one_of(
    st.builds(
        SmsOver, st.integers(1, 3), st.just("way"), st.sampled_from(["sent", "hidden"])
    ),
    st.builds(
        LookedUp, st.sampled_from([{}, {"tier": "gold"}]), st.none(), st.just(200)
    ),
    st.just(do.PeerLost(do.Ending.STEPFUN_REFUSED, heals=False)),
    st.just(do.PeerLost(do.Ending.CALLER_HANGUP)),
)
waits = st.sampled_from([0.0, 0.02, 0.3, 2.5, 9.0])


begins = st.sampled_from(
    [
        {},
        {"came_back": True},
        {"opening": Action(menu="keypad")},
        {"opening": Action(menu="keypad"), "came_back": True},
        {"values": {"tier": "gold", "pin": PIN}},
    ]
)


@given(st.lists(st.tuples(bridge_events, waits), max_size=25))
@settings(max_examples=150, deadline=None)
def test_a_persona_that_arranges_nothing_leaves_the_bridge_alone(
    steps: list[tuple[do.Event, float]],
) -> None:
    now = 100.0
    bridge, flow = Bridge(BUSINESS, now), Flow(PLAIN, BUSINESS, words, now)
    assert flow.start(now) == bridge.start(now)
    for event, wait in steps:
        now += wait
        assert flow.handle(event, now) == bridge.handle(event, now)
        assert flow.next_deadline() == bridge.next_deadline()
        assert flow.phase is bridge.phase


@given(
    st.lists(st.tuples(bridge_events | calls | picks | answers, waits), max_size=40),
    st.sampled_from([Resume(), Resume(2)]),
)
@settings(max_examples=120, deadline=None)
def test_any_events_in_any_order(
    steps: list[tuple[Input, float]], resume: Resume
) -> None:
    now = 100.0
    wants = replace(BUSINESS, duration_s=60.0, no_media_s=1000.0, resume=resume)
    flow = Flow(ASKING, wants, words, now, open_targets=lambda: OPEN, family=FAMILY)
    orders: list[Order] = flow.start(now)
    for event, wait in steps:
        until = now + wait
        for _ in range(200):
            due = flow.next_deadline()
            if due is None or due > until:
                break
            now = max(now, due)
            orders += flow.handle(do.DeadlineReached(), now)
        now = until
        orders += flow.handle(event, now)
    for _ in range(2000):  # and then left alone
        due = flow.next_deadline()
        if flow.phase == "ended" or due is None:
            break
        now = max(now, due)
        orders += flow.handle(do.DeadlineReached(), now)
    assert flow.phase == "ended"
    ends = [order for order in orders if isinstance(order, do.HangUp)]
    assert len(ends) == 1
    assert orders[-1] is ends[0]
    leaves = [order for order in orders if isinstance(order, Leave)]
    assert len(leaves) <= 1
    assert {leave.target for leave in leaves} <= OPEN | {""}
    left = ends[0].ending in (do.Ending.TRANSFERRED, do.Ending.VOICEMAIL)
    assert left == bool(leaves)
    fetches = [order.id for order in orders if isinstance(order, Fetch)]
    assert fetches == list(range(1, len(fetches) + 1))
    assert {order.id for order in orders if isinstance(order, Abandon)} <= set(fetches)
    told = [order.call_id for order in orders if isinstance(order, ToolOutput)]
    asked = [event for event, _ in steps if isinstance(event, ModelCalled)]
    assert len(told) <= len(asked)


@given(
    st.lists(
        st.tuples(bridge_events | calls | picks | answers | late, waits), max_size=30
    ),
    begins,
    st.sampled_from([Resume(), Resume(2)]),
)
@settings(max_examples=120, deadline=None)
def test_parts_that_meet_in_any_order(
    steps: list[tuple[Input, float]], begin: dict[str, Any], resume: Resume
) -> None:
    """Two things are never open at once, and what is sensitive is said nowhere."""
    now = 100.0
    wants = replace(BUSINESS, duration_s=60.0, no_media_s=1000.0, resume=resume)
    family = CROSSED_FAMILY
    flow = Flow(
        CROSSED, wants, words, now, open_targets=lambda: OPEN, family=family, **begin
    )
    orders: list[Order] = flow.start(now)
    pressed = said = False
    for event, wait in steps:
        until = now + wait
        while (due := flow.next_deadline()) is not None and due <= until:
            now = max(now, due)
            orders += flow.handle(do.DeadlineReached(), now)
            assert not (flow._run and flow._pending)
        now = until
        orders += flow.handle(event, now)
        assert not (flow._run and flow._pending)
        pressed = pressed or isinstance(event, do.CallerKey)
        said = said or (isinstance(event, do.CallerText) and bool(event.text))
        said = said or isinstance(event, ModelCalled)
    for _ in range(3000):
        if flow.phase == "ended" or (due := flow.next_deadline()) is None:
            break
        now = max(now, due)
        orders += flow.handle(do.DeadlineReached(), now)
    assert flow.phase == "ended"
    assert isinstance(orders[-1], do.HangUp)
    assert PIN not in str([vars_of(order) for order in orders])
    rung = [order.target for order in orders if isinstance(order, Leave)]
    if begin.get("came_back") and not (pressed or said):
        assert not [target for target in rung if target]


frames = st.builds(do.CallerAudio, st.sampled_from([VOICE[:160], b"\xff" * 160]))


class LooksEachTime(Flow):
    """Takes no frame for one in which nothing happens."""

    def _let_pass(self, event: do.Event, now: float) -> list[Order]:
        self._give(event, now)
        return self._settle(now)


@source_only
@given(
    st.lists(
        st.tuples(frames | bridge_events | calls | answers, st.sampled_from([1, 20])),
        max_size=40,
    ),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_frame_in_which_nothing_happens_hides_nothing_that_is_due(
    steps: list[tuple[Input, int]], crossed: bool
) -> None:
    """Whoever looks at the clock after each frame sees the same, and no sooner."""
    now = 100.0
    who = CROSSED if crossed else FULL
    wants = replace(BUSINESS, duration_s=60.0)
    one, other = (
        kind(who, wants, words, now, open_targets=lambda: OPEN)
        for kind in (Flow, LooksEachTime)
    )
    assert one.start(now) == other.start(now)
    for event, times in steps:
        for _ in range(times if isinstance(event, do.CallerAudio) else 1):
            now += 0.02
            due = one.next_deadline()
            assert due == other.next_deadline()
            if due is not None and due <= now:
                reached = do.DeadlineReached()
                assert one.handle(reached, now) == other.handle(reached, now)
            assert one.handle(event, now) == other.handle(event, now)


def vars_of(order: Order) -> dict[str, Any]:
    """All that an order holds, what its repr hides too, but for what servers get."""
    if isinstance(order, Fetch):
        return {}
    return {name: getattr(order, name) for name in order.__dataclass_fields__}
