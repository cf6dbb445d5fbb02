"""When the callers of a load begin."""

from itertools import pairwise

import pytest

from voicebot.load.generator import FRAME_S, begins_s


@pytest.mark.parametrize("ramp_per_s", [5.0, 10.0, 50.0])
def test_frames_of_many_callers_come_at_all_times(ramp_per_s: float) -> None:
    begun = [begins_s(number, ramp_per_s) for number in range(100)]
    assert begun == sorted(begun)
    phases = sorted(at % FRAME_S for at in begun)
    assert max(b - a for a, b in pairwise(phases)) < 0.001
