"""For all tests: the process is set up as `voicebot` sets up its own."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported

from tests.watch import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]
