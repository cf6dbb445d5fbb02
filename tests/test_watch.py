"""The watch finds every canary in every place, and says which test it was."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.watch import CANARIES, LOGGED, canaries_in, wanted_in

ROOT = Path(__file__).parents[1]

PLANTED = """\
import logging
import subprocess
import sys

import pytest
import structlog

from tests.watch import CANARIES

FORMS = [form for forms in CANARIES.values() for form in forms]


@pytest.fixture
def late(form):
    yield
    print(form.upper())


def say(form, folder):
    print(form)


def complain(form, folder):
    print(form, file=sys.stderr)


def log(form, folder):
    logging.getLogger("any").warning("a call", extra={}, exc_info=ValueError(form))


def tell(form, folder):
    structlog.get_logger().bind(caller=form).info("a call")


def tell_who_captures(form, folder):
    with structlog.testing.capture_logs() as lines:
        structlog.get_logger().info("a call", detail={"of": [form]})
    assert lines


def break_who_captures(form, folder):
    with structlog.testing.capture_logs():
        try:
            raise ValueError(form)
        except ValueError:
            structlog.get_logger().exception("it broke")


def leave(form, folder):
    path = folder / "data" / "deep" / "metrics.txt"
    path.parent.mkdir(parents=True)
    path.write_text(f'calls{{caller="{form}"}} 1')


def leave_it_to_another(form, folder):
    with open(folder / "server.log", "wb") as file:
        command = [sys.executable, "-c", "import sys; sys.stderr.write(sys.argv[1])"]
        subprocess.run([*command, form], stderr=file, check=True)


SINKS = [say, complain, log, tell, tell_who_captures, break_who_captures, leave]


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.__name__)
@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
def test_leaks(sink, form, tmp_path):
    sink(form, tmp_path)


def test_leaks_in_a_process(tmp_path):
    leave_it_to_another(FORMS[0], tmp_path)


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
@pytest.mark.usefixtures("late")
def test_leaks_late(form):
    pass


def test_is_clean(tmp_path):
    (tmp_path / "call.flac").write_text(FORMS[0])
    (tmp_path / "calls.sqlite").write_text(CANARIES["the caller's number"][0])
    (tmp_path / "dangling").symlink_to("nowhere")
    print("a call of nobody")
"""
SINKS = 7


def test_a_test_that_leaks_fails_by_name_in_every_worker(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("planted")  # not `tmp_path`: that is watched
    (folder / "test_planted.py").write_text(PLANTED)
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "test_planted.py", "-q", "--tb=no"),
            *("-p", "tests.watch", "-n", "2", "-rE", "--basetemp", str(folder / "run")),
            *("-p", "no:cacheprovider", "--rootdir", str(folder)),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    found = set(re.findall(r"^ERROR test_planted.py::(\S+)", done.stdout, re.MULTILINE))
    forms = sum(map(len, CANARIES.values()))
    by_test = Counter(name.partition("[")[0] for name in found)
    assert by_test == {
        "test_leaks": forms * SINKS,
        "test_leaks_late": forms,
        "test_leaks_in_a_process": 1,
    }
    assert done.returncode == 1


@pytest.mark.parametrize("name", CANARIES)
def test_where_a_canary_may_stand_is_said_by_the_files_name(name: str) -> None:
    for form in CANARIES[name]:
        assert canaries_in(f"«{form}»".encode()) == [name]
        assert canaries_in(form.encode(), frozenset()) == []
    assert name in wanted_in("prometheus.txt")
    assert (name in wanted_in("calls.sqlite-wal")) is (name in LOGGED)
    assert name not in wanted_in("call.flac")
