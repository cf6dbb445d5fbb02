"""
Does the caller speak? The first stage: cheap, on every frame, rather too eager.

A frame is speech if WebRTC's detector says so, it is louder than the background of
this line, and it isn't a tone, which that detector takes for speech: key presses,
ringback, busy. So it takes coughs, murmurs and music: what a frame sounds like tells
how much that is worth while the bot speaks.

In noise and music it misses much of what is said. There a neural detector can listen,
too, and what it finds is speech, if it is loud enough not to be the bot's echo.

All of a line would cost it twice what all else here does. So it is asked about frames
that are louder than the background, as no other can be a voice, and then hears what was
before: a silent line costs nothing, nor does a turn on a clean one once it has begun.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import webrtcvad

from voicebot.audio.floor import NoiseFloor
from voicebot.audio.framing import ULAW_FRAME, ULAW_HZ, Framer
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.audio.level import FLOOR_DBOV, pcm16_dbov
from voicebot.audio.neural import LEAD_BYTES
from voicebot.audio.timbre import Ear, Sound

MODE: Final = 3  # the strictest of 0 to 3; the others fire on white noise

# How far above the line's background a frame must be to begin speech, and to go on
# with it. At 6 dB the slowest twentieth of utterances 10 dB above white noise would
# be noticed (see `timbre`) 30 ms later, 50 ms at 5 dB; at 3.5 dB hardly any sooner.
ENTER_DB: Final = 4.5
LEAVE_DB: Final = 2.0

# Of 3 frames 2. With 3 of 4, half the utterances would be noticed 15 ms later, the
# slowest tenth 70 ms, and of those 5 dB above white noise 4 % not at all instead of
# 1 %; no cough or click that gets through by it comes near to enough evidence.
FRAMES: Final = 3
VOTES: Final = 2

# What a neural detector, if one listens, must give for a voice, and for a voice where
# the first stage hears a murmur: those of our corpus have up to 0.88 on a clean line.
# On such lines a murmur stays one: there, the first stage is hardly ever wrong.
SURE: Final = 0.9
SURER: Final = 0.95
CLEAN_DBOV: Final = -50.0
# It goes on finding a voice for a moment after its end: there must be more than noise.
VOICE_DB: Final = 2.0
LATELY: Final = 12  # frames
# If it found voices for so much of the last 2.5 s, they are what the line is full of.
PERHAPS: Final = 0.5
BABBLE: Final = 75
LONG: Final = 125

# It is given what it hasn't heard, or so much of it that it knows to begin anew: see
# `neural.Listener.push`.
MOST_UNHEARD: Final = LEAD_BYTES + ULAW_FRAME

PITCHED: Final = frozenset({Sound.HUM, Sound.VOICE, Sound.TONE})


@dataclass(slots=True, init=False)
class VadFrame:
    """What was found in 20 ms of the caller's line. Not to be changed."""

    speech: bool
    """Whether 2 of the last 3 frames, this one included, sounded like speech."""

    dbov: float
    """The level of this frame: see `level.dbov`."""

    sound: Sound
    """What this frame alone sounds like; SILENCE if it is too soft to count."""

    floor_dbov: float
    """The level of the line's background, as known before this frame."""

    voice: float | None
    """
    How likely there was a voice in the last 240 ms, as a neural detector found it; 0
    where it wasn't asked. None if none listens.
    """

    # Compiled, one that is written takes a sixth of the time of one that is generated,
    # and one that is frozen 20 times as long. One is made 50 times a second.
    def __init__(
        self,
        speech: bool,
        dbov: float,
        sound: Sound,
        floor_dbov: float,
        voice: float | None = None,
    ) -> None:
        self.speech = speech
        self.dbov = dbov
        self.sound = sound
        self.floor_dbov = floor_dbov
        self.voice = voice


