"""A port that is free, and stays so until it is listened on."""

import random
import socket

import pytest

from voicebot.sim.ports import free_port


def test_no_outgoing_connection_can_take_it() -> None:
    assert all(1024 < free_port() < 32_768 for _ in range(100))


def test_a_port_that_is_taken_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        taken = server.getsockname()[1]
        draws = iter((taken, taken + 1 if taken < 31_000 else taken - 1))
        monkeypatch.setattr(random.SystemRandom, "randrange", lambda *_: next(draws))
        assert free_port() != taken
