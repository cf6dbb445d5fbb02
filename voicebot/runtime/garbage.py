"""Python's garbage collector, in a process that answers calls."""

import gc


def settle() -> None:
    """
    Leave out of all collections what is there now: it stays as long as the process.

    A full collection walks all objects, those of libraries too, while every call
    waits: 60 to 120 ms of a busy core, some seconds apart under load. After this it
    walks what calls have made, which is little.
    """
    gc.collect()
    gc.freeze()
