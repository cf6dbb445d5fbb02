"""The gate that the caller must exceed while the bot's echo may come back."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import speech, tone
from tests.twins import each_twin
from voicebot.audio.echo import MARGIN_DB, MASKED_DB, UNKNOWN_DB, EchoGate, Learned
from voicebot.audio.framing import ULAW_SILENCE
from voicebot.audio.level import FLOOR_DBOV, dbov
from voicebot.audio.vad import Vad

NOISE = -60.0
BEGAN = 1000.0037  # so that no frame begins with a slot
UNKNOWN = UNKNOWN_DB + MARGIN_DB

twin = each_twin(__name__, "EchoGate")

Line = Callable[[int], float]


@cache
def frame(level_dbov: int) -> bytes:
    return tone(1000, seconds=0.02, level_dbov=level_dbov)


FRAME, SOFT = frame(-20), frame(-40)


def syllables(seed: int, seconds: float = 60.0, level_dbov: float = -20) -> list[float]:
    """Levels of somebody's frames: syllables of any length and strength, and gaps."""
    chance = np.random.default_rng(seed)
    levels: list[float] = []
    while len(levels) < seconds * 50:
        peak = level_dbov + chance.uniform(-5, 5)
        shape = np.sin(np.linspace(0.3, np.pi - 0.3, chance.integers(4, 14)))
        levels += [float(peak + 20 * np.log10(each)) for each in shape]
        levels += [-90.0] * int(chance.integers(1, 30) if chance.random() < 0.5 else 0)
    return levels


class Call:
    """A bot that talks on, and what the caller's line brings."""

    def __init__(self, seed: int = 1) -> None:
        self.gate = EchoGate()
        self.bot = syllables(seed)
        self.frames = 0
        self.gates: list[float] = []
        self.levels: list[float] = []

    def run(
        self,
        seconds: float,
        line: Line,
        *,
        silent: bool = False,
        floor_dbov: float = FLOOR_DBOV,
        voiceless: bool = False,
    ) -> None:
        """
        Go on.

        Args:
            line: gives the level of the line in a frame of the call.
            silent: whether the bot pauses.
        """
        for _ in range(round(seconds * 50)):
            began = BEGAN + self.frames * 0.02
            if silent:
                self.bot[self.frames] = -90.0
            else:
                level = round(self.bot[self.frames])
                sound = frame(level) if level > -80 else ULAW_SILENCE * 160
                self.gate.played(sound, began)
            self.frames += 1
            level_dbov = line(self.frames - 1)
            self.gates.append(self.gate.gate_dbov(began + 0.02))
            self.levels.append(level_dbov)
            self.gate.heard(level_dbov, began + 0.02, floor_dbov, voiceless=voiceless)

    def echo(self, gain_db: float, delay_ms: int) -> Line:
        """The bot comes back. Between two frames, when the delay lies there."""
        whole, part = divmod(delay_ms, 20)

        def line(at: int) -> float:
            late, later = (
                self.bot[at - each] if at >= each else -90.0
                for each in (whole, whole + 1)
            )
            return sum_db(
                late + gain_db + 10 * np.log10(1 - part / 20),
                later + gain_db + 10 * np.log10(max(part / 20, 1e-9)),
                NOISE,
            )

        return line

    def share_over_gate(self, seconds: float) -> float:
        """How many of the last loud frames would have been taken for the caller's."""
        last = round(seconds * 50)
        levels, gates = np.array(self.levels[-last:]), np.array(self.gates[-last:])
        over = (levels > gates) & (levels > -50)
        return float(over.mean())


def sum_db(*levels: float) -> float:
    return float(10 * np.log10(sum(10 ** (level / 10) for level in levels)))


def quiet(_: int) -> float:
    return NOISE


# ---- what is known without learning ----------------------------------------------


def test_before_the_bot_spoke_there_is_no_gate() -> None:
    gate = EchoGate()
    gate.heard(-20.0, now=1.0)
    assert gate.gate_dbov(now=1.0) == FLOOR_DBOV
    assert gate.learned is None


