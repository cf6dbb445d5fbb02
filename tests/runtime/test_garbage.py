"""What is there when a server starts is no work for the collector any more."""

import gc

from voicebot.runtime.garbage import settle


def test_what_is_there_is_left_out_of_collections() -> None:
    before = gc.get_freeze_count()
    settle()
    try:
        assert gc.get_freeze_count() > before + 10_000
        assert len(gc.get_objects()) < 1000
    finally:
        gc.unfreeze()
