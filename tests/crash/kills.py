"""
Kill a server under live calls, again and again, and see that nothing is lost.

    python -m tests.crash.kills --kills 300
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.trial import LATE_S, Plan, Seen, run
from tests.store.postgres import running_postgres


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that must hold, and what was seen of it."""

    what: str
    holds: bool
    figure: str

    def __str__(self) -> str:
        return f"{'ok' if self.holds else 'BROKEN':<7}{self.what:<42}{self.figure}"


def verdicts(seen: Seen) -> list[Verdict]:
    """Judge a trial."""
    late = [x for x in seen.cuts if x.lost_s > LATE_S]
    latest_s = max((x.lost_s for x in seen.cuts), default=0.0)
    calls = len({x.call_id for x in seen.noted})
    ended = (
        f"{seen.kills} servers under {min(seen.live, default=0)} or more live calls, "
        f"{seen.spilling} of them with a spill; {seen.boots} more as they started"
    )
    return [
        Verdict("killed (SIGKILL)", not seen.deaths, "; ".join([ended, *seen.deaths])),
        Verdict(
            "acknowledged events lost",
            seen.lost == 0,
            f"{seen.lost} of {seen.acknowledged}",
        ),
        Verdict(
            "calls lost whose webhook was answered",
            seen.unknown == 0,
            f"{seen.unknown} of {len(seen.promised)}",
        ),
        Verdict(
            "holes in what a server wrote",
            seen.holes == 0,
            f"{seen.holes} among {len(seen.noted)} events",
        ),
        Verdict(
            "duplicates of calls, events or ends",
            seen.twice + seen.surplus == 0,
            f"{seen.twice + seen.surplus} in {calls} calls",
        ),
        Verdict(
            "calls left open by the next server",
            seen.left_open == 0,
            f"{seen.left_open}, as soon as it took calls",
        ),
        Verdict(
            f"recordings that lack more than {LATE_S:g} s",
            not late,
            f"{len(late)} of {len(seen.cuts)}; at most {latest_s:.2f} s missing",
        ),
        Verdict(
            "recordings not kept, or not as they were",
            not seen.badly_kept,
            "; ".join([str(len(seen.badly_kept)), *seen.badly_kept[:3]]),
        ),
        Verdict(
            "integrity_check, foreign_key_check",
            not seen.damage,
            "; ".join(seen.damage[:3]) or "ok",
        ),
        Verdict(
            "rows that all events make otherwise",
            seen.changed_rows == 0,
            str(seen.changed_rows),
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--calls", type=int, default=20, help="live at each kill")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    wanted = parser.parse_args()
    # Threads of numpy's would be lost in a fork, and gain nothing here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    print(f"seed {wanted.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, _database(wanted.database) as url:
        plan = Plan(wanted.kills, wanted.calls, wanted.seed, url)
        seen = asyncio.run(run(plan, Path(folder), _progress))
        found = verdicts(seen)
        if not all(each.holds for each in found):
            print("".join(_complaints(Path(folder) / "server.log")), file=sys.stderr)
    _progress("")
    print("\n".join(map(str, found)))
    print(f"{seen.seconds:.0f} s, {seen.seconds / max(1, seen.kills):.2f} s a kill")
    sys.exit(not all(each.holds for each in found))


@contextmanager
def _database(kind: str) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
        return
    with running_postgres() as server:
        yield server.url()


def _complaints(log: Path) -> list[str]:
    """The last lines of a log that are worse than news."""
    with open(log, encoding="utf-8") as file:
        return [x for x in file if '"level": "info"' not in x][-20:]


def _progress(line: str) -> None:
    if sys.stdout.isatty():
        print(f"\r{line:<40}\r", end="", flush=True)


if __name__ == "__main__":
    main()