def test_at_first_any_echo_within_a_second_is_possible() -> None:
    gate = EchoGate()
    gate.played(SOFT * 3 + FRAME + SOFT * 3, starts_at=10.0)
    assert gate.gate_dbov(now=10.04) == pytest.approx(dbov(SOFT) + UNKNOWN)
    assert gate.gate_dbov(now=10.10) == pytest.approx(dbov(FRAME) + UNKNOWN)
    assert gate.gate_dbov(now=11.06) == pytest.approx(dbov(FRAME) + UNKNOWN)
    assert gate.gate_dbov(now=11.12) == pytest.approx(dbov(SOFT) + UNKNOWN)
    assert gate.gate_dbov(now=11.18) == FLOOR_DBOV


def test_no_audio_is_nothing_that_was_played() -> None:
    gate = EchoGate()
    gate.played(FRAME, starts_at=10.0)
    gate.played(b"", starts_at=1000.0)
    gate.heard(-20.0, now=1000.0)
    assert gate.gate_dbov(now=1000.0) == FLOOR_DBOV
    assert gate.gate_dbov(now=10.02) == pytest.approx(dbov(FRAME) + UNKNOWN)


def test_audio_counts_only_once_it_is_heard() -> None:
    gate = EchoGate()
    gate.played(FRAME * 2, starts_at=10.5)
    assert gate.gate_dbov(now=10.4) == FLOOR_DBOV
    assert gate.gate_dbov(now=10.52) > FLOOR_DBOV


def test_silence_of_the_bot_leaves_no_gate() -> None:
    gate = EchoGate()
    gate.played(ULAW_SILENCE * 1600, starts_at=10.0)
    assert gate.gate_dbov(now=10.1) == FLOOR_DBOV


def test_audio_that_comes_too_late_follows_what_was_placed() -> None:
    gate = EchoGate()
    gate.played(SOFT * 2, starts_at=10.0)
    gate.played(FRAME, starts_at=9.0)
    assert gate.gate_dbov(now=9.5) == FLOOR_DBOV
    assert gate.gate_dbov(now=10.02) == pytest.approx(dbov(SOFT) + UNKNOWN)
    assert gate.gate_dbov(now=10.06) == pytest.approx(dbov(FRAME) + UNKNOWN)


def test_what_was_cut_is_never_heard() -> None:
    gate = EchoGate()
    gate.played(SOFT * 4, starts_at=10.0)
    gate.played(FRAME * 10, starts_at=10.08)
    gate.cut(at=10.08)
    gate.cut(at=10.5)  # nothing is left there
    for now in (10.08, 10.1, 10.3):
        assert gate.gate_dbov(now) == pytest.approx(dbov(SOFT) + UNKNOWN)
    gate.played(FRAME * 2, starts_at=10.3)
    assert gate.gate_dbov(now=10.34) == pytest.approx(dbov(FRAME) + UNKNOWN)
    gate.cut(at=0.0)
    assert gate.gate_dbov(now=10.34) == FLOOR_DBOV


def test_cutting_before_anything_was_played_changes_nothing() -> None:
    gate = EchoGate()
    gate.cut(at=5.0)
    assert gate.gate_dbov(now=5.0) == FLOOR_DBOV


def test_a_long_call_is_remembered_no_longer_than_an_echo_may_take() -> None:
    gate = EchoGate()
    size = size_of(gate)
    for at in range(3000):
        gate.played(FRAME, starts_at=100 + at * 0.02)  # a second ahead
        if at > 50:
            now = 99 + at * 0.02
            assert gate.gate_dbov(now) == pytest.approx(dbov(FRAME) + UNKNOWN)
    gate.played(SOFT * 3, starts_at=500.0)
    assert gate.gate_dbov(500.04) == pytest.approx(dbov(SOFT) + UNKNOWN)
    assert size_of(gate) == size


