"""
Is it a voice? The second stage: sharper, and slower than the first.

A neural detector, Silero VAD at 8 kHz. It takes neither coughs nor music nor keys for
speech, and finds speech in noise and music. That costs some 45 µs for each 32 ms, so
it isn't asked about all of a line, see `vad`, and catches up when it is.

Its network is small: four spectra of a window, four convolutions over them, an LSTM
that remembers the line, one number. numpy computes it in half the time that a runtime
for any network takes to find its way through this one, and finds the same; `neural.c`,
its twin, in a quarter of that.

Source: https://github.com/snakers4/silero-vad, version 6.2.3, MIT licence: the weights
of the 8 kHz half of its `silero_vad.onnx`, under their names there.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.g711 import ulaw_to_pcm16

WINDOW: Final = 256  # samples: 32 ms
CONTEXT: Final = 32  # samples before each window that the network wants to see again
MIRRORED: Final = 32  # ... and its last ones but one, backwards, behind it

LEAD_BYTES: Final = 2080
"""
What it wants to have heard when it is asked: 260 ms. With 140 ms, nine of 122 sounds
that are no interruption stop the bot instead of six, two of 127 interruptions don't.
"""

HOP: Final = 64  # a spectrum is of 128 samples, two hops
HOPS: Final = (CONTEXT + WINDOW + MIRRORED) // HOP
BINS: Final = 65
CELLS: Final = 128  # of the LSTM

Floats = NDArray[np.float32]

# Arrays, as numpy takes longer to wrap a number than to work with a hundred.
ZERO: Final = np.zeros((), np.float32)
ONE: Final = np.ones((), np.float32)
HALF: Final = np.full((), 0.5, np.float32)
# What an index finds behind the values of a layer: beyond its edges, and for its bias.
BEHIND: Final = np.array([0, 1], np.float32)

# A line begins so. After long silence the network would find a voice later than after
# this: it is sure of half the voices of our corpus 40 to 60 ms later.
NEW_CONTEXT: Final = np.zeros(CONTEXT, np.float32)
NEW: Final = np.zeros(CELLS, np.float32), np.zeros(CELLS, np.float32)
"""What the LSTM gave out last, and its cells."""

SAMPLES: Final[Floats] = np.divide(
    np.frombuffer(ulaw_to_pcm16(bytes(range(256))), "<i2"), 32768, dtype=np.float32
)
"""μ-law -> parts of full scale."""


class NeuralVad:
    """
    The detector, shared by all calls and safe to use in threads: it keeps nothing.

    Args:
        weights: an .npz file of Silero's weights.

    Raises:
        ValueError, KeyError: it is something else.
    """

    def __init__(self, weights: bytes) -> None:
        found: Mapping[str, Floats] = np.load(BytesIO(weights), allow_pickle=False)
        spectrum = _matrix(found["stft.forward_basis_buffer"][:, 0].T)
        self.earlier, self.later = np.split(spectrum, 2)
        frames, layers = HOPS - 1, []
        for number, stride in enumerate((1, 2, 2, 1)):
            name = f"encoder.{number}.reparam_conv"
            kernel = found[f"{name}.weight"]
            index = _index(frames, kernel.shape[1], stride)
            rows = _matrix(*kernel.transpose(2, 1, 0), found[f"{name}.bias"])
            used = (index != frames * kernel.shape[1]).any(axis=0)
            layers.append((index[:, used], _matrix(rows[used])))
            frames = len(index)
        self.layers = tuple(layers)
        given, kept = found["decoder.rnn.weight_ih"], found["decoder.rnn.weight_hh"]
        bias = found["decoder.rnn.bias_ih"] + found["decoder.rnn.bias_hh"]
        self.gates = _matrix(given.T, kept.T, bias)
        # A sigmoid is a tanh of half as much, but for its range; all but the third are.
        self.gates[:, : 2 * CELLS] /= 2
        self.gates[:, 3 * CELLS :] /= 2
        # What the twin takes, in the order of its layers.
        self.matrices = spectrum, *(weights for _, weights in layers), self.gates
        self.answer = _matrix(found["decoder.decoder.2.weight"][0, :, 0])[0]
        self.answer_bias = float(found["decoder.decoder.2.bias"][0])

    def listen(self) -> Callable[[bytes], float]:
        """Begin to listen to one line: see `Listener.push`."""
        return Listener(self).push


class Listener:
    """Listens to one line, as it comes: see `NeuralVad.listen`."""

    def __init__(self, vad: NeuralVad) -> None:
        self._vad = vad
        self._rest = bytearray()  # less than a window
        self._before = NEW_CONTEXT
        self._state = NEW  # of the LSTM
        self._found = 0.0

    def push(self, ulaw: bytes) -> float:
        """
        Hear what comes next; how it is cut into chunks doesn't change what is found.

        Args:
            ulaw: G.711 μ-law at 8 kHz, any bytes. Of more than LEAD_BYTES the last
                LEAD_BYTES are heard, as of a line that begins.

        Returns:
            The probability of a voice, 0 to 1, in the last 32 ms that are whole; they
            ended less than 32 ms ago. 0 before there were any.
        """
        if len(ulaw) > LEAD_BYTES:
            self._rest.clear()
            self._before, self._state = NEW_CONTEXT, NEW
        self._rest += ulaw[-LEAD_BYTES:]
        while len(self._rest) >= WINDOW:
            self._found = self._hear(bytes(self._rest[:WINDOW]))
            del self._rest[:WINDOW]
        return self._found

    def _hear(self, window: bytes) -> float:
        vad = self._vad
        samples = SAMPLES.take(np.frombuffer(window, np.uint8))
        mirrored = samples[-2 : -2 - MIRRORED : -1]
        hops = np.concatenate((self._before, samples, mirrored)).reshape(HOPS, HOP)
        self._before = samples[-CONTEXT:]
        parts = hops[:-1].dot(vad.earlier)
        parts += hops[1:].dot(vad.later)
        parts *= parts
        found = np.sqrt(parts[:, :BINS] + parts[:, BINS:])
        for index, weights in vad.layers:
            seen = np.concatenate((found.ravel(), BEHIND)).take(index)
            found = seen.dot(weights)
            np.maximum(found, ZERO, out=found)
        return self._remember(found[0])

    def _remember(self, found: Floats) -> float:
        """Take a window into the LSTM; what it gives out tells of a voice."""
        memory, cells = self._state
        gates = np.concatenate((found, memory, BEHIND[1:])).dot(self._vad.gates)
        np.tanh(gates, out=gates)
        let_in, forget, new, let_out = gates.reshape(4, CELLS)
        # Each gate is 0 to 1: half of what its tanh and 1 come to.
        let_in += ONE
        let_in *= new
        forget += ONE
        forget *= cells
        cells = (let_in + forget) * HALF
        let_out += ONE
        memory = np.tanh(cells) * let_out * HALF
        self._state = memory, cells
        told = np.maximum(memory, ZERO).dot(self._vad.answer)
        return 1 / (1 + exp(-float(told) - self._vad.answer_bias))


def _matrix(*parts: Floats) -> Floats:
    """Rows below each other, side by side in memory."""
    return np.ascontiguousarray(np.vstack(parts), np.float32)


def _index(frames: int, values: int, stride: int) -> NDArray[np.intp]:
    """
    Say what a convolution over 3 frames sees, one row for each frame of its outcome.

    Args:
        frames: how many there are, of so many values each, with BEHIND after them.
    """
    nothing, one = frames * values, frames * values + 1
    rows = []
    for middle in range(0, frames, stride):
        row: list[int] = []
        for frame in (middle - 1, middle, middle + 1):
            first = frame * values
            inside = 0 <= frame < frames
            row += range(first, first + values) if inside else [nothing] * values
        rows.append([*row, one])
    return np.array(rows, np.intp)
