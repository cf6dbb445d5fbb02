"""Callers and the offline StepFun are never held up by a full collection."""

import gc

from voicebot.load.collector import NEVER, restrain


def test_what_is_there_is_left_out_and_no_full_collection_comes() -> None:
    thresholds = gc.get_threshold()
    try:
        restrain()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == (*thresholds[:2], NEVER)
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
