"""Calls that ask an operator's server, over real sockets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from tests.e2e.house import CALLER, PERSONA, house, says
from tests.e2e.test_flow import Attentive, heard
from voicebot.sim.api import Answer, OfflineApi
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.script import HangUp, Say

KEY: Final = "the-key-of-the-operator"
DAY: Final = "2027-03-01"
TOOLS: Final = """\
tools:
  slots:
    kind: http
    url: "${env:TEST_API}/slots"
    headers: {Authorization: "Bearer ${env:TEST_API_KEY}"}
    description: Find a free time.
    params: {day: date}
    filler: [One moment.]
filler: {after: 500ms}
"""
LOOKUP: Final = """\
vars:
  phone: {type: phone, from: caller}
  name: {from: lookup}
  vip: {type: bool, from: lookup, sensitive: true}
lookup:
  url: "${env:TEST_API}/by-phone/{{phone}}"
  map: {name: customer.name, vip: customer.vip}
"""
KNOWN: Final = PERSONA.replace(
    "greeting: {text: Hello there.}",
    "greeting: {text: Hello there., when: {returning_caller: 'Welcome {{name|you}}.'}}",
).replace("You are a test.", '"You talk to {{name|somebody}}."')
BY_PHONE: Final = f"GET /by-phone/{CALLER.replace('+', '%2B')}"


async def call(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    routes: Mapping[str, Any],
    *lines: Line,
    persona: str,
) -> tuple[OfflineApi, list[str], Attentive, list[Any]]:
    """One call; what was asked, heard and told to the model, and the log."""
    api, mind = OfflineApi(routes), Attentive(*lines)
    monkeypatch.setenv("TEST_API_KEY", KEY)
    with capture_logs() as logged:
        async with api.running() as base:
            monkeypatch.setenv("TEST_API", base)
            async with house(
                tmp_path, mind=mind, persona=persona, mood=Mood.burst()
            ) as home:
                said = [Say(says(line.hear), line.hear) for line in lines]
                report = await home.call(*said, HangUp(wait_quiet_ms=1200))
                log, turns = await home.record(report)
    assert log.faults == ()
    assert KEY not in str(logged)
    assert DAY not in str(logged)
    return api, heard(turns), mind, logged


async def test_the_model_asks_and_tells_what_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line("Is there a slot?", call="slots", arguments={"day": DAY}, then="Ten.")
    routes = {"GET /slots": Answer({"free": ["10:00"]}, after_s=1.0)}
    api, said, mind, logged = await call(
        tmp_path, monkeypatch, routes, line, persona=PERSONA + TOOLS
    )
    (asked,) = api.asked
    assert asked.query == {"day": DAY}
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert said == ["Hello there.", "One moment.", "Ten."]
    assert '{"free": ["10:00"]}' in mind.told[-1]
    events = [each for each in logged if each["event"] == "call event"]
    assert [each["kind"] for each in events] == ["tool", "fetched"]
    assert events[1]["detail"].startswith("ok 2xx ")


async def test_a_server_that_fails_costs_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line("Is there a slot?", call="slots", arguments={"day": DAY}, then="Sorry.")
    _, said, mind, _ = await call(
        tmp_path,
        monkeypatch,
        {"GET /slots": Answer(status=503)},
        line,
        persona=PERSONA + TOOLS,
    )
    assert said == ["Hello there.", "Sorry."]
    assert "The service has a fault; tell the caller" in mind.told[-1]


async def test_a_caller_who_is_known_is_greeted_so_and_the_model_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line("Who am I?", "You are Ann.")
    routes = {BY_PHONE: {"customer": {"name": "Ann", "vip": True}}}
    api, said, mind, logged = await call(
        tmp_path, monkeypatch, routes, line, persona=KNOWN + LOOKUP
    )
    assert len(api.asked) == 1
    assert said == ["Welcome Ann.", "You are Ann."]
    assert "You talk to Ann." in mind.told[-1]
    assert not any("Ann" in str(each) for each in logged)


async def test_a_lookup_that_is_slow_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line("Who am I?", "I don't know.")
    routes = {BY_PHONE: Answer(misbehaves="slow")}
    _, said, mind, logged = await call(
        tmp_path, monkeypatch, routes, line, persona=KNOWN + LOOKUP
    )
    assert said == ["Hello there.", "I don't know."]
    assert "You talk to somebody." in mind.told[-1]
    (noted,) = (each for each in logged if each.get("kind") == "lookup")
    assert noted["name"] == "timeout"


async def test_a_phrase_asks_whatever_the_model_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    persona = (
        PERSONA
        + TOOLS
        + (
            "triggers: [{name: free, says: [free], "
            f'do: {{tool: {{slots: {{day: "{DAY}"}}}}}}}}]\n'
        )
    )
    line = Line("What is free?", "At ten.")
    api, said, mind, _ = await call(
        tmp_path, monkeypatch, {"GET /slots": ["10:00"]}, line, persona=persona
    )
    assert len(api.asked) == 1
    assert '["10:00"]' in mind.told[-1]
    assert said[-1] == "At ten."
