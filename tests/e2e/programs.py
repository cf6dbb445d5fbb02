"""Programs that some tests need. Without them tests are skipped, but not in CI."""

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """Where a program is; skips the test if it isn't here, and fails it in CI."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin"])
    if found := shutil.which(name, path=path):
        return found
    missing = f"no {name} here: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
