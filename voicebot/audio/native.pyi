"""
The twins in C: each does what the class or function of its name does in the module
that its comment names, which has the documentation.
"""

from collections.abc import Callable
from typing import final

from voicebot.audio.echo import Learned
from voicebot.audio.timbre import Sound
from voicebot.audio.vad import VadFrame

def dbov(ulaw: bytes, /) -> float: ...  # level

@final
class Ear:  # timbre
    def skip(self, pcm: bytes, /) -> None: ...
    def judge(self, pcm: bytes, noise_share: float = 0.0) -> Sound: ...

@final
class NoiseFloor:  # floor
    @property
    def dbov(self) -> float: ...
    @property
    def middle_dbov(self) -> float: ...
    def push(self, dbov: float, *, pitched: bool) -> None: ...

@final
class Vad:  # vad
    def __init__(
        self,
        *,
        min_dbov: float = -45.0,
        listen: Callable[[bytes], float] | None = None,
    ) -> None: ...
    def push(
        self, ulaw: bytes, gate_dbov: float = -96.0, *, in_turn: bool = False
    ) -> list[VadFrame]: ...

@final
class EchoGate:  # echo
    @property
    def learned(self) -> Learned | None: ...
    def played(self, ulaw: bytes, starts_at: float) -> None: ...
    def cut(self, at: float) -> None: ...
    def gate_dbov(self, now: float) -> float: ...
    def heard(
        self,
        dbov: float,
        now: float,
        floor_dbov: float = -96.0,
        *,
        voiceless: bool = False,
    ) -> None: ...

@final
class UlawToPcm24:  # resample
    def push(self, ulaw: bytes, /) -> bytes: ...

@final
class Pcm24ToUlaw:  # resample
    def push(self, pcm16: bytes, /) -> bytes: ...

@final
class NeuralVad:  # neural
    def __init__(self, weights: bytes) -> None: ...
    def listen(self) -> Callable[[bytes], float]: ...
