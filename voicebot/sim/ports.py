"""A port for a server that must know its own before it listens."""

import random
import socket

# Below what Linux gives to outgoing connections (net.ipv4.ip_local_port_range): one of
# those can't take the port before the server does.
_FROM, _TO = 10_240, 32_000


def free_port() -> int:
    """Return a port of this machine that nobody listens on, drawn at random."""
    while True:
        port = random.SystemRandom().randrange(_FROM, _TO)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
