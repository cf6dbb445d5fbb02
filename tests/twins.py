"""Tests run on the source, and some of them on the compiled twin, too."""

import pytest

from voicebot.observe.build import code_of

source_only = pytest.mark.skipif(
    code_of() == "compiled", reason="it changes what can't be changed when compiled"
)
