"""Whether a rehearsed call was as its test expects: one function an expectation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from voicebot.bridge.model import Ending, NoteDecision, NoteTurn, Outcome
from voicebot.bridge.speech import PROMPT
from voicebot.dialplan.testing import Expectation
from voicebot.rehearse.caller import Deed
from voicebot.rehearse.heard import Rendition, renditions, sounding
from voicebot.rehearse.mind import plain
from voicebot.rehearse.record import Record

# The words' own times aren't known to the bridge: it shares the time out among them.
GUESS_S: Final = 0.3
# What the caller's line brings, and the bridge's decision about it.
BEFORE_S, AFTER_S = 0.1, 0.6
# The call log's turn begins when the bridge sent it; at the ear it is a little later.
NEAR_S: Final = 1.0
AT_THE_END_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Miss:
    """An expectation that wasn't met."""

    expected: str
    got: str


class Facts:
    """What the expectations ask about a call."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.heard = renditions(record)
        self.sounding = sounding(self.heard)

    @cached_property
    def into(self) -> Deed | None:
        """The last time that the caller spoke, or pressed a key, while the bot did."""
        into = [each for each in self.record.deeds if each.into_speech]
        return next((each for each in reversed(into) if _is_audible(each)), None)

    @cached_property
    def decision(self) -> NoteDecision | None:
        """What was decided about that, in the end."""
        if self.into is None:
            return None
        first, last = self.into.begun_at - BEFORE_S, self.into.ended_at + AFTER_S
        about = [
            each
            for each in self.record.decisions.values()
            if each.kind == "barge_in" and first <= each.at_ms / 1000 <= last
        ]
        return max(about, key=lambda each: each.decided_ms, default=None)

    def waited_s(self, heard: Rendition) -> float:
        """How long the caller waited for this, from what they did before it."""
        ended = [each.ended_at for each in self.record.deeds if _is_audible(each)]
        return heard.at_s - max((at for at in ended if at <= heard.at_s), default=0.0)

    def waits(self, *, greeting: bool = True) -> list[tuple[float, float]]:
        """
        When nobody spoke though the bot was to begin: (from, for how long).

        Args:
            greeting: count the start of the call, too.
        """
        begun = [each.begun_at for each in self.record.deeds if _is_audible(each)]
        waits = [each.ended_at for each in self.record.deeds if each.wants_answer]
        found = []
        for at in [0.0, *waits] if greeting else waits:
            if any(first <= at < last for first, last in self.sounding):
                continue
            until = [first for first, _ in self.sounding] + begun
            until = [each for each in until if each >= at] + [self.record.ended_at]
            found.append((at, min(until) - at))
        return found

    def gaps(self) -> list[tuple[float, float]]:
        """When nobody spoke though the bot was to: (from, for how long)."""
        found = self.waits()
        for each in self.heard:
            for part, after in zip(each.parts, each.parts[1:], strict=False):
                found.append((part.end_s, after.at_s - part.end_s))
        return found

    def was_cut(self, heard: Rendition) -> bool:
        """Whether the caller ended it: spoke, pressed a key or hung up."""
        record = self.record
        if record.ending == Ending.CALLER_HANGUP and self.is_last(heard):
            return True
        return any(
            each.kind == "barge_in"
            and each.outcome is Outcome.CONFIRMED
            and heard.at_s - AFTER_S <= each.decided_ms / 1000
            and each.at_ms / 1000 <= heard.end_s + AFTER_S
            for each in record.decisions.values()
        )

    def is_last(self, heard: Rendition) -> bool:
        """Whether it was being heard when its stream ended."""
        return any(
            heard.at_s < end <= heard.end_s + AT_THE_END_S
            for end in self.record.stream_ends
        )

    @property
    def ends_unheard(self) -> bool:
        """Whether the call was over before the model's last answer was."""
        last = self.record.said[-1]
        heard = [each for each in self.heard if each.said is last]
        return bool(last.pcm16) and (not heard or self.is_last(heard[-1]))

    def rendition(self, turn: NoteTurn) -> Rendition | None:
        """What the ear got of a turn of the call log."""
        text, at_s = plain(turn.generated_text), turn.started_ms / 1000
        near = [
            each
            for each in self.heard
            if plain(each.said.text).startswith(text) and abs(each.at_s - at_s) < NEAR_S
        ]
        return min(near, key=lambda each: abs(each.at_s - at_s), default=None)

    def bot_turns(self) -> list[NoteTurn]:
        """The call log's turns of the bot of which something was heard, it says."""
        turns = sorted(self.record.turns.values(), key=lambda turn: turn.seq)
        return [each for each in turns if each.who == "bot" and each.heard_text]


def judge(wanted: Expectation, facts: Facts) -> Miss | None:
    """Say in which way a call isn't as wanted; None if it is."""
    key = next(key for key in JUDGES if getattr(wanted, key) is not None)
    return JUDGES[key](wanted, facts)


