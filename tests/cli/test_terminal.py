"""What a terminal can't show is no reason to fail."""

import os
import subprocess
import sys
from pathlib import Path

from tests.dialplan.plans import NUMBERS, ROUTES, written


def test_an_ascii_terminal_is_told_all_the_same(tmp_path: Path) -> None:
    folder = written(tmp_path, NUMBERS + ROUTES.replace("default", "默认"))
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "voicebot", "check", folder],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\\u9ed8\\u8ba4" in done.stdout
