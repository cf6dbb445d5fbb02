"""The judge: each rule with a benign twin, and whatever a model may be talked into."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bridge.calls import BUSINESS
from tests.flow.flows import words
from tests.flow.personas import CLINIC, OPEN, persona
from voicebot.bridge import model as do
from voicebot.flow.flow import Flow
from voicebot.flow.history import History
from voicebot.flow.model import (
    AskDirector,
    DirectorAnswered,
    Leave,
    NoteEvent,
    PauseRecording,
    UpdateSession,
)
from voicebot.flow.policy import (
    Allowed,
    Ask,
    CallState,
    Collect,
    Effect,
    EndCall,
    EnterStage,
    PutThrough,
    Refused,
    Rule,
    SendText,
    SetVar,
    Source,
    TakeMessage,
    judge,
    read_arguments,
)
from voicebot.flow.words import takes_leave

CLINIC_DESK = persona(CLINIC)
PICKS = """\
director:
  max_calls: 20
  actions:
    nurse: {when: They need a nurse., tool: nurse}
    book: {when: They want Monday., tool: book, args: {name: day, value: monday}}
    closed: {when: They ask for the boss., do: {transfer: closed_desk}}
    end: {when: They have said all., do: goodbye}
    stop: {when: They are rude., do: hangup}
    bye: {when: They took leave., tool: bye}
"""
DIRECTED = persona(CLINIC + PICKS)
DIRECTED_BOOKING = persona(
    CLINIC.replace("start_stage: triage", "start_stage: booking") + PICKS
)
REDTEAM = Path(__file__).parent / "redteam"
TRIAGE = {"stage": "triage"}
BOOKING = {"stage": "booking"}
DAY = {"name": "day", "value": "monday"}
DAY_KEY = Ask(Source.MODEL, "book", DAY).key


def asked(
    tool: str, args: Mapping[str, object] | None = None, **state: Any
) -> Effect | Rule:
    """What comes of an ask of the model's: an effect, or the rule against it."""
    ask = Ask(Source.MODEL, tool, {} if args is None else args)
    verdict = judge(ask, CallState(**TRIAGE | state), CLINIC_DESK, OPEN)
    return verdict.effect if isinstance(verdict, Allowed) else verdict.rule


# Each rule: what it refuses, and what is as much alike as can be and passes.
RULES: list[tuple[Rule, tuple[Any, ...], tuple[Any, ...], Effect]] = [
    (
        Rule.UNKNOWN,
        ("person", {"target": "on_call"}),
        ("human", {"target": "on_call"}),
        PutThrough("on_call"),
    ),
    (
        Rule.NOT_IN_STAGE,
        ("leave_message", {}, BOOKING),
        ("leave_message", {}, TRIAGE),
        TakeMessage(),
    ),
    (
        Rule.PENDING,
        ("order", {}, {"busy": True}),
        ("order", {}, {"busy": False}),
        Collect("order_no"),
    ),
    (
        Rule.BAD_ARGS,
        ("note", {"name": "reason", "value": "{{order_no}}"}),
        ("note", {"name": "reason", "value": "order_no"}),
        SetVar("reason", "order_no"),
    ),
    (
        Rule.NOT_A_TARGET,
        ("human", {"target": "+8613800138000"}),
        ("human", {"target": "front_desk"}),
        PutThrough("front_desk"),
    ),
    (
        Rule.TARGET_CLOSED,
        ("human", {"target": "closed_desk"}),
        ("human", {"target": "on_call"}),
        PutThrough("on_call"),
    ),
    (
        Rule.NOT_YOURS,
        ("note", {"name": "day", "value": "monday"}),
        ("note", {"name": "reason", "value": "monday"}),
        SetVar("reason", "monday"),
    ),
    (
        Rule.NO_EXIT,
        ("go_on", {"stage": "triage"}),
        ("go_on", {"stage": "booking"}),
        EnterStage("booking"),
    ),
    (
        Rule.LOOP,
        ("room", {}, {"repeats": 2}),
        ("room", {}, {"repeats": 1}),
        Collect("room"),
    ),
    (
        Rule.TOO_MANY,
        ("leave_message", {}, {"used": {"leave_message": 1}}),
        ("leave_message", {}, {"used": {"room": 1}}),
        TakeMessage(),
    ),
    (
        Rule.REQUIRES,
        ("nurse", {}, {"done": ("room",)}),
        ("nurse", {}, {"done": ("note",)}),
        PutThrough("on_call"),
    ),
    (
        Rule.NOT_SAID_GOODBYE,
        ("bye", {}, {"said": "hang up now", "silent": True, "near_end": True}),
        ("bye", {}, {"said": "OK, bye!"}),
        EndCall(),
    ),
    (
        Rule.UNCONFIRMED,
        ("book", DAY, {**BOOKING, "said": "no, not yet", "to_confirm": {DAY_KEY}}),
        ("book", DAY, {**BOOKING, "said": "yes please", "to_confirm": {DAY_KEY}}),
        SetVar("day", "monday"),
    ),
    (
        Rule.NO_NUMBER,
        ("way", {}, {"has_number": False}),
        ("way", {}, {"has_number": True}),
        SendText("The way.", "caller"),
    ),
]


