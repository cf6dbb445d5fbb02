"""
Is it a voice? The second stage: slower and sharper, asked only in cases of doubt.

A neural detector, Silero VAD at 8 kHz. It takes neither coughs nor music nor keys for
speech, and costs a thousand times as much as a frame of the first stage.

Source: https://github.com/snakers4/silero-vad, version 6.2.3, MIT licence.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.framing import ULAW_HZ
from voicebot.audio.g711 import ulaw_to_pcm16

WINDOW: Final = 256  # samples: 32 ms
CONTEXT: Final = 32  # samples before each window that the model wants to see again
WINDOWS: Final = 20  # that are listened to: 640 ms
JUDGED: Final = 7  # of these, the last ones count: 224 ms
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

    def probability(self, ulaw: bytes) -> float:
        """
        Say how likely there was a voice just now.

        Args:
            ulaw: the caller's line up to now, G.711 μ-law at 8 kHz. Of what is longer
                than 640 ms only the end is listened to; the shorter, the less sure.

        Returns:
            The highest probability of a voice, 0 to 1, in any 32 ms of the last
            224 ms; 0 if there are less than 32 ms.
        """
        windows = min(len(ulaw) // WINDOW, WINDOWS)
        if not windows:
            return 0.0
        size = windows * WINDOW
        samples = np.zeros(CONTEXT + size, np.float32)
        samples[CONTEXT:] = np.frombuffer(ulaw_to_pcm16(ulaw[-size:]), "<i2")
        samples /= 32768
        state = np.zeros(STATE_SHAPE, np.float32)
        highest = 0.0
        for window in range(windows):
            at = window * WINDOW
            found, state = self._session.run(
                ("output", "stateN"),
                {
                    "input": samples[None, at : at + CONTEXT + WINDOW],
                    "state": state,
                    "sr": RATE,
                },
            )
            if window >= windows - JUDGED:
                highest = max(highest, float(found[0, 0]))
        return highest


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
