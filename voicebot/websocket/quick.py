"""
What every message goes through, as quick as it can be: the only place that chooses.

Where voicebot was compiled (`deploy/compiled`), that is a module in C, else what it is
the twin of. Both do the same: `tests/websocket/test_native.py`.
"""

try:
    from voicebot.websocket.native import (
        FrameSplitter,
        masked_text_frame,
        text_frames,
    )
except ModuleNotFoundError:
    # For mypy, the class above is what it is everywhere.
    from voicebot.websocket.frames import (  # type: ignore[assignment]
        FrameSplitter,
        masked_text_frame,
        text_frames,
    )

__all__ = ["FrameSplitter", "masked_text_frame", "text_frames"]
