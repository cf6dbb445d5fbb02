"""What a persona says about private data: its defaults, and what cannot be meant."""

from pathlib import Path

import pytest

from tests.dialplan.plans import PERSONA, mistakes, persona, written
from voicebot.dialplan.effective import effective
from voicebot.dialplan.load import load
from voicebot.dialplan.privacy import Privacy


def test_what_is_private_is_kept_out_unless_a_file_says_otherwise() -> None:
    assert persona().privacy == Privacy(
        store="no_pii", redact=("phone", "id_card", "bank_card", "email", "code")
    )


@pytest.mark.parametrize(
    "privacy",
    [
        "{redact: [phone, digits]}",
        "{redact: []}",
        "{redact+: [name]}",
        "{store: all}",
        "{store: metadata}",
        "{store: metadata, redact: [phone]}",
    ],
)
def test_what_can_be_meant_is_no_mistake(tmp_path: Path, privacy: str) -> None:
    desk = f"{PERSONA}vars: {{name: {{}}}}\nprivacy: {privacy}\n"
    assert mistakes(written(tmp_path, desk=desk)) == []


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        (
            "privacy: {redact: [phone, id_crad]}\n",
            "5:27: privacy.redact[1]: expected phone, id_card, bank_card, email, code, "
            "digits or one of vars, got 'id_crad'; did you mean 'id_card'?",
        ),
        (
            "privacy: {store: all, redact: [phone]}\n",
            "5:31: privacy.redact: has no meaning with store: all",
        ),
        (
            "recording: {mode: always}\nprivacy: {store: metadata}\n",
            "6:18: privacy.store: a recording has the words: expected recording.mode: "
            "never with it",
        ),
    ],
)
def test_what_cannot_is_named_where_it_stands(
    tmp_path: Path, rest: str, problem: str
) -> None:
    folder = written(tmp_path, desk=PERSONA + rest)
    assert mistakes(folder) == [f"personas/desk.yaml:{problem}"]


def test_who_extends_may_keep_all_whatever_the_other_file_keeps_out(
    tmp_path: Path,
) -> None:
    base = f"{PERSONA}privacy: {{redact: [phone, booking]}}\nabstract: true\n"
    desk = "extends: base\ntitle: Desk\nvars: {booking: {}}\nprivacy: {store: all}\n"
    assert mistakes(written(tmp_path, desk=desk, base=base)) == []


def test_where_a_setting_comes_from_is_shown(tmp_path: Path) -> None:
    desk = f"{PERSONA}privacy: {{redact: [code]}}\n"
    plan = load(written(tmp_path, desk=desk))
    found = {each.key: each for each in effective(plan, "desk")}
    assert found["privacy.redact[0]"].value == "code"
    assert found["privacy.redact[0]"].place.endswith("personas/desk.yaml:5")
    assert found["privacy.store"].value == "no_pii"
    assert found["privacy.store"].place == "built in"
