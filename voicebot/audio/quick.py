"""
What every frame goes through, as quick as it can be: the only place that chooses.

Where voicebot was compiled (`deploy/compiled`), that is a module in C, else what it is
the twin of. Both give the same verdicts: `tests/audio/test_native.py`.
"""

try:
    from voicebot.audio.native import (
        EchoGate,
        NeuralVad,
        Pcm24ToUlaw,
        UlawToPcm24,
        Vad,
    )
except ModuleNotFoundError:
    # For mypy, the names above are what they are everywhere.
    from voicebot.audio.echo import EchoGate  # type: ignore[assignment]
    from voicebot.audio.neural import NeuralVad  # type: ignore[assignment]
    from voicebot.audio.resample import (  # type: ignore[assignment]
        Pcm24ToUlaw,
        UlawToPcm24,
    )
    from voicebot.audio.vad import Vad  # type: ignore[assignment]

__all__ = [
    "EchoGate",
    "NeuralVad",
    "Pcm24ToUlaw",
    "UlawToPcm24",
    "Vad",
]
