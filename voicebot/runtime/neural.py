"""The neural voice detector, if it is installed."""

from importlib.resources import files

import structlog

from voicebot.audio.neural import NeuralVad

log = structlog.get_logger()


def load_neural() -> NeuralVad | None:
    """
    Load the detector that comes with voicebot: some 0.2 s and 40 MB, so once only.

    Returns:
        None if onnxruntime isn't installed: it comes with `voicebot[vad]`.
    """
    model = (files("voicebot.audio") / "silero" / "silero_vad.onnx").read_bytes()
    try:
        return NeuralVad(model)
    except ImportError:
        log.info("neural voice detector is off: voicebot[vad] isn't installed")
        return None
