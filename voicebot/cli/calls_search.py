"""`voicebot calls search`: what was said."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from voicebot.cli.call_log import Json, Numbers, masked_call, read_log
from voicebot.cli.calls_which import (
    Ended,
    Limit,
    MinDuration,
    Number,
    Persona,
    Since,
    Until,
    which_calls,
)
from voicebot.cli.output import print_json, print_out, seconds, stranger, table, when
from voicebot.errors import ConfigError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from rich.text import Text

AROUND: Final = 60  # letters before and after what was found


def search(
    words: Annotated[
        list[str],
        typer.Argument(
            help="Parts of what was said; more than one word in quotes is one part."
        ),
    ],
    limit: Limit = 20,
    since: Since = None,
    until: Until = None,
    persona: Persona = None,
    number: Number = None,
    end_reason: Ended = None,
    min_duration: MinDuration = None,
    numbers: Numbers = False,
    json: Json = False,
) -> None:
    """
    Find what was said, or left as a message, that has all of some words in it.

    In Chinese and English, within words too, in capitals or not; newest call first.
    """
    wanted = [word.strip() for word in words]
    if not all(wanted):
        raise ConfigError("WORDS: expected something to look for, got nothing")
    which = which_calls(since, until, persona, number, end_reason, min_duration)
    hits = read_log(lambda store: store.search(wanted, limit, which))
    if json:
        print_json(
            [
                {
                    "call": hit.call if numbers else masked_call(hit.call),
                    "who": hit.who,
                    "seq": hit.seq,
                    "at_ms": hit.at_ms,
                    "text": hit.text,
                }
                for hit in hits
            ]
        )
        return
    if not hits:
        print("nobody said that")
        return
    shown = table("when", "from", "call", "at", "who", "said")
    for hit in hits:
        call = hit.call if numbers else masked_call(hit.call)
        shown.add_row(
            when(call.started_at),
            stranger(call.from_number),
            stranger(call.call_id[:8]),
            "message" if hit.seq is None else seconds(hit.at_ms),
            hit.who,
            _excerpt(hit.text, wanted),
        )
    print_out(shown)
    if len(hits) == limit:
        print(f"there may be more: --limit {2 * limit}")


def _excerpt(text: str, words: list[str]) -> "Text":
    """Return what stands around the first word that is found, with all of them bold."""
    folded = text.casefold()
    places = [place for word in words if (place := folded.find(word.casefold())) >= 0]
    first = max(0, min(places, default=0) - AROUND)
    last = first + 2 * AROUND + len(words[0])
    before, after = "…" if first else "", "…" if last < len(text) else ""
    excerpt = stranger(f"{before}{text[first:last]}{after}")
    excerpt.highlight_words(words, "bold", case_sensitive=False)
    return excerpt