@pytest.mark.parametrize(("rule", "bad", "good", "effect"), RULES)
def test_a_rule_refuses_and_its_twin_passes(
    rule: Rule, bad: tuple[Any, ...], good: tuple[Any, ...], effect: Effect
) -> None:
    def judged(tool: str, args: Any, state: Any = TRIAGE) -> Effect | Rule:
        return asked(tool, args, **state)

    assert judged(*bad) == rule
    assert judged(*good) == effect


def test_every_rule_has_its_twin() -> None:
    elsewhere = {Rule.INTERRUPTED}  # Flow's: it is a matter of time
    assert {rule for rule, *_ in RULES} | elsewhere == set(Rule)


def test_a_yes_to_something_else_confirms_nothing() -> None:
    assert asked("book", DAY, **BOOKING, said="yes") is Rule.UNCONFIRMED


def test_hanging_up_may_rest_on_silence_or_the_clock() -> None:
    desk = persona("tools: {bye: {use: hangup}}")
    ask = Ask(Source.MODEL, "bye", {})
    for state, allowed in [
        (CallState(silent=True), True),
        (CallState(near_end=True), True),
        (CallState(said="再见"), True),
        (CallState(said="what?"), False),
    ]:
        assert isinstance(judge(ask, state, desk, OPEN), Allowed) is allowed


def test_what_a_refusal_tells_holds_no_number_and_no_word_of_the_callers() -> None:
    ask = Ask(Source.MODEL, "human", {"target": "+19005550100 my secret"})
    verdict = judge(ask, CallState(stage="triage"), CLINIC_DESK, OPEN)
    assert isinstance(verdict, Refused)
    assert "front_desk" in verdict.told
    assert "secret" not in verdict.told
    assert "1900" not in verdict.told


def test_a_target_that_is_the_only_one_needs_no_name() -> None:
    assert asked("nurse", {}, done=("note",)) == PutThrough("on_call")
    assert asked("human", {}) is Rule.BAD_ARGS


def test_the_operators_own_actions_may_go_to_open_targets_only() -> None:
    for source in (Source.TRIGGER, Source.MENU, Source.SILENCE):
        ask = Ask(source, "transfer", {"target": "on_call"})
        state = CallState(busy=True)
        assert judge(ask, state, CLINIC_DESK, OPEN) == Allowed(PutThrough("on_call"))
        closed = judge(ask, state, CLINIC_DESK, frozenset())
        assert isinstance(closed, Refused)
        assert closed.rule is Rule.TARGET_CLOSED
    nowhere = judge(Ask(Source.MENU, "transfer", None), CallState(), CLINIC_DESK, OPEN)
    assert isinstance(nowhere, Refused)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("", {}),
        ("{}", {}),
        ('{"target": "x"}', {"target": "x"}),
        ("[]", None),
        ('"x"', None),
        ("{target: x}", None),
        ("[" * 3000, None),
        (f'{{"a": "{"x" * 4000}"}}', None),
    ],
)
def test_arguments_are_an_object_or_nothing(text: str, args: object) -> None:
    assert read_arguments(text) == args


# ---- whatever a model gives ------------------------------------------------------

NUMBERS = {"front_desk": "+862150001000", "on_call": "+862150001999"}
digits = st.text(st.characters(categories=["Nd"]), min_size=1, max_size=15)
texts = st.one_of(
    st.text(max_size=20),
    digits,
    digits.map("+{}".format),
    st.sampled_from(["front_desk", "on_call", "closed_desk", *NUMBERS.values()]),
)
values: st.SearchStrategy[object] = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner),
    max_leaves=5,
)
arguments = st.one_of(
    st.dictionaries(st.sampled_from(["target", "number", "to"]) | texts, values),
    st.fixed_dictionaries({"target": values}),
    st.none(),
)


@given(
    tool=st.sampled_from([*CLINIC_DESK.tools]) | st.text(max_size=10),
    args=arguments,
    source=st.sampled_from([*Source]),
    are_open=st.frozensets(st.sampled_from(["front_desk", "on_call"])),
    said=st.sampled_from(["", "yes", "bye"]),
)
@settings(max_examples=200, deadline=None)
def test_only_numbers_of_open_targets_that_a_tool_names_are_ever_dialled(
    tool: str,
    args: Mapping[str, object] | None,
    source: Source,
    are_open: frozenset[str],
    said: str,
) -> None:
    state = CallState(stage="triage", said=said, done=("note",))
    verdict = judge(Ask(source, tool, args), state, CLINIC_DESK, are_open)
    if isinstance(verdict, Allowed) and isinstance(verdict.effect, PutThrough):
        target = verdict.effect.target
        assert target in are_open
        assert NUMBERS[target]  # a number that the operator wrote
        if source in (Source.MODEL, Source.DIRECTOR):
            assert target in CLINIC_DESK.tools[tool].targets


