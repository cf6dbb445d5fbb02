"""Who runs on which core."""

import os

import pytest

from voicebot.load.cores import Cores, available, kept_apart, shared_out


@pytest.mark.parametrize(
    ("allowed", "wanted", "server"),
    [
        ({0, 1}, 1, {1}),
        ({2, 5, 7}, 2, {5, 7}),
        ({0}, 1, None),
        ({0, 1}, 2, None),
        (set(), 1, None),
    ],
)
def test_one_core_at_least_is_left_to_the_callers(
    allowed: set[int], wanted: int, server: set[int] | None
) -> None:
    cores = shared_out(frozenset(allowed), wanted)
    if server is None:
        assert cores is None
    else:
        assert cores == Cores(frozenset(server), frozenset(allowed - server))


def test_a_server_of_one_process_has_one_core() -> None:
    cores = Cores(frozenset({2, 3}), frozenset({0, 1}))
    assert cores.for_one() == Cores(frozenset({3}), frozenset({0, 1}))


def test_it_is_said_in_words() -> None:
    assert str(Cores(frozenset({1}), frozenset({3, 2}))) == (
        "the server has core 1 to itself; its callers and the offline StepFun have "
        "core 2, 3"
    )


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no such system call")
def test_we_leave_the_servers_core_and_come_back() -> None:
    before = os.sched_getaffinity(0)
    with kept_apart(1) as cores:
        assert os.sched_getaffinity(0) == (cores.others if cores else before)
        assert available() == len(os.sched_getaffinity(0))
        assert (cores is None) is (len(before) < 2)
    assert os.sched_getaffinity(0) == before


def test_where_the_system_cannot_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sched_setaffinity", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    with kept_apart(1) as cores:
        assert cores is None
    assert available() == (os.cpu_count() or 1)
