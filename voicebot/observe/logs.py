"""
Logs: structlog over the standard library's logging, on standard error.

A line is put together where it is logged, so that it knows the call, and written by
a thread of its own. If nobody reads standard error, that thread waits and no call
does: lines that then don't fit into the queue are dropped and counted.

`structlog.contextvars.bound_contextvars(call_id=…, stream_sid=…)` names the call on
every line of the block, those of other libraries included.
"""

import json as json_format
import logging
import logging.handlers
import os
import queue
import sys
import threading
import traceback
from io import StringIO
from typing import Any, Final, TextIO

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

QUEUE_LINES: Final = 10_000
CLOSE_S: Final = 2.0
DROPPED: Final = '{"event": "log lines dropped", "level": "warning", "count": %d}'

# At INFO they tell addresses with tokens in them, numbers of callers, or nothing new.
TALKATIVE: Final = ("aiohttp.access", "twilio", "watchfiles")

# What could move a terminal's cursor, forge a line or turn the text around.
CONTROLS: Final = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        *range(0x200E, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
}


def configure(json: bool) -> "LogSink":
    """
    Send all logs of the process to standard error.

    Args:
        json: one JSON object a line, for a machine; else text, for a person.

    Returns:
        The sink, which counts what it dropped. It closes itself at exit.
    """
    sink = LogSink(sys.stderr.fileno())
    sink.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_as_json() if json else _as_text()),
            ],
        )
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(sink)
    logging.getLogger("aiohttp.server").addFilter(without_strangers_bytes)
    root.setLevel(logging.INFO)
    # What no line tells isn't looked for: it takes a third of the time of each.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    return sink


def without_strangers_bytes(record: logging.LogRecord) -> bool:
    """Of a request that isn't HTTP, aiohttp logs the bytes: say only what it is."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args = "bad request: %s", (type(error).__name__,)
        record.exc_info = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def printable(text: str) -> str:
    """Escape what isn't for the eye: line breaks and other control characters."""
    return text.translate(CONTROLS)


def masked(number: str) -> str:
    """Enough of a phone number to tell callers apart: `+1555…23`."""
    return f"{number[:5]}…{number[-2:]}" if len(number) > 9 else "…"


class LogSink(logging.handlers.QueueHandler):
    """
    Writes lines in a thread, and never makes who logs wait.

    Attributes:
        dropped: lines that didn't fit into the queue, or couldn't be written.
    """

    queue: "queue.Queue[str | None]"

    def __init__(self, descriptor: int, lines: int = QUEUE_LINES) -> None:
        super().__init__(queue.Queue(lines))
        self.dropped = 0
        self._descriptor = descriptor
        # A daemon: a reader that is stuck must not keep the process from ending.
        self._thread = threading.Thread(target=self._drain, name="logs", daemon=True)
        self._thread.start()

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record.getMessage())  # formatted by `prepare`
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what is in the queue, if that takes less than CLOSE_S."""
        try:
            self.queue.put(None, timeout=CLOSE_S)
        except queue.Full:
            pass
        else:
            self._thread.join(CLOSE_S)
        super().close()

    def _drain(self) -> None:
        told = 0
        while (line := self.queue.get()) is not None:
            if told != self.dropped:
                told = self.dropped
                self._write(DROPPED % told)
            self._write(line)

    def _write(self, line: str) -> None:
        # Not sys.stderr: its lock, held by a thread that is stuck, would take the
        # whole process down with it at exit.
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self.dropped += 1


def _shared() -> list[Processor]:
    """What happens to every line, ours and other libraries'."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _as_json() -> list[Processor]:
    return [
        # Without the locals: keys and callers' words are among them.
        structlog.processors.ExceptionRenderer(
            ExceptionDictTransformer(show_locals=False)
        ),
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _as_text() -> list[Processor]:
    return [
        _escape,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=_traceback
        ),
    ]


def _json(event: EventDict, **options: Any) -> str:
    # JSON itself escapes all control characters but this one.
    return json_format.dumps(event, **options).replace("\x7f", "\\u007f")


def _escape(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {
        key: printable(value) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _traceback(target: TextIO, exc_info: ExcInfo) -> None:
    text = StringIO()
    traceback.print_exception(*exc_info, file=text)
    lines = text.getvalue().splitlines()
    target.write("\n" + "\n".join(map(printable, lines)))
