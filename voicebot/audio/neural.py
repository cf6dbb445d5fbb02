"""
Is it a voice? The second stage: sharper, and slower than the first.

A neural detector, Silero VAD at 8 kHz. It takes neither coughs nor music nor keys for
speech, and finds speech in noise and music. That costs some 0.1 ms for each 32 ms.

Source: https://github.com/snakers4/silero-vad, version 6.2.3, MIT licence.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.framing import ULAW_HZ
from voicebot.audio.g711 import ulaw_to_pcm16

WINDOW: Final = 256  # samples: 32 ms
CONTEXT: Final = 32  # samples before each window that the model wants to see again
STATE_SHAPE: Final = (2, 1, 128)


class Session(Protocol):
    """What we need of onnxruntime's InferenceSession."""

    def run(
        self, outputs: Sequence[str] | None, inputs: Mapping[str, object]
    ) -> Sequence[NDArray[np.float32]]: ...


class NeuralVad:
    """
    The detector, shared by all calls and safe to use in threads: it keeps nothing.

    Args:
        model: Silero's ONNX file.
        session: runs the model; onnxruntime does unless a test says otherwise.

    Raises:
        ImportError: onnxruntime isn't installed.
    """

    def __init__(self, model: bytes, session: Session | None = None) -> None:
        self._session = session or _onnx(model)

    def listen(self) -> Callable[[bytes], float]:
        """Begin to listen to one line: see `Listener.push`."""
        return Listener(self._session).push


class Listener:
    """Listens to all of one line, as it comes: see `NeuralVad.listen`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rest = bytearray()  # less than a window
        self._before = np.zeros(CONTEXT, np.float32)
        self._state = np.zeros(STATE_SHAPE, np.float32)
        self._found = 0.0

    def push(self, ulaw: bytes) -> float:
        """
        Hear what comes next; how it is cut into chunks doesn't change what is found.

        Args:
            ulaw: G.711 μ-law at 8 kHz, any bytes.

        Returns:
            The probability of a voice, 0 to 1, in the last 32 ms that are whole; they
            ended less than 32 ms ago. 0 before there were any.
        """
        self._rest += ulaw
        while len(self._rest) >= WINDOW:
            self._hear(bytes(self._rest[:WINDOW]))
            del self._rest[:WINDOW]
        return self._found

    def _hear(self, window: bytes) -> None:
        samples = np.empty(CONTEXT + WINDOW, np.float32)
        samples[:CONTEXT] = self._before
        samples[CONTEXT:] = np.frombuffer(ulaw_to_pcm16(window), "<i2")
        samples[CONTEXT:] /= 32768
        self._before = samples[-CONTEXT:]
        found, self._state = self._session.run(
            ("output", "stateN"),
            {"input": samples[None], "state": self._state, "sr": RATE},
        )
        self._found = float(found[0, 0])


RATE: Final = np.array(ULAW_HZ, np.int64)


def _onnx(model: bytes) -> Session:
    import onnxruntime  # optional, and it takes 40 MB

    options = onnxruntime.SessionOptions()
    # Calls run side by side: no threads for one of them, which would only spin.
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    return cast(
        Session,
        onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        ),
    )
