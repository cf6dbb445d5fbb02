"""Metrics, dashboard and alerts, with a Prometheus that runs."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientError, ClientSession

from tests.e2e.house import House, house, says
from tests.e2e.programs import program
from voicebot.sim.ports import free_port
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.script import HangUp, Interrupt, Say

DEPLOY = Path(__file__).parents[2] / "deploy" / "prometheus"
UP_S = 30.0

LINES = (
    Line("My phone is broken.", "I am sorry to hear that. " * 4),
    Line("How long will it take?", "About two hours, I think."),
)

# What one good call says nothing of.
UNSEEN = re.compile("stepfun_resume|faults_total|draining")


def promtool(*words: str, page: str | None = None) -> None:
    done = subprocess.run(
        [program("promtool", "prometheus"), *words],
        cwd=DEPLOY,
        input=page,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "" or page is None, done.stderr


def test_the_configuration_is_one() -> None:
    promtool("check", "config", "prometheus.yaml")


def test_the_alerts_ring_when_they_should() -> None:
    promtool("test", "rules", "voicebot.rules.test.yaml")


def queries() -> list[str]:
    """All that the dashboard asks, as Grafana would ask it."""
    board = json.loads((DEPLOY / "dashboard.json").read_text())
    asked = [
        target["expr"]
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]
    asked += [each["expr"] for each in board["annotations"]["list"]]
    filled = {"$__rate_interval": "1m", "$instance": ".*"}
    for name, value in filled.items():
        asked = [text.replace(name, value) for text in asked]
    return asked


def alerts(severity: str = "") -> list[str]:
    rules = yaml.safe_load((DEPLOY / "voicebot.rules.yaml").read_text())
    found = [rule for group in rules["groups"] for rule in group["rules"]]
    return [each["expr"] for each in found if severity in each["labels"]["severity"]]


class Prometheus:
    """It scrapes one server, each second."""

    def __init__(self, url: str, http: ClientSession) -> None:
        self._url, self._http = url, http

    async def ask(self, expression: str) -> list[dict[str, Any]]:
        async with self._http.post(
            f"{self._url}/api/v1/query", data={"query": expression}
        ) as answer:
            body = await answer.json()
        assert body["status"] == "success", body
        found: list[dict[str, Any]] = body["data"]["result"]
        return found

    async def until(self, expression: str) -> None:
        """Wait until it finds something."""
        async with asyncio.timeout(UP_S):
            while True:
                try:
                    if await self.ask(expression):
                        return
                except ClientError:
                    pass  # it is starting
                await asyncio.sleep(0.2)


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[Prometheus]:
    given = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())
    given["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    given["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    given["rule_files"] = [str(DEPLOY / "voicebot.rules.yaml")]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(given))
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        program("prometheus", "prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    )
    try:
        async with ClientSession() as http:
            yield Prometheus(f"http://127.0.0.1:{port}", http)
    finally:
        server.terminate()
        async with asyncio.timeout(UP_S):
            await server.wait()


async def one_call(home: House) -> None:
    report = await home.call(
        Say(says("My phone is broken."), "broken"),
        Interrupt(says("How long will it take?"), "how long", after_ms=1500),
        HangUp(),
    )
    assert report.warnings == []
    await home.board.quiet()


@pytest.mark.timeout(180)
async def test_prometheus_reads_it_and_the_dashboard_shows_a_call(
    tmp_path: Path,
) -> None:
    program("prometheus", "prometheus")
    async with house(tmp_path, *LINES) as home, ClientSession() as http:
        target = f"127.0.0.1:{home.settings.port}"
        async with prometheus(tmp_path, target) as server:
            await server.until('up{job="voicebot"} == 1')  # a `rate` needs the zeros
            await one_call(home)
            await server.until("rate(voicebot_calls_ended_total[1m]) > 0")
            await server.until("rate(voicebot_barge_in_stop_seconds_count[1m]) > 0")
            shown = {text: await server.ask(text) for text in queries()}
            rung = [await server.ask(text) for text in alerts("critical")]
            spent = await server.ask("sum(voicebot_cost_yuan_total)")
        async with http.get(f"{home.url}/metrics") as answer:
            page = await answer.text()
    dark = [text for text, found in shown.items() if not found]
    assert [text for text in dark if not UNSEEN.search(text)] == []
    assert len(shown) > 40
    # A machine that runs tests may well be late; nothing else is amiss.
    assert rung == [[] for _ in alerts("critical")]
    assert float(spent[0]["value"][1]) > 0
    promtool("check", "metrics", page=page)


def test_dashboard_and_alerts_speak_of_what_there_is() -> None:
    docs = (DEPLOY.parents[1] / "docs" / "operations.md").read_text()
    for text in [*queries(), *alerts()]:
        for name in re.findall(r"voicebot_\w+", text):
            base = re.sub("_(bucket|sum|count)$", "", name)
            assert f"| `{base}` |" in docs, base


@pytest.mark.parametrize("text", alerts())
def test_an_alert_says_whom_it_is_about(text: str) -> None:
    """Several servers may be watched: a sum over all of them would name none."""
    sums = re.findall(r"sum(?: by \(([^)]*)\))?", text)
    assert all("instance" in by for by in sums)
