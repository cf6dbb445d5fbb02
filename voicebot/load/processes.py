"""What the server's processes use, from /proc: nothing is known without Linux."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from voicebot.load.figures import Sample

PROC: Final = Path("/proc")

# It ended meanwhile, or there is no /proc.
GONE: Final = (OSError, ValueError, IndexError)


def sample(pid: int) -> Sample | None:
    """Measure a process and all that it started; None if that can't be known."""
    try:
        main, ended_s = _one(pid)
    except GONE:
        return None
    workers: dict[int, Sample] = {}
    for each in _family(pid)[1:]:
        with suppress(*GONE):  # one that was replaced ends
            workers[each] = _one(each)[0]
    found = [main, *workers.values()]
    return Sample(
        time.monotonic(),
        sum(each.cpu_s for each in found) + ended_s,
        sum(each.rss_bytes for each in found),
        sum(each.descriptors for each in found),
        sum(each.threads for each in found),
        len(found),
        {str(pid): each.cpu_s for pid, each in workers.items()},
    )


def _family(pid: int) -> list[int]:
    pids = [pid]
    for each in pids:  # grows while it is walked
        for task in (PROC / str(each) / "task").glob("*/children"):
            try:
                pids += map(int, task.read_text().split())
            except OSError:
                continue
    return pids


def _one(pid: int) -> tuple[Sample, float]:
    """Measure one process; and the CPU seconds of those that it started, and ended."""
    stat = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    # Fields 14, 15 (CPU in ticks), 16, 17 (that of children whose end was waited
    # for), 20 (threads), 24 (resident pages): proc(5).
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    cpu_s = (int(stat[11]) + int(stat[12])) * tick_s
    ended_s = (int(stat[13]) + int(stat[14])) * tick_s
    rss_bytes = int(stat[21]) * os.sysconf("SC_PAGE_SIZE")
    descriptors = len(os.listdir(PROC / str(pid) / "fd"))
    return Sample(0.0, cpu_s, rss_bytes, descriptors, int(stat[17])), ended_s
