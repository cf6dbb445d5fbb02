"""The turns of a call's record, without what is private in them."""

from dataclasses import replace

from voicebot.store.muting import BOT, CALLER, Mute, shares
from voicebot.store.records import Private, Turn
from voicebot.store.redaction import Policy, Redacted, Redactor, masked


class PrivateTurns:
    """
    Takes the turns of one call, and returns what of them may be written down.

    A row that is returned replaces the one with its `seq`; what was returned first is
    private enough, if no other ever comes.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._redactor = Redactor(policy)
        self._rows: dict[int, Turn] = {}
        self._mutes: dict[int, Mute] = {}
        self._told: dict[int, Mute] = {}  # of them, as `news` has returned them

    def turn(self, row: Turn) -> tuple[Turn, ...]:
        """Take a turn, or what has become known of it; return what is to be written."""
        if not self._policy.words:
            return (replace(row, generated_text="", heard_text=""),)
        self._rows[row.seq] = row
        found = self._written(self._redactor.turn(row.seq, row.who, row.generated_text))
        for seq in [seq for seq in self._rows if seq < self._redactor.oldest]:
            del self._rows[seq]
        return found

    def know(self, name: str, value: str) -> tuple[Turn, ...]:
        """A sensitive variable has a value; return turns that are to be rewritten."""
        return self._written(self._redactor.know(name, value))

    def finish(self) -> tuple[Turn, ...]:
        """The call is over; return turns that are to be rewritten."""
        return self._written(self._redactor.finish())

    def news(self, call_id: str) -> tuple[Private, ...]:
        """Return what has changed of `mutes` since this was asked last."""
        seqs = sorted(self._mutes.keys() | self._told.keys())
        changed = [x for x in seqs if self._mutes.get(x) != self._told.get(x)]
        found = tuple(_noted(call_id, x, self._mutes.get(x)) for x in changed)
        self._told = dict(self._mutes)
        return found

    @property
    def mutes(self) -> tuple[Mute, ...]:
        """What is to be silenced in the recording, as far as it is known."""
        return tuple(mute for _, mute in sorted(self._mutes.items()))

    def _written(self, found: tuple[Redacted, ...]) -> tuple[Turn, ...]:
        return tuple(self._row(each) for each in found)

    def _row(self, redacted: Redacted) -> Turn:
        row = self._rows[redacted.seq]
        self._note_mute(row, redacted)
        heard = masked(row.heard_text, redacted.spans)
        if not row.generated_text.startswith(row.heard_text):
            heard = self._redactor.alone(row.seq, row.heard_text).text
        return replace(row, generated_text=redacted.text, heard_text=heard)

    def _note_mute(self, row: Turn, redacted: Redacted) -> None:
        places = [(span.start, span.end) for span in redacted.spans]
        said = shares(row.generated_text, places)
        if not said:
            self._mutes.pop(row.seq, None)
            return
        channel = CALLER if row.who == "caller" else BOT
        ended_ms = row.started_ms + (row.generated_ms or 0)
        self._mutes[row.seq] = Mute(
            channel, row.started_ms, max(row.ended_ms, ended_ms), said
        )


def _noted(call_id: str, seq: int, mute: Mute | None) -> Private:
    if mute is None:  # it turned out to be harmless
        return Private(call_id, seq, CALLER, 0, 0, [])
    said = [[share.start, share.end] for share in mute.shares]
    return Private(call_id, seq, mute.channel, mute.started_ms, mute.ended_ms, said)
