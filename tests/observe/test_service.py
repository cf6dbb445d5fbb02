"""systemd is a datagram socket that somebody reads."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.observe.service import ServiceManager


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_it_is_told_in_its_own_words(systemd: socket.socket) -> None:
    manager = ServiceManager(systemd.getsockname(), 30.0)
    manager.ready()
    assert systemd.recv(100) == b"READY=1"
    manager.alive()
    assert systemd.recv(100) == b"WATCHDOG=1"
    manager.stopping(3)
    assert systemd.recv(100) == b"STOPPING=1\nSTATUS=draining, 3 calls are on"


def test_a_socket_that_is_no_file_has_an_at_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0voicebot-test-of-the-service")
        listener.settimeout(5)
        ServiceManager("@voicebot-test-of-the-service", None).ready()
        assert listener.recv(100) == b"READY=1"


def test_it_beats_twice_as_often_as_it_must() -> None:
    assert ServiceManager("/run/nobody", 30.0).beat_s == 15.0
    assert ServiceManager("/run/nobody", None).beat_s is None
    assert ServiceManager(None, 30.0).beat_s is None


def test_nobody_is_told_if_nobody_listens(tmp_path: Path) -> None:
    ServiceManager(None, None).ready()
    ServiceManager(str(tmp_path / "nobody"), None).ready()
