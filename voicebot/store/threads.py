"""
Threads that are there from the start, not from when they are first needed.

Python starts one when there is more to do than before: in the middle of calls, and it
stays. So what a server has open when it is idle says what calls have left behind.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

START_S: Final = 60.0
"""For threads to start, on a busy machine."""

SUNDRY: Final = 4
"""Of a process, for what blocks and has no threads of its own."""


def man(pool: ThreadPoolExecutor, threads: int) -> ThreadPoolExecutor:
    """Start as many threads of a new pool as it may have; return the pool."""
    all_here = threading.Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(all_here.wait, START_S)
    all_here.wait(START_S)
    return pool


def manned(threads: int, name: str) -> ThreadPoolExecutor:
    """Make a pool whose threads run."""
    return man(ThreadPoolExecutor(threads, name), threads)
