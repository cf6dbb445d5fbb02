"""
A wheel in which the frame path is compiled (mypyc), if VOICEBOT_COMPILE=1 asks for it.

What is compiled is the source itself, and where there is no compiled module, Python
takes the source. Only what numpy would do to each frame, and what reads and writes
messages of audio, is written twice, the second time in C: the modules `native`. All go
into the wheel, never beside the sources of a checkout, where they would be taken
instead of what is edited.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASKED: Final = "VOICEBOT_COMPILE"

# numpy's types are needed to compile what uses it.
NEEDED: Final = ("mypy", "numpy", "setuptools")

# In C, no product and sum are made one: that would be rounded otherwise than numpy's.
BUILD: Final = """
import os, sys
from mypyc.build import mypycify
from setuptools import Extension, setup
sources = [each for each in sys.argv[2:] if each.endswith(".c")]
modules = [each for each in sys.argv[2:] if each.endswith(".py")]
optimized = ["-std=c11", "-O3", "-fvisibility=hidden"]
optimized += ["-ffp-contract=off", "-fno-math-errno"]
native = [
    Extension(
        folder.replace("/", ".") + ".native",
        [each for each in sources if os.path.dirname(each) == folder],
        extra_compile_args=optimized,
    )
    for folder in sorted({os.path.dirname(each) for each in sources})
]
flags = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports"]
setup(
    name="voicebot",
    script_args=["build_ext", f"-j{os.cpu_count()}", "-tobjects", "-b", sys.argv[1]],
    packages=[],
    ext_modules=[
        *native,
        *mypycify(
            flags + modules,
            opt_level="2",
            debug_level="0",
            group_name="voicebot",
            multi_file=True,
            target_dir="c",
        ),
    ],
)
"""


class CompilingHook(BuildHookInterface[Any]):
    """Compiles what pyproject.toml lists, for each wheel, if that is asked for."""

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling: pinned as everywhere."""
        return _pinned(Path(self.root)) if _is_asked() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """
        Compile, and put the compiled modules beside their sources in the wheel.

        Raises:
            SystemExit: the install is editable, or the compiler fails.
        """
        if not _is_asked():
            return
        if version == "editable":
            sys.exit(
                f"{ASKED}=1: an editable install can't be compiled; "
                "leave out -e, or the variable"
            )
        self._made = TemporaryDirectory(prefix="voicebot-compiled-")
        folder, root = Path(self._made.name), Path(self.root)
        build_data["force_include"] |= _compiled(
            folder, root, _sources(root, self.config)
        )
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(
        self, version: str, build_data: dict[str, Any], artifact_path: str
    ) -> None:
        """The wheel is written: nothing else is left behind."""
        if _is_asked():
            self._made.cleanup()


def _is_asked() -> bool:
    return os.environ.get(ASKED, "") not in ("", "0")


def _pinned(root: Path) -> list[str]:
    """The lines of constraints.txt for what the build needs."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.partition("==")[0] in NEEDED]


def _sources(root: Path, config: dict[str, Any]) -> list[str]:
    """Paths of what the table in pyproject.toml means, from the root."""
    patterns = [*config["modules"], *config["native"]]
    found = {path for pattern in patterns for path in root.glob(pattern)}
    found -= {root / path for path in config["left-out"]}
    names = (path.relative_to(root).as_posix() for path in found)
    return sorted(name for name in names if not name.endswith("__init__.py"))


def _compiled(folder: Path, root: Path, sources: list[str]) -> dict[str, str]:
    """
    Compile in a folder.

    Returns:
        File -> where it belongs in the wheel.
    """
    out = folder / "out"
    # What tracebacks name are paths from here.
    (folder / "voicebot").symlink_to(root / "voicebot")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(out), *sources], cwd=folder, check=False
    )
    if done.returncode:
        sys.exit(f"{ASKED}=1: the compiler failed (exit code {done.returncode})")
    return {str(path): path.relative_to(out).as_posix() for path in out.rglob("*.so")}
