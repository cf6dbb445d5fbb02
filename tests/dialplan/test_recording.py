"""How long recordings are kept, as a persona's file says it."""

from tests.flow.personas import persona


def test_retention_is_days() -> None:
    assert persona().recording.keep_days is None
    assert persona(recording={"retention": "60d"}).recording.keep_days == 60
