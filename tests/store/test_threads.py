"""Pools that are complete before anybody needs them."""

import threading

from voicebot.store.threads import manned


def test_all_threads_of_a_pool_run_at_once() -> None:
    before = threading.active_count()
    with manned(3, "hands") as pool:
        assert threading.active_count() == before + 3
        names = {each.name for each in threading.enumerate()}
        assert {"hands_0", "hands_1", "hands_2"} < names
        assert pool.submit(lambda: 7).result() == 7
    assert threading.active_count() == before
