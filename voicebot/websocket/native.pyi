"""
The twins in C: each does what the class or function of its name does in `frames`,
which has the documentation.
"""

from typing import final

@final
class FrameSplitter:
    def __init__(self, *, masked: bool = True, longest: int = 0xFFFF) -> None: ...
    @property
    def steady(self) -> bool: ...
    def push(self, data: bytes, /) -> list[tuple[bytes | None, bytes]]: ...

def text_frames(texts: list[bytes], /) -> bytes: ...
