"""Messages that simulated callers leave: recorded, told of, transcribed."""

import asyncio
import secrets
from dataclasses import dataclass

from voicebot.sim.twilio.agents import elapse
from voicebot.sim.twilio.forms import (
    Form,
    Identity,
    recorded_form,
    recording_form,
    transcribed_form,
)
from voicebot.sim.twilio.misbehaviour import Misbehaviour
from voicebot.sim.twilio.report import Tally
from voicebot.sim.twilio.socket import Inbox, Order
from voicebot.sim.twilio.twiml import Callback, Record
from voicebot.sim.twilio.webhooks import Webhooks

RECORDINGS = "https://api.twilio.com/2010-04-01/Accounts/{}/Recordings/{}"
TRANSCRIBED_S = (2, 120)


@dataclass(frozen=True, slots=True)
class Message:
    """What a caller does after the beep."""

    says_s: float = 1.0
    """For so long, in real time; 0 is nothing at all."""

    text: str | None = "A message."
    """What is understood of it; None if the transcription fails."""

    ends: str = "hangup"
    """A key, or `hangup`."""

    wav: bytes = b""
    """What can be fetched of it; empty: nothing."""

    long_s: int | None = None
    """What Twilio says of its length, if not the truth: a test has no minutes."""


@dataclass(frozen=True, slots=True)
class Left:
    """A message was left; `form` goes to the action."""

    form: Form
    hung_up: bool


class Mailbox:
    """Takes messages. News of them is told in the background: await `told`."""

    def __init__(
        self,
        message: Message,
        who: Identity,
        hooks: Webhooks,
        tally: Tally,
        misbehaviour: Misbehaviour,
        recordings: dict[str, bytes],
    ) -> None:
        """
        Args:
            recordings: gets the sound of messages, by SID.
        """
        self._recordings = recordings
        self._message, self._who, self._hooks = message, who, hooks
        self._tally, self._wrong = tally, misbehaviour
        self._telling: set[asyncio.Task[None]] = set()

    async def take(self, record: Record, inbox: Inbox) -> Left | Order | None:
        """
        Record until the caller has done, or REST orders otherwise.

        Returns:
            None if nothing was said: then Twilio goes on with the next verb.
        """
        message = self._message
        silent = not message.says_s
        waits_s = record.timeout_s if silent else min(message.says_s, record.max_s)
        if order := await elapse(waits_s, inbox):
            return order
        sid = f"RE{secrets.token_hex(16)}"
        url = RECORDINGS.format(self._who.account_sid, sid)
        duration_s = message.long_s or max(1, round(waits_s))
        if silent:
            self._tell([self._news(record, "absent", sid, url, 0)])
            return None
        self._tally.messages += 1
        if message.wav:
            self._recordings[sid] = message.wav
        self._tell(
            [
                self._news(record, "completed", sid, url, duration_s),
                self._words(record, sid, url, duration_s),
            ]
        )
        cut = message.says_s > record.max_s
        ends = "" if cut else message.ends
        if len(ends) == 1 and ends not in record.finish_on_key:
            ends = ""  # a key that ends nothing: silence does
        hung_up = ends == "hangup"
        status = "completed" if hung_up else "in-progress"
        return Left(recorded_form(self._who, status, url, duration_s, ends), hung_up)

    async def told(self) -> None:
        """Wait until all callbacks were answered."""
        if self._telling:
            await asyncio.wait(self._telling)

    def _news(
        self, record: Record, status: str, sid: str, url: str, duration_s: int
    ) -> tuple[str, Callback, Form] | None:
        if record.status is None or status not in record.events:
            return None
        form = recording_form(self._who, status, sid, url, duration_s)
        return "recording", record.status, form

    def _words(
        self, record: Record, sid: str, url: str, duration_s: int
    ) -> tuple[str, Callback, Form] | None:
        if record.transcribe is None:
            return None
        low, high = TRANSCRIBED_S
        text = self._message.text if low <= duration_s <= high else None
        form = transcribed_form(self._who, sid, url, text)
        return "transcription", record.transcribe, form

    def _tell(self, news: list[tuple[str, Callback, Form] | None]) -> None:
        posts = [each for each in news if each]
        if self._wrong.callbacks_reversed:
            posts.reverse()
        if self._wrong.callbacks_twice:
            posts = [each for each in posts for _ in range(2)]
        self._telling.add(asyncio.create_task(self._post(posts)))

    async def _post(self, posts: list[tuple[str, Callback, Form]]) -> None:
        await asyncio.sleep(self._wrong.callbacks_late_s)
        for what, to, form in posts:
            await self._hooks.ask(what, to, form)
