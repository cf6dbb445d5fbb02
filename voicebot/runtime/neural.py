"""The neural voice detector that comes with voicebot."""

from importlib.resources import files

from voicebot.audio.quick import NeuralVad


def load_neural() -> NeuralVad:
    """Load it: some 20 ms and 1 MB, so once only."""
    weights = files("voicebot.audio") / "silero" / "silero_8k.npz"
    return NeuralVad(weights.read_bytes())
