"""A bot in a few lines, to be called: it greets with a beep and listens."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

TOKEN = "an auth token of nobody"
BEEP = bytes([0x10, 0x90]) * 320  # 80 ms


class Bot:
    """
    Serves /voice and /media, and whatever documents a test gives it.

    Attributes:
        documents: TwiML by path.
        greets: what it says when the stream starts, in messages of this size.
        closes_after: closes the socket when it has got so many media messages.
        resets_after: loses the connection then, without a word.
        closes_on_stop: doesn't wait for the caller to close.
    """

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.statuses: dict[str, int] = {}
        self.greeting = [BEEP]
        self.closes_after: int | None = None
        self.close_code = 1000
        self.closes_on_stop = False
        self.resets_after: int | None = None
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.headers: list[tuple[str, dict[str, str]]] = []
        self.unsigned: list[str] = []
        self.heard: list[dict[str, object]] = []
        self.closed_with: int | None = None
        self.url = ""
        self.public = ""

    def connect(self, path: str = "/media", *, attributes: str = "") -> str:
        host = (self.public or self.url).replace("http", "ws", 1)
        return (
            f"<Response><Connect {attributes}><Stream url='{host}{path}' name='bot'"
            " statusCallback='/stream'><Parameter name='a' value='b'/></Stream>"
            "</Connect></Response>"
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bot"]:
        app = web.Application()
        app.router.add_get("/media", self._media)
        app.router.add_route("*", "/{name}", self._document)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    async def _document(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append((request.path, form))
        self.headers.append((request.path, dict(request.headers)))
        text = "".join(name + form[name] for name in sorted(form))
        if not self._is_signed(request, "http", text):
            self.unsigned.append(request.path)
        status = self.statuses.get(request.path, 200)
        text = self.documents.get(request.path, "<Response/>")
        return web.Response(text=text, content_type="text/xml", status=status)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        self.headers.append((request.path, dict(request.headers)))
        if not self._is_signed(request, "ws", ""):
            return web.Response(status=403)
        socket = web.WebSocketResponse(compress=False, max_msg_size=65_536)
        await socket.prepare(request)
        stream_sid = ""
        media = 0
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                self.heard.append({"event": "binary"})
                continue
            try:
                said = json.loads(message.data)
            except ValueError:
                said = {"event": "garbage"}
            self.heard.append(said)
            if said["event"] == "start" and not stream_sid:
                stream_sid = said["streamSid"]
                await self._greet(socket, stream_sid)
            if said["event"] == "stop" and self.closes_on_stop:
                await socket.close(code=1000)
            media += said["event"] == "media"
            if media == self.resets_after and request.transport is not None:
                request.transport.abort()
            if media == self.closes_after:
                await socket.close(code=self.close_code)
        self.closed_with = socket.close_code
        return socket

    async def _greet(self, socket: web.WebSocketResponse, stream_sid: str) -> None:
        for ulaw in self.greeting:
            payload = base64.b64encode(ulaw).decode()
            message = {"event": "media", "streamSid": stream_sid}
            await socket.send_json({**message, "media": {"payload": payload}})
        message = {"event": "mark", "streamSid": stream_sid}
        await socket.send_json({**message, "mark": {"name": "end"}})

    def _is_signed(self, request: web.Request, scheme: str, text: str) -> bool:
        base = (self.public or self.url).replace("http", scheme, 1)
        url = base + request.raw_path
        digest = hmac.digest(TOKEN.encode(), (url + text).encode(), "sha1")
        wanted = base64.b64encode(digest).decode()
        return request.headers.get("X-Twilio-Signature") == wanted

    def events(self) -> list[object]:
        return [message["event"] for message in self.heard]