class Vad:
    """
    One caller's line. How it is cut into chunks doesn't change the verdicts.

    Args:
        listen: a neural detector, if there is one: takes what it hasn't heard of the
            line, returns the probability of a voice at its end, see `neural.Listener`.
    """

    def __init__(
        self,
        *,
        min_dbov: float = -45.0,
        listen: Callable[[bytes], float] | None = None,
    ) -> None:
        self._min_dbov = min_dbov
        self._listen = listen
        self._unheard = bytearray()  # by it
        self._voiced = False  # whether it found a voice when it was asked last
        self._voices = 0  # one bit a frame in which it had, the newest lowest
        self._lately = deque([0.0] * LATELY, LATELY)  # probabilities
        self._framer = Framer(ULAW_FRAME)
        self._is_speech: Callable[[bytes, int], bool] = webrtcvad.Vad(MODE).is_speech
        self._floor = NoiseFloor()
        self._ear = Ear()
        self._votes = 0  # one bit a frame, the newest lowest
        self._speech = False

    def push(
        self, ulaw: bytes, gate_dbov: float = FLOOR_DBOV, *, in_turn: bool = False
    ) -> list[VadFrame]:
        """
        Judge a chunk.

        Args:
            ulaw: G.711 μ-law at 8 kHz; any bytes.
            gate_dbov: what a frame must exceed besides `min_dbov`, as the bot's own
                echo may be that loud: see `EchoGate`.
            in_turn: what is heard is a turn of the caller's, beyond doubt. On a clean
                line the neural detector isn't asked about it, nor `voice` known.

        Returns:
            One verdict for each frame of 20 ms that is whole by now, oldest first.
        """
        gate_dbov = max(gate_dbov, self._min_dbov)
        return [
            self._judge(frame, gate_dbov, in_turn) for frame in self._framer.push(ulaw)
        ]

    def _judge(self, frame: bytes, gate_dbov: float, in_turn: bool) -> VadFrame:
        pcm = ulaw_to_pcm16(frame)
        dbov = pcm16_dbov(pcm)
        # Asked even if the frame is too soft: it learns the noise of the line.
        vote = self._is_speech(pcm, ULAW_HZ)
        floor_dbov, middle_dbov = self._floor.dbov, self._floor.middle_dbov
        sound = Sound.SILENCE
        if dbov > self._min_dbov:
            sound = self._ear.judge(pcm, 10 ** (min(floor_dbov - dbov, 0.0) / 10))
        else:
            self._ear.skip(pcm)
        self._floor.push(dbov, pitched=sound in PITCHED)
        margin_db = LEAVE_DB if self._speech else ENTER_DB
        heard = sound
        if dbov <= max(gate_dbov, floor_dbov + margin_db):
            sound = Sound.SILENCE
        vote = vote and sound is not Sound.SILENCE and sound is not Sound.TONE
        if self._listen:
            self._unheard += frame
            del self._unheard[:-MOST_UNHEARD]
            least_dbov = max(self._min_dbov, middle_dbov + VOICE_DB)
            settled = in_turn and floor_dbov < CLEAN_DBOV
            probability = 0.0
            if dbov > least_dbov and not settled:
                probability = self._listen(bytes(self._unheard))
                self._unheard.clear()
                self._voiced = probability >= PERHAPS
            self._lately.append(probability)
            background_dbov = floor_dbov if self._is_babble() else middle_dbov
            loud = dbov > max(gate_dbov, background_dbov + VOICE_DB)
            if loud and probability >= SURE and heard is not Sound.TONE:
                clean = background_dbov < CLEAN_DBOV or probability < SURER
                murmurs = heard is Sound.HUM and clean
                sound, vote = Sound.HUM if murmurs else Sound.VOICE, True
        self._votes = (self._votes << 1 | vote) & ((1 << FRAMES) - 1)
        self._speech = self._votes.bit_count() >= VOTES
        voice = max(self._lately) if self._listen else None
        return VadFrame(self._speech, dbov, sound, floor_dbov, voice)

    def _is_babble(self) -> bool:
        """Whether the line was full of voices before this frame, which is noted."""
        babble = self._voices.bit_count() >= BABBLE
        self._voices = (self._voices << 1 | self._voiced) & ((1 << LONG) - 1)
        return babble
