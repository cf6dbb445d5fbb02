"""Programs that some tests need. Without them tests are skipped, but not in CI."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def program(name: str, package: str) -> str:
    """Say where a program is; skips the test if it isn't here, and fails it in CI."""
    ours = str(Path(sys.executable).parent)
    path = os.pathsep.join([ours, os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin"])
    if found := shutil.which(name, path=path):
        return found
    missing = f"no {name} here: install {package}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
