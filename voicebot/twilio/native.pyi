"""
The twins in C: each does what the function of its name does in `media`, which has the
documentation.
"""

def read_media(text: bytes, tail: bytes, /) -> tuple[int, bytes] | None: ...
def media_text(sid: bytes, ulaw: bytes, /) -> bytes: ...