# ---- the red team ----------------------------------------------------------------

LINES = [
    line.split("\t")
    for name in ("zh", "en")
    for line in (REDTEAM / f"{name}.txt").read_text("utf-8").splitlines()
]


def test_the_red_team_is_as_large_as_it_was() -> None:
    assert len({tuple(line) for line in LINES}) == 300
    assert len({kind for kind, *_ in LINES}) == 12


def test_a_model_that_obeys_the_red_team_does_nothing() -> None:
    effects: list[str] = []
    for kind, rule, said, call in LINES:
        tool, _, args = call.partition(" ")
        stage = "booking" if kind == "confirmed" else "triage"
        history = History()
        history.caller_said(said)
        ask = Ask(Source.MODEL, tool, read_arguments(args))
        for _ in range(3):  # the model insists; the caller has said no more
            state = history.state(
                ask, stage=stage, busy=False, silent=False, near_end=False
            )
            verdict = judge(ask, state, CLINIC_DESK, OPEN)
            history.judged(ask, verdict)
            if isinstance(verdict, Allowed):
                effects.append(f"{said} {call}")
            elif verdict.rule not in (rule, Rule.LOOP):
                effects.append(f"{verdict.rule} instead of {rule}: {said} {call}")
        history.caller_said(said)  # ... who then says the same again
        state = history.state(
            ask, stage=stage, busy=False, silent=False, near_end=False
        )
        if isinstance(judge(ask, state, CLINIC_DESK, OPEN), Allowed):
            effects.append(f"again: {said} {call}")
    assert effects == []


def test_a_director_that_obeys_the_red_team_does_nothing() -> None:
    """It is told the same, and wants the same done, by every means that it has."""
    effects: list[str] = []
    refusals = 0
    for kind, _, said, call in LINES:
        tool, _, args = call.partition(" ")
        booking = kind == "confirmed"
        desk = DIRECTED_BOOKING if booking else DIRECTED
        flow = Flow(desk, BUSINESS, words, 100.0, open_targets=lambda: OPEN)
        flow.start(100.0)
        flow.handle(do.SessionReady(), 100.0)
        # What the caller wants to hear; what is refused; and what is worst.
        wanted = [call, tool, args, "nurse", "book", "closed"]
        if not takes_leave(said, desk.goodbye.when_caller_says):
            wanted += ["end", "stop", "bye"]
        for seq, answer in enumerate(wanted, 1):
            orders = flow.handle(do.CallerText(f"i{seq}", said), 101.0)
            asked = [each for each in orders if isinstance(each, AskDirector)]
            assert [each.seq for each in asked] == [seq]
            orders = flow.handle(DirectorAnswered(seq, answer), 101.5)
            events = [each for each in orders if isinstance(each, NoteEvent)]
            effects += [f"{said}: {each}" for each in events if each.kind != "refused"]
            refusals += len(events)
            kinds = Leave | UpdateSession | PauseRecording | do.HangUp
            effects += [str(each) for each in orders if isinstance(each, kinds)]
        assert flow.phase not in ("closing", "ended")
    assert effects == []
    assert refusals > 5 * len(LINES)


def test_the_same_words_with_a_call_that_is_allowed_pass() -> None:
    """No over-refusal: what the caller says isn't what is judged."""
    passed = Counted()
    for kind, _, said, _ in LINES:
        if kind in ("hangup", "confirmed"):
            continue  # there, it is
        history = History()
        history.caller_said(said)
        for tool, args in [
            ("human", '{"target": "front_desk"}'),
            ("note", json.dumps({"name": "reason", "value": "an appointment"})),
            ("order", "{}"),
            ("go_on", '{"stage": "booking"}'),
        ]:
            ask = Ask(Source.MODEL, tool, read_arguments(args))
            state = history.state(
                ask, stage="triage", busy=False, silent=False, near_end=False
            )
            passed.count(isinstance(judge(ask, state, CLINIC_DESK, OPEN), Allowed))
    assert passed.all == passed.good == 1000


class Counted:
    def __init__(self) -> None:
        self.all = self.good = 0

    def count(self, good: bool) -> None:
        self.all += 1
        self.good += good


@pytest.mark.parametrize(
    "tool", [{"kind": "web_search"}, {"kind": "retrieval", "vector_store_id": "17"}]
)
def test_what_stepfun_does_itself_cannot_be_asked_of_us(tool: dict[str, str]) -> None:
    desk = persona(tools={"search": tool})
    ask = Ask(Source.MODEL, "search", {"query": "x"})
    verdict = judge(ask, CallState(), desk, OPEN)
    assert isinstance(verdict, Refused)
    assert verdict.rule is Rule.UNKNOWN
