"""Which twin runs is found where Python would find it."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from voicebot.observe.build import code_of


def test_source_is_interpreted() -> None:
    assert code_of("voicebot.observe.build") == "interpreted"


def test_a_compiled_module_goes_before_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    (tmp_path / "some_module.py").touch()
    (tmp_path / f"some_module{EXTENSION_SUFFIXES[0]}").touch()
    assert code_of("some_module") == "compiled"


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^voicebot\.nothing: no such"):
        code_of("voicebot.nothing")
