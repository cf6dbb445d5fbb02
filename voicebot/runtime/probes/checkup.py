"""All checks, one part after the other."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import ClientSession

from voicebot.config import Settings
from voicebot.doctor import phone
from voicebot.doctor.costs import tokens_ucny
from voicebot.doctor.finding import STEPFUN, Finding, Part, Verdict
from voicebot.doctor.learnt import Learnt, learn
from voicebot.doctor.services import judge_account, no_key, not_opened
from voicebot.net.twilio import TwilioRest
from voicebot.runtime.probes.phone import ask_twilio, visit
from voicebot.runtime.probes.realtime import Place, examine, try_account
from voicebot.runtime.probes.services import (
    Clip,
    ask_chat,
    ask_voices,
    have_spoken,
    have_understood,
)


@dataclass(slots=True)
class Report:
    """
    Attributes:
        learnt: of the model; None if it wasn't tried, or told nothing.
        realtime_ucny: what the realtime model's tokens cost, as it counted them.
    """

    findings: list[Finding] = field(default_factory=list)
    learnt: Learnt | None = None
    realtime_ucny: int | None = None


class Checkup:
    """
    Args:
        needed: the voices that personas speak in.
        others: voices that are tried besides.
        begins: is told which part is checked now.
    """

    def __init__(
        self,
        settings: Settings,
        http: ClientSession,
        *,
        model: str,
        clip: Clip,
        needed: Sequence[str],
        others: Sequence[str],
        begins: Callable[[Part], None],
    ) -> None:
        key = settings.stepfun_api_key
        self.report = Report()
        self._settings = settings
        self._http = http
        self._key = key.get_secret_value() if key else ""
        self._place = Place(settings.stepfun_base_url, self._key, model)
        self._clip = clip
        self._needed, self._others = needed, others
        self._begins = begins
        self._is_shut = False  # no session opens

    async def run(self, parts: Sequence[Part]) -> Report:
        """Check these parts, in this order: the account comes first, if at all."""
        checks: dict[Part, Callable[[], Awaitable[list[Finding]]]] = {
            Part.ACCOUNT: self._account,
            Part.REALTIME: self._realtime,
            Part.CHAT: self._chat,
            Part.SPEECH: self._speech,
            Part.ASR: self._asr,
            Part.VOICES: self._voices,
            Part.TWILIO: self._twilio,
            Part.PUBLIC: self._public,
        }
        for part in parts:
            self._begins(part)
            if part in STEPFUN and not self._key:
                self.report.findings.append(no_key(part, "all of it"))
            else:
                self.report.findings += await checks[part]()
        return self.report

    async def _account(self) -> list[Finding]:
        finding = judge_account(await try_account(self._place), self._place.base_url)
        self._is_shut = finding.verdict is Verdict.FAILS
        return [finding]

    async def _realtime(self) -> list[Finding]:
        if self._is_shut:  # the same would be told three times
            return [not_opened(Part.REALTIME, "all of it")]
        voices = dict.fromkeys([*self._needed, *self._others])
        examined = await examine(self._place, list(voices), self._needed, self._clip)
        tokens = examined.tokens
        self.report.realtime_ucny = tokens_ucny(tokens["input"], tokens["output"])
        base_url, _, model = self._place
        now = datetime.now(UTC)
        self.report.learnt = learn(base_url, model, now, examined.repairs)
        return examined.findings

    async def _chat(self) -> list[Finding]:
        base_url, key, _ = self._place
        return [await ask_chat(self._http, base_url, key)]

    async def _speech(self) -> list[Finding]:
        base_url, key, _ = self._place
        return await have_spoken(self._http, base_url, key, self._needed[0])

    async def _asr(self) -> list[Finding]:
        base_url, key, _ = self._place
        return [await have_understood(self._http, base_url, key, self._clip)]

    async def _voices(self) -> list[Finding]:
        base_url, key, _ = self._place
        return await ask_voices(self._http, base_url, key)

    async def _twilio(self) -> list[Finding]:
        sid, token = self._settings.twilio_account_sid, self._settings.twilio_auth_token
        if sid is None or token is None:
            return [phone.no_account()]
        secret = token.get_secret_value()
        rest = TwilioRest(self._http, self._settings.twilio_api_url, sid, secret)
        return await ask_twilio(rest, self._settings.public_url)

    async def _public(self) -> list[Finding]:
        url, token = self._settings.public_url, self._settings.twilio_auth_token
        if url is None:
            return [phone.no_address()]
        if token is None:
            return [phone.no_token()]
        seen = await visit(self._http, url, token.get_secret_value())
        return list(phone.judge_public(seen, url))