def size_of(gate: EchoGate) -> int:
    """In C, all that a gate remembers is in the object itself."""
    return len(gate._bot.most) if hasattr(gate, "_bot") else gate.__sizeof__()


def test_audio_placed_too_far_ahead_hides_what_is_heard_now() -> None:
    gate = EchoGate()
    gate.played(FRAME * 10, starts_at=10.0)
    gate.played(FRAME, starts_at=10.0 + 3600)
    assert gate.gate_dbov(10.1) == FLOOR_DBOV
    gate.heard(-20.0, 10.1)


# ---- what is learnt --------------------------------------------------------------


@pytest.mark.parametrize("gain_db", [-6, -12, -20, -30])
@pytest.mark.parametrize("delay_ms", [80, 250, 450, 900])
def test_an_echo_is_learnt_and_stays_below_the_gate(
    gain_db: int, delay_ms: int
) -> None:
    call = Call()
    call.run(1.0, call.echo(gain_db, delay_ms))
    assert call.share_over_gate(1.0) <= 0.2  # rare: see UNKNOWN_DB
    call.run(3.0, call.echo(gain_db, delay_ms))
    assert call.gate.learned is not None
    assert call.gate.learned.delay_ms == pytest.approx(delay_ms, abs=60)
    assert call.gate.learned.gain_db == pytest.approx(gain_db, abs=4)
    call.run(10.0, call.echo(gain_db, delay_ms))
    assert call.share_over_gate(10.0) <= 0.02


def test_without_an_echo_the_softest_caller_is_heard() -> None:
    call = Call()
    call.run(2.5, quiet)
    assert call.gate.learned is None
    call.run(5.0, quiet)
    assert max(call.gates[-250:]) < -45


def test_the_gate_opens_in_the_pauses_of_the_bot() -> None:
    call = Call()
    call.run(5.0, call.echo(-12, 250))
    call.run(0.4, call.echo(-12, 250), silent=True)
    assert call.gates[-1] < -60


def test_the_caller_over_the_bot_neither_is_an_echo_nor_spoils_what_was_learnt() -> (
    None
):
    call, caller = Call(), syllables(seed=7, level_dbov=-18)
    echo = call.echo(-20, 250)
    call.run(5.0, echo)
    before = call.gate.learned
    assert before is not None
    call.run(3.0, lambda at: sum_db(echo(at), caller[at]))
    loud = [at > -24 for at in caller[250:400]]
    heard = np.array(call.levels[-150:]) > np.array(call.gates[-150:])
    assert heard[loud].mean() > 0.9
    call.run(2.0, echo)
    after = call.gate.learned
    assert after is not None
    assert after.delay_ms == pytest.approx(before.delay_ms, abs=20)
    assert after.gain_db == pytest.approx(before.gain_db, abs=3)


def test_a_caller_who_talks_on_and_on_is_still_heard() -> None:
    call, caller = Call(), syllables(seed=8, level_dbov=-26)
    call.run(3.0, quiet)
    call.run(12.0, lambda at: sum_db(NOISE, caller[at]))
    loud = np.array(caller[150:750]) > -32
    heard = np.array(call.levels[150:]) > np.array(call.gates[150:])
    assert heard[loud].mean() > 0.9


def test_an_echo_that_begins_later_is_learnt() -> None:
    call = Call()
    call.run(5.0, quiet)
    call.run(6.0, call.echo(-10, 300))
    assert call.gate.learned is not None
    assert call.gate.learned.delay_ms == pytest.approx(300, abs=60)
    call.run(5.0, call.echo(-10, 300))
    assert call.share_over_gate(5.0) <= 0.05


def test_an_echo_that_ends_is_forgotten() -> None:
    call = Call()
    call.run(5.0, call.echo(-10, 300))
    call.run(6.0, quiet)
    assert call.gate.learned is None
    assert max(call.gates[-50:]) < -40