def _heard(wanted: Expectation, facts: Facts) -> Miss | None:
    text, within_s = str(wanted.heard), wanted.within_s
    found = [each for each in facts.heard if plain(text) in plain(each.text)]
    waited = min(map(facts.waited_s, found), default=None)
    expected = f"{text!r} heard"
    if within_s is not None:
        expected += f" within {_s(within_s)}"
    if waited is None:
        return Miss(expected, _all_heard(facts))
    late = within_s is not None and waited > within_s
    return Miss(expected, f"begun after {_s(waited)}") if late else None


def _not_heard(wanted: Expectation, facts: Facts) -> Miss | None:
    text = str(wanted.not_heard)
    for each in facts.heard:
        if plain(text) in plain(each.text):
            return Miss(f"{text!r} not heard", f"{each.text!r} at {_s(each.at_s)}")
    return None


def _outcome(wanted: Expectation, facts: Facts) -> Miss | None:
    expected = f"{wanted.outcome}"
    if wanted.within_s is not None:
        expected += f" within {_s(wanted.within_s)}"
    deed, decision = facts.into, facts.decision
    if deed is None:
        return Miss(expected, "the caller did nothing while the bot spoke")
    got = decision.outcome.value if decision else Outcome.IGNORED.value
    after_s = decision.decided_ms / 1000 - deed.begun_at if decision else 0.0
    why = f" after {_s(after_s)}: {decision.rule.value}" if decision else ""
    late = wanted.within_s is not None and after_s > wanted.within_s
    return Miss(expected, got + why) if got != wanted.outcome or late else None


def _speech_stopped(wanted: Expectation, facts: Facts) -> Miss | None:
    within_s = wanted.speech_stopped.within_s if wanted.speech_stopped else 0.0
    expected = f"silence within {_s(within_s)} of the caller's first sound"
    at = facts.into.begun_at if facts.into else None
    spans = facts.sounding if at is not None else []
    ends = [last for first, last in spans if at is not None and first <= at < last]
    if at is None or not ends:
        return Miss(expected, "the caller did nothing while the bot spoke")
    took_s = ends[0] - at
    return Miss(expected, f"after {_s(took_s)}") if took_s > within_s else None


def _no_gap(wanted: Expectation, facts: Facts) -> Miss | None:
    limit_s = wanted.no_audio_gap_over_s or 0.0
    at, length_s = max(facts.gaps(), key=lambda gap: gap[1], default=(0.0, 0.0))
    if length_s <= limit_s:
        return None
    return Miss(f"no silence over {_s(limit_s)}", f"{_s(length_s)} from {_s(at)} on")


def _lost_words(wanted: Expectation, facts: Facts) -> Miss | None:
    lost: list[str] = []
    for each in facts.heard:
        words = each.words
        if facts.was_cut(each):
            last = max((n for n, word in enumerate(words) if word.heard), default=0)
            words = words[:last]
        lost += [word.text.strip() for word in words if not word.heard]
    most = wanted.lost_words or 0
    if len(lost) <= most:
        return None
    return Miss(f"at most {most} words lost", f"{len(lost)}: {' '.join(lost)[:80]!r}")


def _repeated_words(wanted: Expectation, facts: Facts) -> Miss | None:
    words = [word.strip() for each in facts.heard for word in each.repeated]
    most = wanted.repeated_words or 0
    if len(words) <= most:
        return None
    expected = f"at most {most} words repeated"
    return Miss(expected, f"{len(words)}: {' '.join(words)[:80]!r}")


def _no_unplayed(wanted: Expectation, facts: Facts) -> Miss | None:
    expected = "only words that reached the ear in the call log"
    for turn in facts.bot_turns():
        heard = facts.rendition(turn)
        reached = heard.reached(GUESS_S) if heard else ""
        if not plain(reached).startswith(plain(turn.heard_text)):
            text = heard.text if heard else ""
            return Miss(expected, f"{turn.heard_text!r}, of which was heard {text!r}")
    return None


def _history(wanted: Expectation, facts: Facts) -> Miss | None:
    turns = [t for t in facts.bot_turns() if not _is_prompt(t)]
    log = [turn.heard_text for turn in turns]
    history = facts.record.history  # of a mere tool call there is an empty answer
    said = [each.text for each in history if each.role == "assistant" and each.text]
    if facts.ends_unheard:  # the model wasn't told any more
        last = facts.record.said[-1].text
        if turns and plain(last).startswith(plain(turns[-1].generated_text)):
            log = log[:-1]
        said = said[: len(log)]
    for heard, believed in zip(log, said, strict=False):
        if plain(heard) != plain(believed):
            return Miss(f"the model to believe it said {heard!r}", f"{believed!r}")
    if len(log) != len(said):
        expected = f"{len(log)} answers in the model's history"
        return Miss(expected, f"{len(said)}")
    return None


def _ended_by(wanted: Expectation, facts: Facts) -> Miss | None:
    got = facts.record.ending or "it went on"
    return None if got == wanted.ended_by else Miss(f"{wanted.ended_by}", got)


