"""`voicebot load` as a process, and a server that mixes up its calls."""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import pytest

from tests.e2e.house import ACCOUNT, CALLER, OUR_NUMBER, TOKEN, House, house
from tests.e2e.test_process import command, environment, voicebot
from tests.slow import SOUND
from voicebot.errors import ConfigError
from voicebot.load.listener import Heard, Listener
from voicebot.load.mind import MarkedMind, call_heard, heard
from voicebot.load.mix import load_mix
from voicebot.load.run import Plan, check, load
from voicebot.load.server import Target
from voicebot.sim.stepfun.mind import Utterance
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.twilio.caller import place_call

SHORT = """\
steps:
  - say: What are your hours?
  - hang_up: true
    wait_quiet_ms: 700
"""


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(SHORT)
    return path


@pytest.mark.timeout(150)
def test_a_run_is_measured_judged_and_reported(tmp_path: Path, short: Path) -> None:
    html = tmp_path / "report.html"
    words = ["load", "--calls", "3", "--minutes", "0.05", "--mix", str(short)]
    done = subprocess.run(
        command(*words, "--json", "--html", str(html)),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=140,
        check=False,
    )
    assert done.stderr == ""
    figures = json.loads(done.stdout)
    held = {each["name"]: each["holds"] for each in figures["verdicts"]}
    assert figures["calls"] >= 3
    # The rest is for a machine of its own.
    for name in SOUND:
        assert held[name] is True, name
    assert figures["spreads"]["caller to StepFun"]["count"] >= 3
    assert figures["spreads"]["StepFun to caller"]["count"] >= 3
    assert figures["idle"]["processes"] == 1
    assert done.returncode == (
        3 if figures["void"] else 1 if False in held.values() else 0
    )
    assert html.read_text().count("<svg") >= 8


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ["--url", "http://127.0.0.1:9/twilio/voice"],
            "nothing listens at 127.0.0.1:9",
        ),
        (["--url", "https://example.com/twilio/voice"], "--yours if that server is"),
        (["--url", "127.0.0.1:8080"], "begins with http:// or https://\n"),
        (["--renew-every", "20"], "--renew-every: expected --workers with it"),
        (["--ramp", "fast"], "--ramp: expected calls a second such as 5/s, got 'fast'"),
        (["--mix", "none/*.yaml"], "none/*.yaml: no such file"),
        (
            ["--room", "2", "--url", "http://127.0.0.1:9/"],
            "expected no --url with them",
        ),
        (["--to", "+15550100777"], "expected --url with them"),
        (["--stay", "--minutes", "9"], "--stay: expected --minutes of at most 8"),
        (["--html", "none/report.html"], "--html: none: no such folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, words: Sequence[str], problem: str
) -> None:
    code, said = voicebot(tmp_path, "load", *words, VOICEBOT_PUBLIC_URL="")
    assert code == 1
    assert problem in said
    assert said.count("\n") == 1


def target(there: House, token: str = TOKEN) -> Target:
    return Target(f"{there.url}/twilio/voice", ACCOUNT, token, OUR_NUMBER)


@pytest.mark.parametrize(
    ("token", "plan", "problem"),
    [
        ("another-token", "persona: tester", "refused the signature: is VOICEBOT_"),
        (TOKEN, "reject: busy", "takes no calls: <Reject busy>"),
    ],
)
async def test_a_target_that_takes_no_calls_is_told_of(
    tmp_path: Path, short: Path, token: str, plan: str, problem: str
) -> None:
    text = (
        "version: 2\n"
        f'numbers: {{main: {{e164: "{OUR_NUMBER}", display_name: A test}}}}\n'
        f"routes: [{{name: default, do: {{{plan}}}}}]\n"
    )
    one = Plan(1, 1.0, 0.05, [str(short)])
    async with house(tmp_path, plan=text) as there:
        with pytest.raises(ConfigError, match=problem):
            await load(one, target(there, token), tmp_path, lambda _: None)


async def answer_rubbish(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.read(100)
    writer.write(b"+OK POP3 ready\r\n")
    writer.close()


@pytest.mark.parametrize(
    ("scheme", "problem"),
    [
        ("http", "doesn't answer: is that a web server?"),
        ("https", "speaks no TLS, or its certificate doesn't hold"),
    ],
)
async def test_a_target_that_is_no_web_server_is_told_of(
    scheme: str, problem: str
) -> None:
    server = await asyncio.start_server(answer_rubbish, "127.0.0.1")
    async with server:
        host, port = server.sockets[0].getsockname()
        there = Target(f"{scheme}://{host}:{port}/twilio/voice", ACCOUNT, TOKEN)
        with pytest.raises(ConfigError) as caught:
            await check(there)
    assert str(caught.value) == f"{host}:{port} {problem}"


class Swapped(MarkedMind):
    """As if the audio of two calls went to each other's session."""

    def hear(self, pcm16: bytes, history: Sequence[Utterance]) -> str:
        call = call_heard(super().hear(pcm16, history))
        assert call is not None
        return heard(call ^ 1)


async def called(tmp_path: Path, short: Path, mind: MarkedMind) -> Heard:
    (scenario,) = load_mix([str(short)])
    script, pings = scenario.script(0)
    listener = Listener(0, pings, monotonic)
    async with house(tmp_path / "house", mind=mind, mood=Mood.burst()) as there:
        report = await place_call(
            voice_url=f"{there.url}/twilio/voice",
            auth_token=TOKEN,
            account_sid=ACCOUNT,
            from_number=CALLER,
            to_number=OUR_NUMBER,
            script=script,
            watch=listener,
            max_call_s=30,
        )
    assert report.outcome == "completed"
    return listener.finish()


async def test_a_caller_hears_the_mark_of_its_own_call(
    tmp_path: Path, short: Path
) -> None:
    figures = await called(tmp_path, short, MarkedMind())
    assert figures.own > 240
    assert figures.foreign == 0


async def test_a_swapped_stream_is_heard_by_the_caller(
    tmp_path: Path, short: Path
) -> None:
    figures = await called(tmp_path, short, Swapped())
    assert figures.own == 0
    assert figures.foreign > 240
