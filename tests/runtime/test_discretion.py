"""What a persona's `privacy` means for the record of its calls."""

from tests.dialplan.plans import persona
from voicebot.dialplan.persona import Var
from voicebot.dialplan.privacy import PRIVATE_KINDS, Privacy
from voicebot.runtime.discretion import policy_of, private_values
from voicebot.store.private_kinds import Kind
from voicebot.store.redaction import Policy

VARS = {"pin": Var(sensitive=True), "name": Var(), "city": Var()}
KNOWN = {"pin": "4271", "name": "Li Wei", "city": "York", "other": "x"}


def test_the_kinds_of_the_dialplan_are_those_that_can_be_found() -> None:
    assert set(PRIVATE_KINDS) == set(Kind)


def test_by_default_all_is_kept_out_that_is_private_whatever_it_is_for() -> None:
    assert policy_of(persona()) == Policy(frozenset(Kind) - {Kind.DIGITS})
    assert private_values(persona(vars=VARS), KNOWN) == {"pin": "4271"}


def test_what_is_named_is_kept_out() -> None:
    asked = Privacy(redact=("digits", "name"))
    assert policy_of(persona(privacy=asked)) == Policy(frozenset({Kind.DIGITS}))
    told = private_values(persona(privacy=asked, vars=VARS), KNOWN)
    assert told == {"pin": "4271", "name": "Li Wei"}


def test_with_all_only_sensitive_variables_are_kept_out() -> None:
    asked = persona(privacy=Privacy(store="all"), vars=VARS)
    assert policy_of(asked) == Policy()
    assert private_values(asked, KNOWN) == {"pin": "4271"}


def test_with_metadata_no_words_are_kept() -> None:
    assert policy_of(persona(privacy=Privacy(store="metadata"))) == Policy(words=False)