def _tool(wanted: Expectation, facts: Facts) -> Miss | None:
    verdict = wanted.verdict or "allowed"
    expected = f"{wanted.tool} {verdict}"
    if wanted.rule is not None:
        expected += f": {wanted.rule}"
    got = [
        "allowed" if each.kind == "tool" else f"refused: {each.detail}"
        for _, each in facts.record.events
        if each.kind in ("tool", "refused") and each.name == wanted.tool
    ]
    if any(each.startswith(expected.partition(" ")[2]) for each in got):
        return None
    return Miss(expected, " / ".join(got) or "it wasn't asked for")


def _noted(kind: str, key: str) -> Callable[[Expectation, Facts], Miss | None]:
    """Judge by what the flow noted of this kind."""

    def judge_it(wanted: Expectation, facts: Facts) -> Miss | None:
        name = getattr(wanted, key)
        events = facts.record.events
        got = [each.name for _, each in events if each.kind == kind]
        if name in got:
            return None
        return Miss(f"{key} {name}", ", ".join(got) or f"no {key}")

    return judge_it


def _stage(wanted: Expectation, facts: Facts) -> Miss | None:
    if wanted.stage == facts.record.start_stage:
        return None
    return _noted("stage", "stage")(wanted, facts)


def _rang(wanted: Expectation, facts: Facts) -> Miss | None:
    rang = facts.record.rang
    if any(name == wanted.rang for _, name, _ in rang):
        return None
    return Miss(f"{wanted.rang} rung", _who_rang(facts))


def _transferred_to(wanted: Expectation, facts: Facts) -> Miss | None:
    rang = facts.record.rang
    if any(
        (name, does) == (wanted.transferred_to, "answers") for _, name, does in rang
    ):
        return None
    return Miss(f"{wanted.transferred_to} to take the call", _who_rang(facts))


def _who_rang(facts: Facts) -> str:
    rang = [f"{name}: {does}" for _, name, does in facts.record.rang]
    return ", ".join(rang) or "nobody was rung"


def _var(wanted: Expectation, facts: Facts) -> Miss | None:
    value = facts.record.values.get(str(wanted.var))
    expected = f"{wanted.var} set"
    if wanted.is_ is not None:
        expected = f"{wanted.var} is {wanted.is_!r}"
    if value is None or wanted.is_ not in (None, value):
        return Miss(expected, "nothing" if value is None else repr(value))
    return None


def _answered(wanted: Expectation, facts: Facts) -> Miss | None:
    limit_s = wanted.answered_within_s or 0.0
    waits = facts.waits(greeting=False)
    at, waited_s = max(waits, key=lambda wait: wait[1], default=(0.0, 0.0))
    if waited_s <= limit_s:
        return None
    return Miss(f"answers within {_s(limit_s)}", f"{_s(waited_s)} from {_s(at)} on")


def _logged(wanted: Expectation, facts: Facts) -> Miss | None:
    text = str(wanted.logged).casefold()
    lines = facts.record.lines
    if any(text in line.casefold() for line in lines):
        return None
    return Miss(f"{wanted.logged!r} in the log", f"{len(lines)} lines without it")


def _log_never(wanted: Expectation, facts: Facts) -> Miss | None:
    text, record = str(wanted.log_never_contains).casefold(), facts.record
    places = [("log", line) for line in record.lines]
    places += [
        (f"call log, turn {each.seq}", each.generated_text)
        for each in record.turns.values()
    ]
    for where, line in places:
        if text in line.casefold():
            return Miss(f"{wanted.log_never_contains!r} in no log", f"in the {where}")
    return None


JUDGES: Final[Mapping[str, Callable[[Expectation, Facts], Miss | None]]] = (
    MappingProxyType(
        {
            "heard": _heard,
            "not_heard": _not_heard,
            "outcome": _outcome,
            "speech_stopped": _speech_stopped,
            "no_audio_gap_over_s": _no_gap,
            "lost_words": _lost_words,
            "repeated_words": _repeated_words,
            "heard_transcript_excludes_unplayed": _no_unplayed,
            "model_history_equals_heard": _history,
            "ended_by": _ended_by,
            "tool": _tool,
            "rang": _rang,
            "transferred_to": _transferred_to,
            "menu": _noted("menu", "menu"),
            "stage": _stage,
            "trigger": _noted("trigger", "trigger"),
            "var": _var,
            "answered_within_s": _answered,
            "logged": _logged,
            "log_never_contains": _log_never,
        }
    )
)


def _is_audible(deed: Deed) -> bool:
    return deed.words is not None or deed.step.dtmf is not None


def _is_prompt(turn: NoteTurn) -> bool:
    return (turn.response_id or "").startswith(PROMPT)


def _all_heard(facts: Facts) -> str:
    texts = " / ".join(each.text for each in facts.heard)
    return repr(texts) if texts else "nothing"


def _s(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms" if seconds < 1 else f"{seconds:.1f}s"
