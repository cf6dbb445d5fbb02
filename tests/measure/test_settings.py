"""`--set`: other settings, by name."""

import pytest

from voicebot.bridge.settings import Settings
from voicebot.errors import ConfigError
from voicebot.measure.settings import base_settings, overridden


def test_settings_of_every_kind_can_be_changed() -> None:
    changed = overridden(
        Settings(),
        [
            "barge_in.min_ms=200",
            "barge_in.mode=stop",
            "barge_in.keys=false",
            "barge_in.stop_words=wait, hold on",
            "listening.end_silence_ms=700",
            "idle_s=12.5",
            "lead_ms=160",
        ],
    )
    assert changed.barge_in.min_ms == 200
    assert changed.barge_in.mode == "stop"
    assert not changed.barge_in.keys
    assert changed.barge_in.stop_words == ("wait", "hold on")
    assert changed.listening.end_silence_ms == 700
    assert changed.idle_s == 12.5
    assert changed.lead_ms == 160
    again = overridden(changed, ["listening.end_silence_ms=none", "barge_in.keys=true"])
    assert again.listening.end_silence_ms is None
    assert again.barge_in.keys


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("barge_in.min_ms", "expected key=value"),
        ("barge_in.min_mss=2", "--set barge_in.min_mss: unknown key; known: mode, min"),
        ("barg=2", "--set barg: unknown key; known: protect_s, "),
        ("barge_in=2", "expected barge_in.something=value"),
        ("lead_ms.x=2", "lead_ms has no keys"),
        ("barge_in.min_ms=soon", "expected a whole number from 0 on, got 'soon'"),
        ("barge_in.min_ms=-1", "expected a whole number from 0 on, got '-1'"),
        ("idle_s=nan", "expected a number from 0 on, got 'nan'"),
        ("barge_in.mode=off", "expected pause or stop or never, got 'off'"),
        ("barge_in.keys=1", "expected true or false, got '1'"),
        ("owner=server", "--set owner: unknown key"),
        ("greeting=Hello", "--set greeting: unknown key"),
        ("fillers=Hello", "--set fillers: unknown key"),
    ],
)
def test_what_isnt_a_setting_is_refused_in_a_sentence(
    assignment: str, says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        overridden(Settings(), [assignment])
    assert says in str(refused.value)


def test_by_default_callers_may_agree_and_may_stop_the_bot() -> None:
    settings = base_settings(greets=True)
    assert "嗯" in settings.barge_in.backchannel
    assert "wait" in settings.barge_in.stop_words
    assert settings.greeting.text
    assert not base_settings(greets=False).greeting.text
