"""What of the bot's words reached the caller's ear: their bytes tell, no claims."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from voicebot.audio.framing import ULAW_HZ
from voicebot.measure.pieces import Piece, pieces
from voicebot.rehearse.record import Record
from voicebot.rehearse.voice import Spoken, Syllable, in_words

# So near its end, something was said whole.
NEARLY: Final = 800  # bytes
# What holds less of a hole is no hole: a fade.
HOLE_S: Final = 0.1
# Of a word that is heard twice, the last tenth may have been missing.
TWICE: Final = 1.9


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    heard: bool
    """At least half of it."""


@dataclass(slots=True)
class Rendition:
    """Something that the bot said, as far as it was heard."""

    said: Spoken
    parts: list[Piece] = field(default_factory=list)

    @property
    def at_s(self) -> float:
        return self.parts[0].at_s

    @property
    def end_s(self) -> float:
        return self.parts[-1].end_s

    @property
    def is_whole(self) -> bool:
        """Whether its end was heard."""
        return max(part.end for part in self.parts) >= len(self.said.ulaw) - NEARLY

    @property
    def words(self) -> list[Word]:
        """All its words, in order."""
        return [
            Word("".join(each.text for each in word), self._covers(word))
            for word in in_words(self.said.syllables)
        ]

    @property
    def repeated(self) -> list[str]:
        """Words that were heard to their end, and once more."""
        return [
            "".join(each.text for each in word)
            for word in in_words(self.said.syllables)
            if self._share(word) > TWICE
        ]

    @property
    def text(self) -> str:
        """Those that were heard."""
        return "".join(word.text for word in self.words if word.heard).strip()

    def reached(self, grace_s: float = 0.0) -> str:
        """All words that had begun when it ended, or `grace_s` after."""
        end = max(part.end for part in self.parts) + grace_s * ULAW_HZ
        begun = [each.text for each in self.said.syllables if each.start < end]
        return "".join(begun).strip()

    def _covers(self, word: Sequence[Syllable]) -> bool:
        return self._share(word) >= 0.5

    def _share(self, word: Sequence[Syllable]) -> float:
        """How much of a word was heard: 2.0 is all of it, twice."""
        heard = sum(
            max(0, min(part.end, each.end) - max(part.start, each.start))
            for part in self.parts
            for each in word
        )
        return heard / sum(each.end - each.start for each in word)


def renditions(record: Record) -> list[Rendition]:
    """What was heard, in order."""
    found: list[Rendition] = []
    for piece in pieces(record.heard, [each.ulaw for each in record.said]):
        if piece.answer is None:
            continue  # it died away
        said = record.said[piece.answer]
        last = found[-1] if found else None
        if last and last.said is said and not last.is_whole:  # after a pause
            last.parts.append(piece)
        else:
            found.append(Rendition(said, [piece]))
    return found


def sounding(heard: Sequence[Rendition]) -> list[tuple[float, float]]:
    """When the bot was heard to speak, pauses between its words included."""
    spans: list[tuple[float, float]] = []
    for part in (part for each in heard for part in each.parts):
        if spans and part.at_s - spans[-1][1] < HOLE_S:
            spans[-1] = spans[-1][0], part.end_s
        else:
            spans.append((part.at_s, part.end_s))
    return spans
