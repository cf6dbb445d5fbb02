"""
Whether a request comes from Twilio, and was meant for us.

Twilio signs the URL that it was given, not the one that a proxy made of it, so the
URL is built from configuration alone: Host and X-Forwarded-* are the sender's word.

Source: Twilio: Webhooks security, and Media Streams, `<Stream>`.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs

from twilio.request_validator import RequestValidator

from voicebot.errors import ConfigError

SIGNATURE_LENGTH: Final = 28
"""Of an HMAC-SHA1 in base64."""

PUBLIC_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[^\s/:?#@\[\]]+|\[[0-9a-fA-F:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<prefix>/[^\s?#]*)?"
)
DEFAULT_PORTS: Final = {"https": "443", "http": "80"}
SOCKET_SCHEMES: Final = {"https": "wss", "http": "ws"}


def sign(token: str, url: str, form: Mapping[str, str]) -> str:
    """Sign a request as Twilio does, to see whether a server of ours takes it."""
    signature: str = RequestValidator(token).compute_signature(url, form)
    return signature


class SignatureCheck:
    def __init__(self, tokens: Sequence[str], public_url: str) -> None:
        """
        Args:
            tokens: the account's auth tokens, primary and secondary while they
                rotate. Without any, nothing passes.
            public_url: `https://host[:port][/prefix]` as Twilio sees us; `http://`
                when a simulated Twilio is on the same machine.

        Raises:
            ConfigError: the URL isn't of that form.
        """
        # One str is a Sequence[str] too: of one-letter tokens, which can be guessed.
        if isinstance(tokens, str):
            raise TypeError("tokens: expected a sequence of tokens, got str")
        self._validators = [RequestValidator(token) for token in tokens if token]
        url = PUBLIC_URL.fullmatch(public_url)
        if url is None:
            # Not quoted: someone may have put a password in it.
            raise ConfigError(
                "public_url: expected https://host[:port][/prefix] and nothing more"
            )
        self._bases = _bases(url["scheme"], url)
        self._socket_bases = _bases(SOCKET_SCHEMES[url["scheme"]], url)

    def webhook(
        self,
        method: str,
        raw_path: str,
        form: Mapping[str, object] | bytes,
        signature: str | None,
    ) -> bool:
        """
        Check a webhook.

        Args:
            raw_path: path and query string, byte for byte as they arrived.
            form: the posted fields, blank ones included, repeated ones by `getall`;
                or the body's bytes when it isn't a form.
            signature: the X-Twilio-Signature header, if there was one.
        """
        if method not in ("GET", "POST"):
            return False
        if method == "GET":
            form = {}  # its fields are in the query string
        signed_hashes = parse_qs(raw_path.partition("?")[2]).get("bodySHA256", [])
        if isinstance(form, bytes):  # signed by way of its hash in the URL, if at all
            body_hash = sha256(form).hexdigest()
            if len(signed_hashes) != 1 or not _equal(body_hash, signed_hashes[0]):
                return False
            form = {}
        elif signed_hashes:
            return False  # the body that was signed isn't the one that was read
        urls = [base + raw_path for base in self._bases]
        return self._signed(raw_path, urls, form, signature)

    def upgrade(self, raw_path: str, signature: str | None) -> bool:
        """
        Check the request that opens the media socket.

        Twilio may sign its URL with a slash more or less than it asks for.
        """
        path, mark, query = raw_path.partition("?")
        other_path = path[:-1] if path.endswith("/") else f"{path}/"
        urls = [
            base + signed_path + mark + query
            for base in self._socket_bases
            for signed_path in (path, other_path)
        ]
        return self._signed(raw_path, urls, {}, signature)

    def _signed(
        self,
        raw_path: str,
        urls: Sequence[str],
        form: Mapping[str, object],
        signature: str | None,
    ) -> bool:
        """Whether any of our tokens, over any of these URLs, gives the signature."""
        if signature is None or len(signature) != SIGNATURE_LENGTH:
            return False
        if not raw_path.startswith("/"):
            return False
        if not all(isinstance(value, str) for value in form.values()):
            return False  # an uploaded file: Twilio sends none
        try:
            return any(
                _equal(validator.compute_signature(url, form), signature)
                for validator in self._validators
                for url in urls
            )
        except UnicodeEncodeError:  # bytes that weren't UTF-8: not Twilio's
            return False


def _bases(scheme: str, url: re.Match[str]) -> list[str]:
    """Write the URL's beginning without a port and with one.

    Twilio documents that it leaves the port out under https, and keeps it under
    http; its own helper takes both, since that isn't always so.
    """
    host, prefix = url["host"], (url["prefix"] or "").rstrip("/")
    port = url["port"] or DEFAULT_PORTS[url["scheme"]]
    return [f"{scheme}://{netloc}{prefix}" for netloc in (host, f"{host}:{port}")]


def _equal(one: str, other: str) -> bool:
    """Compare in constant time, also what isn't ASCII or UTF-8."""
    encoded = (text.encode(errors="surrogatepass") for text in (one, other))
    return hmac.compare_digest(*encoded)
