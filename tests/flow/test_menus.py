"""A menu as it runs: what is pressed, what is not, and that it always ends."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.flow.personas import menu
from voicebot.dialplan.actions import Action
from voicebot.flow.menus import (
    MAX_PROMPTS,
    UNHEARD_S,
    Chosen,
    Collected,
    GaveUp,
    MenuOut,
    MenuRun,
    Say,
    StopSaying,
)

KEYS = """\
prompt: Press 1 or 0.
keys: {"1": {menu: other}, "0": {transfer: desk}, "9": replay}
noinput: [{after: 6s, replay: true}, {after: 4s, say: Well then., do: goodbye}]
nomatch: [{say: No such key., replay: true}, {say: Again.}, {do: {transfer: desk}}]
"""
DIGITS = """\
prompt: Your order number.
gather: {min: 4, max: 6, inter_digit: 3s, timeout: 10s, retries: 2, into: order}
"""
PROMPT = Say("Press 1 or 0.", is_prompt=True)
ORDER = Say("Your order number.", is_prompt=True)


def begun(text: str, *, heard: bool = True) -> MenuRun:
    run = MenuRun(menu(text))
    assert run.start(100.0) == [Say(run._menu.prompt, is_prompt=True)]
    if heard:
        assert run.heard(102.0) == []
    return run


def typed(run: MenuRun, keys: str, now: float = 103.0) -> list[MenuOut]:
    return [out for key in keys for out in run.key(key, now)]


def chosen(name: str, value: Any) -> Chosen:
    return Chosen(Action.model_validate({name: value}))


# ---- keys ------------------------------------------------------------------------


def test_a_key_chooses() -> None:
    run = begun(KEYS)
    assert run.key("1", 103.0) == [chosen("menu", "other")]
    assert run.over
    assert run.next_deadline() is None


def test_nothing_comes_of_a_menu_that_is_over() -> None:
    run = begun(KEYS)
    run.key("1", 103.0)
    assert run.key("0", 103.1) == run.tick(999.0) == run.heard(104.0) == []


def test_the_first_key_stops_the_prompt() -> None:
    run = begun(KEYS, heard=False)
    assert run.key("1", 101.0) == [StopSaying(), chosen("menu", "other")]


def test_a_prompt_that_is_to_be_heard_isnt_stopped() -> None:
    run = begun(KEYS + "barge: false\n", heard=False)
    assert run.key("0", 101.0) == [chosen("transfer", "desk")]


def test_a_key_that_replays_says_the_prompt_again() -> None:
    run = begun(KEYS)
    assert run.key("9", 103.0) == [PROMPT]
    assert not run.over


def test_a_wrong_key_climbs_the_ladder() -> None:
    run = begun(KEYS)
    assert run.key("5", 103.0) == [Say("No such key."), PROMPT]
    run.heard(104.0)
    assert run.key("#", 105.0) == [Say("Again.")]
    assert run.next_deadline() == 111.0
    assert run.key("5", 106.0) == [chosen("transfer", "desk")]


def test_silence_climbs_its_own_ladder() -> None:
    run = begun(KEYS)
    assert run.next_deadline() == 108.0
    assert run.tick(107.9) == []
    assert run.tick(108.0) == [PROMPT]
    run.heard(110.0)
    assert run.next_deadline() == 114.0
    goodbye = Chosen(Action.model_validate("goodbye"))
    assert run.tick(114.0) == [Say("Well then."), goodbye]


def test_without_ladders_a_menu_repeats_itself_once() -> None:
    run = begun('prompt: Press 1.\nkeys: {"1": hangup}\n')
    assert run.tick(110.0) == [Say("Press 1.", is_prompt=True)]
    run.heard(111.0)
    assert run.tick(119.0) == [GaveUp()]
    assert run.over


def test_a_prompt_that_nobody_tells_of_counts_as_heard() -> None:
    run = begun(KEYS, heard=False)
    assert run.next_deadline() == 100.0 + UNHEARD_S
    assert run.tick(160.0) == [PROMPT]


def test_whoever_replays_for_ever_is_let_go() -> None:
    run = begun(KEYS)
    outs = typed(run, "9" * MAX_PROMPTS)
    assert outs.count(PROMPT) == MAX_PROMPTS - 1
    assert outs[-1] == GaveUp()


# ---- digits ----------------------------------------------------------------------


def test_the_terminator_ends_a_number() -> None:
    assert typed(begun(DIGITS), "12345#") == [Collected("order", "12345", False)]


def test_a_number_that_is_full_needs_no_terminator() -> None:
    assert typed(begun(DIGITS), "123456") == [Collected("order", "123456", False)]


def test_a_pause_ends_a_number() -> None:
    run = begun(DIGITS)
    assert typed(run, "1234", 103.0) == []
    assert run.next_deadline() == 106.0
    assert run.tick(106.0) == [Collected("order", "1234", False)]


def test_digits_typed_into_the_prompt_count() -> None:
    run = begun(DIGITS, heard=False)
    assert typed(run, "12", 101.0) == [StopSaying()]
    run.heard(101.1)
    assert typed(run, "34#", 102.0) == [Collected("order", "1234", False)]


def test_digits_typed_into_a_prompt_that_goes_on_count() -> None:
    run = begun(DIGITS + "barge: false\n", heard=False)
    assert typed(run, "12", 101.0) == []
    run.heard(101.5)
    assert run.next_deadline() == 104.0
    assert typed(run, "34#", 102.0) == [Collected("order", "1234", False)]


def test_a_number_that_is_too_short_is_asked_for_again() -> None:
    run = begun(DIGITS)
    assert typed(run, "12#") == [ORDER]
    assert typed(run, "#") == [StopSaying(), ORDER]
    assert typed(run, "12#") == [StopSaying(), GaveUp()]


def test_a_number_must_match() -> None:
    run = begun(DIGITS.replace("into:", "validate: '1[0-9]+', into:"))
    assert typed(run, "2345#") == [ORDER]
    assert typed(run, "1345#") == [StopSaying(), Collected("order", "1345", False)]


def test_what_is_no_digit_is_ignored() -> None:
    run = begun(DIGITS)
    assert typed(run, "*A٣") == []
    assert run.next_deadline() == 113.0
    assert typed(run, "12*34#") == [Collected("order", "1234", False)]


def test_nothing_typed_is_silence() -> None:
    run = begun(DIGITS)
    assert run.next_deadline() == 112.0
    assert run.tick(112.0) == [ORDER]


@pytest.mark.parametrize(("how", "said"), [("last2", "5 6"), ("all", "1 2 3 4 5 6")])
def test_digits_are_read_back(how: str, said: str) -> None:
    run = begun(DIGITS.replace("into:", f"readback: {how}, into:"))
    assert typed(run, "123456") == [Say(said), Collected("order", "123456", False)]


# ---- whatever is pressed, whenever -----------------------------------------------

SECRET = """\
prompt: Your card number.
gather: {min: 8, max: 12, terminator: "#", retries: 2, sensitive: true, into: card}
noinput: [{after: 5s, replay: true}]
"""


class AnyKeys(RuleBasedStateMachine):
    """Keys at any time; a clock that only goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.outs: list[MenuOut] = []
        self.typed = ""

    @initialize(text=st.sampled_from([KEYS, DIGITS, SECRET]))
    def begin(self, text: str) -> None:
        self.secret = text is SECRET
        self.run = MenuRun(menu(text))
        self.outs += self.run.start(self.now)

    @precondition(lambda self: not self.run.over)
    @rule(key=st.sampled_from("0123456789*#A"), wait=st.floats(0.0, 20.0))
    def press(self, key: str, wait: float) -> None:
        self.now += wait
        self.outs += self.run.tick(self.now)
        if not self.run.over:
            self.typed += key
        self.outs += self.run.key(key, self.now)

    @precondition(lambda self: not self.run.over)
    @rule(after=st.floats(0.0, 5.0))
    def hear(self, after: float) -> None:
        self.now += after
        self.outs += self.run.heard(self.now)

    @rule()
    def wait(self) -> None:
        due = self.run.next_deadline()
        if due is not None:
            self.now = max(self.now, due)
            self.outs += self.run.tick(self.now)

    @invariant()
    def ends_once(self) -> None:
        ends = [
            out for out in self.outs if isinstance(out, Chosen | Collected | GaveUp)
        ]
        if hasattr(self, "run"):
            assert len(ends) == self.run.over
            assert (self.run.next_deadline() is None) == self.run.over

    @invariant()
    def keeps_secrets(self) -> None:
        if getattr(self, "secret", False):
            for out in self.outs:
                if not isinstance(out, Collected):
                    assert not any(char.isdigit() for char in repr(out))

    def teardown(self) -> None:
        """Left alone, it ends in time."""
        if not hasattr(self, "run"):
            return
        began = self.now
        while (due := self.run.next_deadline()) is not None:
            self.now = max(self.now, due)
            self.outs += self.run.tick(self.now)
            assert self.now - began < MAX_PROMPTS * UNHEARD_S + 60
        self.ends_once()


AnyKeys.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestAnyKeys = AnyKeys.TestCase


@given(st.text("0123456789", min_size=8, max_size=12))
@settings(max_examples=50)
def test_sensitive_digits_are_in_what_was_collected_and_nowhere_else(
    digits: str,
) -> None:
    run = begun(SECRET)
    outs = typed(run, f"{digits}#")
    assert outs == [Collected("card", digits, sensitive=True)]
