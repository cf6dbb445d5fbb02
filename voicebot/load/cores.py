"""A core for the server alone, so that its callers don't take its time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where."""

    server: frozenset[int]
    others: frozenset[int]
    """For the callers, the offline StepFun and whoever looks on."""

    def for_one(self) -> "Cores":
        """The same for a server that has only one process."""
        return Cores(frozenset({max(self.server)}), self.others)

    def __str__(self) -> str:
        return (
            f"the server has core {_listed(self.server)} to itself; its callers and "
            f"the offline StepFun have core {_listed(self.others)}"
        )


def shared_out(allowed: frozenset[int], wanted: int) -> Cores | None:
    """
    Give the server as many cores as it has processes that conduct calls.

    Returns:
        None if no core would be left for the others.
    """
    if not 0 < wanted < len(allowed):
        return None
    server = frozenset(sorted(allowed)[-wanted:])
    return Cores(server, allowed - server)


def available() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def kept_apart(wanted: int) -> Iterator[Cores | None]:
    """
    Keep this process, and all that it starts from now on, off the server's cores.

    The server is put onto its own by who starts it. Yields None where the system can't
    do it, or has too few cores: everybody runs everywhere then.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    allowed = frozenset(os.sched_getaffinity(0))
    cores = shared_out(allowed, wanted)
    if cores is None:
        yield None
        return
    os.sched_setaffinity(0, cores.others)
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, allowed)


def _listed(cores: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(cores)))
