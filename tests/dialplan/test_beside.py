"""A file that a plan names is below its folder, or it is not read."""

import os
from pathlib import Path

import pytest

from voicebot.dialplan.beside import read_beside


def test_a_file_below_the_folder_is_read_up_to_a_byte_too_many(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "a.txt").write_bytes(b"123456")
    assert read_beside(tmp_path, "lists/a.txt", 6) == b"123456"
    assert read_beside(tmp_path, "lists/a.txt", 3) == b"1234"


@pytest.mark.parametrize("name", ["/etc/hostname", "../a", "x/../../a", "..\\a"])
def test_a_path_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    assert "expected a file below" in str(read_beside(tmp_path, name, 9))


def test_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    inside = tmp_path / "plans"
    inside.mkdir()
    (tmp_path / "secret").write_text("x")
    (inside / "own").write_text("y")
    (inside / "out").symlink_to(tmp_path / "secret")
    (inside / "in").symlink_to(inside / "own")
    assert "is a link to a file outside of" in str(read_beside(inside, "out", 9))
    assert read_beside(inside, "in", 9) == b"y"
    (tmp_path / "other").symlink_to(inside)  # as Kubernetes mounts folders
    assert read_beside(tmp_path / "other", "in", 9) == b"y"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "expected a regular file" in str(read_beside(tmp_path, "pipe", 9))
    assert "cannot be read: No such" in str(read_beside(tmp_path, "none", 9))
