"""The mask of what a WebSocket's client sends, in C: slow to do by hand."""

try:
    from websockets.speedups import apply_mask
except ImportError:  # the package has no C for every machine
    from websockets.utils import apply_mask

__all__ = ["apply_mask"]
