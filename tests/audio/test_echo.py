"""The gate that the caller must exceed while the bot's echo may come back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import speech, tone
from voicebot.audio.echo import LEAD_S, EchoGate
from voicebot.audio.framing import ULAW_SILENCE
from voicebot.audio.level import FLOOR_DBOV, dbov
from voicebot.audio.vad import Vad

FRAME = tone(1000, seconds=0.02, level_dbov=-20)
SOFT = tone(1000, seconds=0.02, level_dbov=-40)


def test_before_the_bot_spoke_there_is_no_gate() -> None:
    assert EchoGate().gate_dbov(now=1.0) == FLOOR_DBOV


def test_the_gate_lies_below_the_loudest_frame_of_the_window() -> None:
    gate = EchoGate(loss_db=20, window_s=0.6)
    gate.played(SOFT + FRAME + SOFT, starts_at=10.0)
    assert gate.gate_dbov(now=10.01) == pytest.approx(dbov(SOFT) - 20)
    assert gate.gate_dbov(now=10.03) == pytest.approx(dbov(FRAME) - 20)
    assert gate.gate_dbov(now=10.63) == pytest.approx(dbov(FRAME) - 20)
    assert gate.gate_dbov(now=10.65) == pytest.approx(dbov(SOFT) - 20)
    assert gate.gate_dbov(now=10.67) == FLOOR_DBOV


def test_audio_counts_only_once_it_is_heard() -> None:
    gate = EchoGate()
    gate.played(FRAME, starts_at=10.5)
    assert gate.gate_dbov(now=10.4) == FLOOR_DBOV
    assert gate.gate_dbov(now=10.5) > FLOOR_DBOV


def test_what_was_cut_is_never_heard() -> None:
    gate = EchoGate()
    gate.played(SOFT, starts_at=10.0)
    gate.played(FRAME * 10, starts_at=10.02)
    gate.cut(at=10.02)
    assert gate.gate_dbov(now=10.3) == pytest.approx(dbov(SOFT) - 20)
    gate.played(FRAME, starts_at=10.3)
    assert gate.gate_dbov(now=10.3) == pytest.approx(dbov(FRAME) - 20)


def test_silence_of_the_bot_leaves_no_gate() -> None:
    gate = EchoGate()
    gate.played(ULAW_SILENCE * 1600, starts_at=10.0)
    assert gate.gate_dbov(now=10.1) == FLOOR_DBOV


def test_audio_that_comes_too_late_counts_from_the_last_frame_on() -> None:
    gate = EchoGate()
    gate.played(SOFT, starts_at=10.0)
    gate.played(FRAME, starts_at=9.0)
    assert gate.gate_dbov(now=9.5) == FLOOR_DBOV
    assert gate.gate_dbov(now=10.0) == pytest.approx(dbov(FRAME) - 20)


@pytest.mark.parametrize("asked", [True, False])
def test_a_long_call_is_not_remembered(asked: bool) -> None:
    gate = EchoGate(window_s=0.6)
    for frame in range(1000):
        gate.played(FRAME, starts_at=100 + frame * 0.02)
        if asked:
            gate.gate_dbov(now=100 + frame * 0.02 - 0.3)
    assert len(gate._starts) == len(gate._levels) <= (0.6 + LEAD_S) / 0.02 + 2


@given(
    st.lists(st.tuples(st.sampled_from([FRAME, SOFT]), st.integers(0, 30))),
    st.integers(0, 300),
)
@settings(max_examples=60)
def test_the_gate_is_that_of_all_frames_in_the_window(
    played: list[tuple[bytes, int]], later: int
) -> None:
    gate, at, frames = EchoGate(), 0, list[tuple[int, float]]()
    for ulaw, gap in played:  # in hundredths, so that no rounding decides
        at += gap
        gate.played(ulaw, starts_at=at / 100 + 0.001)
        frames.append((at, dbov(ulaw)))
        at += 2
    now = max(at - 50, 0) + later
    window = [level - 20 for start, level in frames if now - 62 <= start < now]
    assert gate.gate_dbov(now / 100) == max([FLOOR_DBOV, *window])


def test_the_echo_of_the_bot_is_no_speech_and_the_caller_over_it_is() -> None:
    bot, echo = speech(level_dbov=-20), speech(level_dbov=-45)
    caller = speech(level_dbov=-30)
    heard: dict[str, bool] = {}
    for name, line in (("echo", echo), ("caller", caller)):
        gate, vad = EchoGate(), Vad(min_dbov=-60)
        verdicts = []
        for frame in range(100):
            now = frame * 0.02
            gate.played(bot[frame * 160 : frame * 160 + 160], starts_at=now)
            # 200 ms later on the line
            late = line[frame * 160 - 1600 : frame * 160 - 1440] if frame >= 10 else b""
            verdicts += vad.push(late, gate.gate_dbov(now))
        heard[name] = any(verdict.speech for verdict in verdicts)
    assert heard == {"echo": False, "caller": True}
