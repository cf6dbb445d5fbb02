"""A whole house for a call: our server, the offline StepFun, the simulated Twilio."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from tests import canary
from voicebot.config import Settings
from voicebot.runtime.switchboard import Switchboard
from voicebot.sim.ports import free_port
from voicebot.sim.stepfun.babble import babble
from voicebot.sim.stepfun.mind import Mind
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.caller import OnEvent, place_call
from voicebot.sim.twilio.mailbox import Message
from voicebot.sim.twilio.misbehaviour import Misbehaviour
from voicebot.sim.twilio.report import CallReport
from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.script import Script, Step
from voicebot.sim.twilio.signing import sign_form
from voicebot.sim.twilio.wav import pcm24_to_ulaw
from voicebot.store.records import Call, Turn
from voicebot.web.server import running

OUR_NUMBER = "+15550100001"
CALLER, KEY, TOKEN = canary.CALLER, canary.KEY, canary.TOKEN
ACCOUNT = canary.ACCOUNT

DIALPLAN = """\
version: 2
numbers:
  main: {e164: "+15550100001", display_name: A test}
routes:
  - name: nobody we know
    match: {from: "+1555019*"}
    do: {reject: rejected}
  - name: a message
    match: {from: "+44*"}
    do: {message: {text: We are closed., language: en}}
  - name: default
    do: {persona: tester}
"""

PERSONA = """\
title: A test
language: en
instructions: You are a test.
greeting: {text: Hello there.}
goodbye: {text: Good bye., when_caller_says: [goodbye]}
apology: {text: I am sorry.}
recording: {mode: always}
limits: {duration: 60s, idle: 10s}
"""


@dataclass(frozen=True)
class House:
    """Everything runs; place calls."""

    settings: Settings
    board: Switchboard
    stepfun: OfflineStepFun
    rest: TwilioRest

    @property
    def url(self) -> str:
        assert self.settings.public_url
        return self.settings.public_url

    async def call(
        self,
        *steps: Step,
        from_number: str = CALLER,
        misbehave: Misbehaviour | None = None,
        rest: bool = True,
        on_event: OnEvent | None = None,
        far_ends: Mapping[str, FarEnd] | None = None,
        message: Message | None = None,
        patience_s: float | None = None,
    ) -> CallReport:
        return await place_call(
            voice_url=f"{self.url}/twilio/voice",
            status_url=f"{self.url}/twilio/status",
            auth_token=TOKEN,
            account_sid=ACCOUNT,
            from_number=from_number,
            to_number=OUR_NUMBER,
            script=Script(steps),
            rest=self.rest if rest else None,
            misbehave=misbehave,
            on_event=on_event,
            far_ends=far_ends,
            message=message,
            patience_s=patience_s,
            max_call_s=30.0,
        )

    async def webhook(self, call_sid: str) -> str:
        """What Twilio is told about a call, asked once."""
        url = f"{self.url}/twilio/voice"
        form = [
            ("AccountSid", ACCOUNT),
            ("CallSid", call_sid),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", CALLER),
            ("To", OUR_NUMBER),
        ]
        headers = {"X-Twilio-Signature": sign_form(TOKEN, url, form)}
        async with (
            ClientSession() as http,
            http.post(url, data=form, headers=headers) as answer,
        ):
            return await answer.text()

    async def record(self, report: CallReport) -> tuple[Call, list[Turn]]:
        """The call log of a call that is over."""
        await self.board.quiet()
        call = await self.board.store.call_by_sid(report.call_sid)
        assert call
        return call, await self.board.store.turns(call.call_id)


@asynccontextmanager
async def house(
    folder: Path,
    *lines: Line,
    mood: Mood | None = None,
    mind: Mind | None = None,
    persona: str = PERSONA,
    plan: str = DIALPLAN,
    refusals: tuple[int, ...] = (),
    speech_refusals: tuple[int, ...] = (),
    workers: int = 0,
    chat_refusals: tuple[int, ...] = (),
    asr_refusals: tuple[int, ...] = (),
    **settings: Any,
) -> AsyncIterator[House]:
    plans = folder / "dialplans"
    (plans / "personas").mkdir(parents=True)
    (plans / "dialplan.yaml").write_text(plan)
    (plans / "personas" / "tester.yaml").write_text(persona)
    offline = OfflineStepFun(
        mind or ScriptedMind(Scenario(lines)),
        mood or Mood.kind(),
        api_key=KEY,
        refusals=refusals,
        speech_refusals=speech_refusals,
        chat_refusals=chat_refusals,
        asr_refusals=asr_refusals,
    )
    port = free_port()
    async with (
        offline.running() as stepfun,
        TwilioRest(ACCOUNT, TOKEN).running() as rest,
    ):
        given = Settings(
            stepfun_api_key=KEY,
            stepfun_base_url=stepfun.base_url,
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,
            twilio_api_url=rest.api_url,
            public_url=f"http://127.0.0.1:{port}",
            dialplans=plans,
            data=folder / "data",
            port=port,
            **settings,
        )
        async with running(given, workers) as board:
            await board.prepare_prompts()
            home = House(given, board, stepfun, rest)
            yield home
            await _keep_metrics(home, folder / "metrics.txt")


async def _keep_metrics(home: House, path: Path) -> None:
    """Leave what a scraper would get, for the watch to read."""
    timeout = ClientTimeout(10)
    async with (
        ClientSession(timeout=timeout) as http,
        http.get(f"{home.url}/metrics") as answer,
    ):
        if answer.ok:
            await asyncio.to_thread(path.write_bytes, await answer.read())


def says(text: str) -> bytes:
    """A caller's turn: speech-like sound, about as long as the text is to say."""
    return pcm24_to_ulaw(babble(text))
