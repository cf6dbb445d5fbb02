"""Which address is dialled and which one signed: a public name, on loopback."""

from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from voicebot.errors import ConfigError
from voicebot.sim.twilio.twiml import is_loopback

SECURE: Final = {"http": "https", "ws": "wss"}
PLAIN: Final = {"https": "http", "wss": "ws"}


class Addresses:
    """
    Translates between the name under which the bot is known and where it listens.

    The bot writes its public name into its TwiML and checks signatures against it,
    while the simulated Twilio reaches it directly. Any other host is left as it is.
    """

    def __init__(
        self, voice_url: str, public_url: str | None = None, *, i_own_this: bool = False
    ) -> None:
        """
        Args:
            voice_url: where the bot really listens, with the path of its webhook.
            public_url: scheme and host under which it is known; None if the same.
            i_own_this: allows to call a host that isn't this machine.

        Raises:
            ConfigError: one of them can't be used, or the target isn't loopback.
        """
        self._i_own_this = i_own_this
        self._target = _origin(voice_url)
        self._public = _origin(public_url) if public_url else self._target
        if public_url and urlsplit(public_url).path not in ("", "/"):
            raise ConfigError("public_url: expected scheme and host, got a path too")
        self.dial(voice_url)

    def signed(self, url: str) -> str:
        """Name the public address of what is at `url`."""
        return _moved(url, self._target, self._public)

    def dial(self, url: str) -> str:
        """
        Say where to connect for `url`.

        Raises:
            ConfigError: that isn't this machine, and nobody said to own it.
        """
        url = _moved(url, self._public, self._target)
        if not self._i_own_this and not is_loopback(_split(url).hostname or ""):
            raise ConfigError(
                "the simulated Twilio calls only this machine: "
                "only http://127.0.0.1 or http://localhost"
            )
        return url

    def check_webhook(self, url: str) -> None:
        """
        Make sure that a webhook can be asked there.

        Raises:
            ConfigError: it is no HTTP address, or not on this machine.
        """
        _origin(url)
        self.dial(url)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is no port
    except ValueError:
        raise ConfigError(
            "expected a URL with a host and a port of 0 to 65535"
        ) from None
    return parts


def _origin(url: str) -> SplitResult:
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("expected a URL that begins with http:// or https://")
    return parts


def _moved(url: str, source: SplitResult, target: SplitResult) -> str:
    parts = _split(url)
    if parts.netloc != source.netloc:
        return url
    scheme = PLAIN.get(parts.scheme, parts.scheme)
    if target.scheme == "https":
        scheme = SECURE.get(scheme, scheme)
    return urlunsplit(parts._replace(scheme=scheme, netloc=target.netloc))
