"""A rehearsed call in a few lines, for whoever wonders why its test failed."""

from typing import Final

from voicebot.flow.model import NoteEvent
from voicebot.rehearse.caller import Deed
from voicebot.rehearse.expect import Facts

LINES: Final = 40
CUT: Final = 60  # letters of what was said


def timeline(facts: Facts) -> list[str]:
    """What happened, in order: a line each."""
    found = [(each.at_s, "bot", _short(each.text)) for each in facts.heard]
    found += [
        (each.end_s, "bot", "  silent before the end of it")
        for each in facts.heard
        if not all(word.heard for word in each.words)
    ]
    found += [(each.begun_at, "caller", _did(each)) for each in facts.record.deeds]
    found += [
        (each.decided_ms / 1000, "decision", f"{each.outcome.value}: {each.rule.value}")
        for each in facts.record.decisions.values()
        if each.kind == "barge_in"
    ]
    for at, fault in facts.record.happened:
        found.append((at, "fault", f"model: {fault.model}"))
    found += [(at, "flow", _noted(each)) for at, each in facts.record.events]
    for at, target, does in facts.record.rang:
        found.append((at, "target", f"{target} rings: {does}"))
    ending = facts.record.ending
    over = f"over: {ending}" if ending else "cut off: it never ended"
    found.append((facts.record.ended_at, "call", over))
    lines = [f"{at:6.1f}s  {who:8}  {what}" for at, who, what in sorted(found)]
    if len(lines) > LINES:
        lines[LINES // 2 : -LINES // 2] = [f"        … {len(lines) - LINES} more"]
    return lines


def _did(deed: Deed) -> str:
    if deed.words:
        kind = "" if deed.step.say else "into it: "
        return kind + _short(deed.words.text)
    if deed.step.dtmf is not None:
        return f"presses {len(deed.step.dtmf)} key(s)"
    return "hangs up" if deed.step.hangup else f"is silent for {deed.length_s:g}s"


def _noted(event: NoteEvent) -> str:
    what = f"{event.kind} {event.name}".rstrip()
    return f"{what}: {event.detail}" if event.detail else what


def _short(text: str) -> str:
    return text if len(text) <= CUT else text[: CUT - 1] + "…"
