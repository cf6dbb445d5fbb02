"""
What every message of audio goes through, as quick as it can be: the only place that
chooses.

Where voicebot was compiled (`deploy/compiled`), that is a module in C, else what it is
the twin of. Both do the same: `tests/twilio/test_native.py`.
"""

try:
    from voicebot.twilio.native import media_text, read_media
except ModuleNotFoundError:
    from voicebot.twilio.media import media_text, read_media

__all__ = ["media_text", "read_media"]
