"""The decisions of a call, in words for its operator."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.records import Decision

WHY: Mapping[str, str] = {
    "protected": "what the bot said may not be cut",
    "too_short": "too little clear speech",
    "too_soft": "far softer than this caller: somebody else",
    "not_voice": "no voice: a cough, a tone, music",
    "clear_speech": "enough clear speech",
    "long_speech": "the caller spoke on",
    "stop_word": "a word that means stop",
    "words": "words",
    "backchannel": "it only shows that the caller listens",
    "echo": "its words were the bot's own",
    "no_words": "no words in it",
    "spoke_again": "the caller tried again",
    "no_answer": "its words didn't come in time",
    "key": "a key was pressed",
    "call_ended": "the call ended first",
    "silence": "the caller fell silent",
    "max_turn": "the turn was too long",
    "server": "the model found the turn to be over",
}
WHAT_CAME: Mapping[str, str] = {
    "ignored": "spoke on",
    "resumed": "paused, went on",
    "confirmed": "stopped, listened",
    "answered": "answered",
    "too_early": "too early: the caller went on",
    "unanswered": "no answer",
}

# What a decision rested on: features, and what an operator is told of them.
SOUND: Mapping[str, str] = {
    "speech_ms": "speech {} ms",
    "evidence_ms": "clear {} ms",
    "above_db": "{} dB above the noise",
}
BARGE_IN: Mapping[str, str] = {
    **SOUND,
    "stop_after_ms": "stopped after {} ms",
    "gap_ms": "went on after {} ms",
    "min_ms": "min_ms {}",
    "factor": "times {}",
    "confirm_ms": "confirm_ms {}",
    "decide_ms": "decide_ms {}",
}
END_OF_TURN: Mapping[str, str] = {
    "turn_ms": "turn {} ms",
    **SOUND,
    "silence_ms": "waited {} ms",
    "reply_ms": "replied after {} ms",
    "profile": "profile {}",
    "wanted_ms": "end of turn after {} ms",
    "pace": "pace {}",
}

HEADINGS = ("no.", "at", "kind", "what the bot did, and why", "what it rested on")


def rows(decisions: "list[Decision]") -> Iterator[tuple[str, ...]]:
    """What the headings name, of each decision."""
    for decision in decisions:
        is_barge_in = decision.kind == "barge_in"
        came = WHAT_CAME.get(decision.outcome, decision.outcome)
        yield (
            str(decision.seq),
            f"{decision.decided_ms / 1000:.2f} s",
            "barge-in" if is_barge_in else "end of turn",
            f"{came}: {WHY.get(decision.rule, decision.rule)}",
            _told(decision.features, BARGE_IN if is_barge_in else END_OF_TURN),
        )


def _told(features: Mapping[str, int | float | str], phrases: Mapping[str, str]) -> str:
    level, floor = features.get("level_dbov"), features.get("floor_dbov")
    if isinstance(level, int | float) and isinstance(floor, int | float):
        features = {**features, "above_db": round(level - floor)}
    return ", ".join(
        phrase.format(features[key])
        for key, phrase in phrases.items()
        if key in features
    )
