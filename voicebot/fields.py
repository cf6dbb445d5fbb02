"""Typed reading of a peer's JSON: an error names the path, expected and got."""

import re
from typing import Final

import orjson
import pybase64

from voicebot.errors import RemoteProtocolError

# At most ten: no count, rate or millisecond of a call needs more, and Python
# refuses to convert thousands of digits with an error of its own.
DIGITS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


class Fields:
    """One JSON object of a peer, with the path at which it stood."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise RemoteProtocolError(f"{path}: expected an object, got {_kind(value)}")
        self._value: dict[str, object] = value
        self._path = path

    @classmethod
    def parse(cls, text: str | bytes, path: str = "message") -> "Fields":
        """
        Parse a frame that must hold one JSON object.

        Raises:
            RemoteProtocolError: it isn't JSON, or isn't an object.
        """
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise RemoteProtocolError(
                f"{path}: expected JSON, got {len(text)} characters of something else"
            ) from None
        return cls(value, path)

    def __contains__(self, key: str) -> bool:
        """Whether the key is there with a value; JSON's null counts as absent."""
        return self._value.get(key) is not None

    def text(self, key: str) -> str:
        value = self._get(key)
        if isinstance(value, str):
            return value
        raise self._expected(key, "text", value)

    def integer(self, key: str) -> int:
        """Read a whole number. Twilio writes most of them as strings."""
        value = self._get(key)
        if isinstance(value, str) and DIGITS.fullmatch(value):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self._expected(key, "a whole number", value)

    def flag(self, key: str) -> bool:
        """Read true or false; what isn't there is false."""
        value = self._value.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self._expected(key, "true or false", value)

    def base64(self, key: str) -> bytes:
        text = self.text(key)
        try:
            return pybase64.b64decode(text, validate=True)
        except ValueError:
            raise self._expected(key, "base64", text) from None

    def table(self, key: str) -> "Fields":
        return Fields(self._get(key), f"{self._path}.{key}")

    def whole(self) -> dict[str, object]:
        """Return the object as it stands."""
        return self._value

    def tables(self, key: str) -> list["Fields"]:
        """Read a list of objects."""
        value = self._get(key)
        if not isinstance(value, list):
            raise self._expected(key, "a list", value)
        return [
            Fields(item, f"{self._path}.{key}[{index}]")
            for index, item in enumerate(value)
        ]

    def list_of_texts(self, key: str) -> list[str]:
        value = self._get(key)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        raise self._expected(key, "a list of texts", value)

    def texts(self) -> dict[str, str]:
        """Read the whole object as text by name, such as Twilio's parameters."""
        return {key: self.text(key) for key in self._value}

    def _get(self, key: str) -> object:
        try:
            return self._value[key]
        except KeyError:
            raise RemoteProtocolError(f"{self._path}.{key}: missing") from None

    def _expected(self, key: str, wanted: str, got: object) -> RemoteProtocolError:
        return RemoteProtocolError(
            f"{self._path}.{key}: expected {wanted}, got {_kind(got)}"
        )


def _kind(value: object) -> str:
    """Name a value without quoting it: payloads are audio, or a caller's words."""
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    return "null" if value is None else type(value).__name__
