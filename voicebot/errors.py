"""
Every exception that voicebot raises.

* VoicebotError
    * ConfigError              an operator must edit a file or a variable
        * DialplanError        carries all problems found, each with file:line:column
    * ProtocolError            a message broke a protocol
        * RemoteProtocolError  a peer sent it: drop the message, count it, go on
        * LocalProtocolError   we were about to send it: a bug of ours
    * UpstreamError            a service refused or failed; says if a retry can help
    * StoreError               the call log could not be read or written
"""

from collections.abc import Sequence


class VoicebotError(Exception):
    """The root of them all."""


class ConfigError(VoicebotError):
    """An operator must edit a file or a variable. The text says which and how."""


class DialplanError(ConfigError):
    """The dialplan cannot be served.

    Attributes:
        problems: every mistake found in every file, each printing itself as
            `file:line:column: key: what is wrong`.
    """

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ProtocolError(VoicebotError):
    """A message broke a protocol."""


class RemoteProtocolError(ProtocolError):
    """A peer broke its protocol.

    The text names the path of the bad field and what stood there, never the
    payload: `message.media.payload: expected base64, got a string of 214 characters`.
    """


class LocalProtocolError(ProtocolError):
    """We were about to break a protocol: a bug of ours."""


class UpstreamError(VoicebotError):
    """StepFun or Twilio answered with an error.

    Attributes:
        detail: the service's error code, or a word of ours; never its body.
        status: HTTP status, or None if the connection failed before one came.
        retryable: whether the same request may succeed later.
        trace_id: by which the service finds the request, if it told one.
    """

    def __init__(self, service: str, detail: str, status: int | None = None) -> None:
        super().__init__(service, detail, status)
        self.service, self.detail, self.status = service, detail, status
        self.trace_id: str | None = None

    @property
    def retryable(self) -> bool:
        return self.status is None or self.status in (408, 429) or self.status >= 500

    def __str__(self) -> str:
        status = "no answer" if self.status is None else f"HTTP {self.status}"
        return f"{self.service}: {status}: {self.detail}"


class StoreError(VoicebotError):
    """The call log could not be read or written."""
