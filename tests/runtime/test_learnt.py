"""What doctor has learnt, from its file into the calls."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from voicebot.config import Settings
from voicebot.doctor.learnt import STALE_AFTER, Learnt
from voicebot.errors import ConfigError
from voicebot.runtime.learnt import FILE, keep_learnt, what_models_refuse
from voicebot.stepfun.realtime.history import Means

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MODEL = "stepaudio-2.5-realtime"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


def learnt(settings: Settings) -> Learnt:
    refuses = frozenset({Means.DELETE, Means.INSERT})
    return Learnt(settings.stepfun_base_url, MODEL, NOON, refuses)


def test_what_was_learnt_counts_for_its_model(settings: Settings) -> None:
    path = keep_learnt(settings.data, learnt(settings))
    assert path == settings.data / FILE
    assert [each.name for each in settings.data.iterdir()] == [FILE]
    refused = what_models_refuse(settings, NOON)
    assert refused[MODEL] == {Means.DELETE, Means.INSERT}
    assert refused["another"] == set()


def test_calls_add_to_it_in_memory_alone(settings: Settings) -> None:
    keep_learnt(settings.data, learnt(settings))
    what_models_refuse(settings, NOON)[MODEL].add(Means.NOTE)
    assert Means.NOTE not in what_models_refuse(settings, NOON)[MODEL]


def test_without_a_file_nothing_is_known_nor_said(settings: Settings) -> None:
    with capture_logs() as logs:
        assert what_models_refuse(settings, NOON) == {}
    assert logs == []


def test_what_is_too_old_or_of_another_server_does_not_count(
    settings: Settings,
) -> None:
    keep_learnt(settings.data, learnt(settings))
    late = NOON + STALE_AFTER + timedelta(days=1)
    other = settings.model_copy(update={"stepfun_base_url": "https://other.example/v1"})
    with capture_logs() as logs:
        assert what_models_refuse(settings, late) == {}
        assert what_models_refuse(other, NOON) == {}
    assert [line["why"] for line in logs] == [
        "it is older than 30 days",
        "it is of another base URL",
    ]


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"version": 1}'])
def test_a_broken_file_keeps_no_server_from_starting(
    settings: Settings, data: bytes
) -> None:
    settings.data.mkdir()
    (settings.data / FILE).write_bytes(data)
    with capture_logs() as logs:
        assert what_models_refuse(settings, NOON) == {}
    assert [line["log_level"] for line in logs] == ["warning"]


def test_a_folder_that_cannot_be_written_is_named(settings: Settings) -> None:
    settings.data.write_text("no folder")
    with pytest.raises(ConfigError, match=f"data/{FILE}: File exists"):
        keep_learnt(settings.data, learnt(settings))
