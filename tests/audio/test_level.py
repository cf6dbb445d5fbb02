"""How loud a chunk is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import tone
from tests.twins import each_twin
from voicebot.audio.framing import ULAW_SILENCE
from voicebot.audio.level import FLOOR_DBOV, dbov

twin = each_twin(__name__, "dbov")


@pytest.mark.parametrize("level", [-10.0, -26.0, -45.0])
def test_a_tone_is_as_loud_as_it_was_made(level: float) -> None:
    assert dbov(tone(1000, level_dbov=level)) == pytest.approx(level, abs=0.15)


def test_the_loudest_code_is_just_below_overload() -> None:
    assert dbov(b"\x00\x80" * 80) == pytest.approx(20 * np.log10(32124 / 32768))


@pytest.mark.parametrize("ulaw", [b"", ULAW_SILENCE * 160, b"\x7f" * 160])
def test_silence_and_nothing_lie_on_the_floor(ulaw: bytes) -> None:
    assert dbov(ulaw) == FLOOR_DBOV


@given(st.binary(max_size=400))
@settings(max_examples=50)
def test_any_bytes_have_a_level_between_floor_and_overload(ulaw: bytes) -> None:
    assert FLOOR_DBOV <= dbov(ulaw) <= 0
