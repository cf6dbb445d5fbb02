"""For all tests: the process is set up as `voicebot` sets up its own."""

import os
import signal

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported

from tests.watch import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]

# A shell that starts us in the background has SIGINT ignored: some tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