def test_an_echo_that_moves_is_learnt_anew() -> None:
    call = Call()
    call.run(5.0, call.echo(-12, 120))
    call.run(8.0, call.echo(-12, 500))
    assert call.gate.learned is not None
    assert call.gate.learned.delay_ms == pytest.approx(500, abs=60)


def test_in_noise_without_a_voice_an_echo_must_be_softer_than_the_noise() -> None:
    gates = []
    for voiceless in (False, True):
        call = Call()
        call.run(20, lambda _: -35.0, floor_dbov=-35.0, voiceless=voiceless)
        gates.append(np.array(call.gates[500:]))
    assert np.median(gates[0] - gates[1]) == pytest.approx(MASKED_DB, abs=0.5)


def test_music_without_a_voice_is_no_echo() -> None:
    shares = []
    for voiceless in (False, True):
        call = Call()
        hold = syllables(7, level_dbov=-31)
        call.run(20, lambda n, hold=hold: hold[n], voiceless=voiceless)  # type: ignore[misc]
        shares.append(float(np.mean(call.gates[500:])))
    assert shares[1] < shares[0] - 3


def test_a_click_is_no_reason_to_learn_anew() -> None:
    call = Call()
    call.run(5.0, call.echo(-20, 250))
    before = call.gate.learned
    call.run(0.02, lambda _: -6.0)
    call.run(3.0, call.echo(-20, 250), silent=True)
    after = call.gate.learned
    assert before is not None
    assert after is not None
    assert after.delay_ms == pytest.approx(before.delay_ms, abs=20)
    assert after.gain_db == pytest.approx(before.gain_db, abs=4)


def test_what_is_learnt_doesnt_depend_on_being_asked() -> None:
    bot, asked, unasked = syllables(seed=3), EchoGate(), EchoGate()
    for at in range(300):
        for gate in (asked, unasked):
            gate.played(frame(round(max(bot[at], -60))), at * 0.02)
        asked.gate_dbov(at * 0.02)
        line = bot[at - 10] - 15 if at >= 10 else NOISE
        for gate in (asked, unasked):
            gate.heard(line, at * 0.02)
    assert asked.learned == unasked.learned
    assert isinstance(asked.learned, Learned)
    assert asked.gate_dbov(6.0) == unasked.gate_dbov(6.0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["played", "cut", "heard", "asked"]),
            st.floats(-2, 2),
            st.integers(-90, 0),
        )
    )
)
@settings(max_examples=60)
def test_the_gate_lies_between_silence_and_the_bot(
    events: list[tuple[str, float, int]],
) -> None:
    gate, now = EchoGate(), 100.0
    for kind, at, level in events:
        now += 0.02
        if kind == "played":
            gate.played(FRAME * 7 + b"\x80", now + at)
        elif kind == "cut":
            gate.cut(now + at)
        elif kind == "heard":
            gate.heard(level, now)
        loudest = max(dbov(FRAME), dbov(b"\x80"))
        assert FLOOR_DBOV <= gate.gate_dbov(now) <= loudest + MARGIN_DB


def test_the_echo_of_the_bot_is_no_speech_and_the_caller_over_it_is() -> None:
    bot, echo = speech(level_dbov=-20), speech(level_dbov=-45)
    caller = speech(level_dbov=-26)
    heard: dict[str, bool] = {}
    for name, line in (("echo", echo), ("caller", caller)):
        gate, vad = EchoGate(), Vad(min_dbov=-60)
        verdicts = []
        for at in range(100):
            now = at * 0.02
            gate.played(bot[at * 160 : at * 160 + 160], starts_at=now)
            # 200 ms later on the line
            late = line[at * 160 - 1600 : at * 160 - 1440] if at >= 10 else b""
            found = vad.push(late, gate.gate_dbov(now))
            verdicts += found
            for verdict in found:
                gate.heard(verdict.dbov, now)
        heard[name] = any(verdict.speech for verdict in verdicts)
    assert heard == {"echo": False, "caller": True}
