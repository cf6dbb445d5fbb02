"""
What the processes of one server tell each other: objects, and open sockets with them.

The two ends of a socket pair that no other process has. Objects are pickled, as
nothing that leaves a process of ours is: what comes in was made by our own code, and
classes of others are refused all the same.
"""

import asyncio
import io
import os
import pickle
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any, Final

HEAD: Final = struct.Struct(">IB")  # bytes that follow; whether a socket comes along
READ_BYTES: Final = 256 * 1024
MAX_SOCKETS: Final = 64  # that are read at once
MAX_QUEUED: Final = 64 * 2**20  # bytes that wait for who doesn't read

OURS: Final = "voicebot."
OTHERS: Final = frozenset(
    {
        ("collections", "Counter"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("pathlib", "PosixPath"),
        ("pathlib._local", "PosixPath"),  # the same, in Python 3.13
        ("pydantic.types", "SecretStr"),
        ("re", "_compile"),
    }
)


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if isinstance(obj, MappingProxyType):  # a view: nothing that can be copied
            return viewed, (dict(obj),)
        if is_dataclass(obj) and not isinstance(obj, type):
            # Compiled ones can't be pickled, and frozen ones not be filled afterwards.
            return made, (
                type(obj),
                {each.name: getattr(obj, each.name) for each in fields(obj)},
            )
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(OURS) or (module, name) in OTHERS:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}: expected a class of ours")


def viewed(table: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """Make the view again that a table was."""
    return MappingProxyType(table)


def made(of: Callable[..., object], values: dict[str, Any]) -> object:
    """Make a dataclass's object again, by its constructor."""
    return of(**values)


def packed(message: object) -> bytes:
    """Write an object down."""
    text = io.BytesIO()
    _Pickler(text, pickle.HIGHEST_PROTOCOL).dump(message)
    return text.getvalue()


def unpacked(data: bytes) -> object:
    """
    Read what `packed` wrote.

    Raises:
        pickle.UnpicklingError: there is more in it than what we are made of.
    """
    return _Unpickler(io.BytesIO(data)).load()


class Pipe:
    """
    One end. Nobody waits: what can't be written yet is queued, in order.

    Args:
        end: of a stream socket pair; ours from now on.
        deliver: takes each message, with the socket that came along, if one did.
        lost: is called once, when the other end is gone, or reads no more.
    """

    def __init__(
        self,
        end: socket.socket,
        deliver: Callable[[object, int | None], None],
        lost: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._end, self._deliver, self._lost = end, deliver, lost
        self._read = bytearray()
        self._sockets: deque[int] = deque()
        self._queue: deque[tuple[memoryview, int | None]] = deque()
        self._queued = 0
        self._open = True
        end.setblocking(False)
        self._loop.add_reader(end.fileno(), self._readable)

    def send(self, message: object, descriptor: int | None = None) -> None:
        """Send an object, and an open socket with it, which is the other end's then."""
        if not self._open:
            if descriptor is not None:
                os.close(descriptor)
            return
        try:
            body = packed(message)
        except BaseException:  # a bug of ours; what came along isn't lost for it
            if descriptor is not None:
                os.close(descriptor)
            raise
        frame = HEAD.pack(len(body), descriptor is not None) + body
        self._queue.append((memoryview(frame), descriptor))
        self._queued += len(frame)
        if len(self._queue) == 1:
            self._writable()
        if self._queued > MAX_QUEUED:
            self._give_up()

    def close(self) -> None:
        """Close it, whatever is queued. Nobody is told."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._end.fileno())
        self._loop.remove_writer(self._end.fileno())
        self._end.close()
        queued = [each for _, each in self._queue if each is not None]
        for descriptor in (*queued, *self._sockets):
            os.close(descriptor)

    def _give_up(self) -> None:
        if self._open:
            self.close()
            self._lost()

    def _writable(self) -> None:
        while self._queue:
            rest, descriptor = self._queue[0]
            with_it = [] if descriptor is None else [descriptor]
            try:
                sent = socket.send_fds(self._end, [rest], with_it)
            except BlockingIOError:
                self._loop.add_writer(self._end.fileno(), self._writable)
                return
            except OSError:
                self._loop.call_soon(self._give_up)  # who sends isn't called back
                return
            self._queued -= sent
            if descriptor is not None:
                os.close(descriptor)
            self._queue.popleft()
            if sent < len(rest):
                self._queue.appendleft((rest[sent:], None))
        self._loop.remove_writer(self._end.fileno())

    def _readable(self) -> None:
        try:
            data, sockets, _, _ = socket.recv_fds(
                self._end, READ_BYTES, MAX_SOCKETS, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            data, sockets = b"", []
        self._sockets += sockets
        if not data:
            self._give_up()
            return
        self._read += data
        while self._open and len(self._read) >= HEAD.size:
            size, with_socket = HEAD.unpack_from(self._read)
            end = HEAD.size + size
            if len(self._read) < end:
                return
            message = unpacked(bytes(self._read[HEAD.size : end]))
            del self._read[:end]
            self._deliver(message, self._sockets.popleft() if with_socket else None)
