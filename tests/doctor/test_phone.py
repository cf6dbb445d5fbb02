"""What is made of Twilio's set-up, and of our public address."""

from dataclasses import replace

import pytest

from voicebot.doctor.finding import Finding, Verdict
from voicebot.doctor.phone import (
    PublicSeen,
    judge_account,
    judge_numbers,
    judge_public,
    no_account,
    no_address,
    no_token,
    refused,
)
from voicebot.errors import UpstreamError
from voicebot.twilio.numbers import Account, Number

US = "https://voice.example.com"
NUMBER = Number(
    sid="PN" + "1" * 32,
    number="+12025550123",
    voice_url=f"{US}/twilio/voice",
    voice_method="POST",
    fallback_url="https://elsewhere.example.com/sorry.xml",
    status_callback=f"{US}/twilio/status",
    application_sid="",
    trunk_sid="",
)
NAME = f"number …0123 ({NUMBER.sid})"
FINE = PublicSeen(
    health=200,
    is_ours=True,
    certificate_days=60.0,
    signed=204,
    unsigned=403,
    upgrade=403,
    upgrade_reached=True,
)


def numbers(*found: Number, public_url: str | None = US) -> dict[str, Finding]:
    return {each.what: each for each in judge_numbers(found, public_url)}


def public(seen: PublicSeen) -> dict[str, Finding]:
    return {each.what: each for each in judge_public(seen, US)}


@pytest.mark.parametrize(
    ("account", "verdict"),
    [
        (Account("active", "Full"), "ok"),
        (Account("active", "Trial"), "differs"),
        (Account("suspended", "Full"), "fails"),
    ],
)
def test_an_account_is_to_be_active_and_no_trial(
    account: Account, verdict: str
) -> None:
    (found,) = judge_account(account)
    assert found.verdict == verdict


def test_a_refusal_of_twilio_says_what_to_do() -> None:
    found = refused("account", UpstreamError("twilio", "20003", 401))
    assert "don't belong together (twilio: HTTP 401: 20003)" in found.says
    assert "VOICEBOT_TWILIO_AUTH_TOKEN" in found.todo
    found = refused("account", UpstreamError("twilio", "TimeoutError"))
    assert (found.verdict, found.todo) == (Verdict.FAILS, "")


def test_a_number_that_is_set_up_as_the_readme_says_is_fine() -> None:
    found = numbers(NUMBER)
    assert set(found) == {NAME}
    assert found[NAME].verdict is Verdict.HOLDS


def test_no_finding_holds_a_number() -> None:
    assert NUMBER.number not in repr(NUMBER) + repr(numbers(NUMBER))


@pytest.mark.parametrize(
    "change",
    [
        {"voice_method": "GET"},
        {"voice_url": f"{US}/twilio/voice/"},
        {"voice_url": "https://user:secret@voice.example.com/twilio"},
        {"trunk_sid": "TK1"},
        {"application_sid": "AP1"},
    ],
)
def test_a_number_that_nearly_leads_to_us_fails(change: dict[str, str]) -> None:
    found = numbers(replace(NUMBER, **change))
    assert found[NAME].verdict is Verdict.FAILS
    assert found[NAME].todo
    assert "secret" not in repr(found)


def test_callbacks_and_a_fallback_of_our_own_host_are_missed() -> None:
    found = numbers(replace(NUMBER, status_callback="", fallback_url=f"{US}/sorry"))
    assert found[f"{NAME}, status"].verdict is Verdict.DIFFERS
    assert found[f"{NAME}, fallback"].verdict is Verdict.DIFFERS
    found = numbers(replace(NUMBER, fallback_url=""))
    assert found[f"{NAME}, fallback"].todo.endswith("on another host")


def test_other_numbers_of_the_account_are_nobodys_fault() -> None:
    other = replace(NUMBER, sid="PN2", voice_url="https://other.example.com/x")
    found = numbers(NUMBER, other, replace(other, sid="PN3", trunk_sid="TK1"))
    assert found["number …0123 (PN2)"].says == "another address takes its calls"
    assert found["number …0123 (PN3)"].says == "SIP trunk TK1 takes its calls"
    assert {each.verdict for each in found.values()} == {Verdict.HOLDS, Verdict.TOLD}


def test_somebody_is_to_lead_to_us() -> None:
    found = numbers(replace(NUMBER, voice_url=""))
    assert found["numbers"].verdict is Verdict.FAILS
    assert found["numbers"].todo.endswith(f"to {US}/twilio/voice, POST")
    assert numbers()["numbers"].verdict is Verdict.FAILS


def test_without_our_address_nothing_can_be_compared() -> None:
    assert numbers(NUMBER, public_url=None)["numbers"].verdict is Verdict.UNKNOWN


def test_an_address_that_is_fine() -> None:
    assert {each.verdict for each in public(FINE).values()} == {Verdict.HOLDS}
    assert len(public(FINE)) == 5


def test_an_address_that_gives_no_answer() -> None:
    found = public(PublicSeen(trouble="certificate expired"))
    assert list(found) == ["address"]
    assert "gives no answer (certificate expired)" in found["address"].says


def test_an_address_at_which_another_server_answers() -> None:
    found = public(PublicSeen(health=404, certificate_days=90))
    assert list(found) == ["address", "TLS"]
    assert found["address"].verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("change", "what", "verdict"),
    [
        ({"certificate_days": None}, "TLS", "differs"),
        ({"certificate_days": 3.0}, "TLS", "fails"),
        ({"signed": 403}, "signed webhook", "fails"),
        ({"signed": None}, "signed webhook", "fails"),
        ({"unsigned": 204}, "unsigned webhook", "fails"),
        ({"upgrade": 426, "upgrade_reached": False}, "WebSocket", "fails"),
    ],
)
def test_what_is_wrong_at_our_address_is_told(
    change: dict[str, float | bool | None], what: str, verdict: str
) -> None:
    found = public(replace(FINE, **change))  # type: ignore[arg-type]
    assert found[what].verdict == verdict
    assert found[what].todo


def test_without_settings_nothing_is_known() -> None:
    found = [no_account(), no_address(), no_token()]
    assert {each.verdict for each in found} == {Verdict.UNKNOWN}
    assert all("set VOICEBOT_" in each.todo for each in found)
