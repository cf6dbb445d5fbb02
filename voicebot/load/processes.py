"""What the server's processes use, from /proc: nothing is known without Linux."""

import os
import time
from pathlib import Path
from typing import Final

from voicebot.load.figures import Sample

PROC: Final = Path("/proc")


def sample(pid: int) -> Sample | None:
    """Measure a process and all that it started; None if that can't be known."""
    pids = _family(pid)
    try:
        found = [_one(each) for each in pids]
    except (
        OSError,
        ValueError,
        IndexError,
    ):  # it ended meanwhile, or there is no /proc
        return None
    if not found:
        return None
    return Sample(
        time.monotonic(),
        sum(each.cpu_s for each in found),
        sum(each.rss_bytes for each in found),
        sum(each.descriptors for each in found),
        sum(each.threads for each in found),
        len(found),
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


def _one(pid: int) -> Sample:
    stat = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    # Fields 14, 15 (CPU in ticks), 20 (threads), 24 (resident pages): proc(5).
    cpu_s = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    rss_bytes = int(stat[21]) * os.sysconf("SC_PAGE_SIZE")
    descriptors = len(os.listdir(PROC / str(pid) / "fd"))
    return Sample(0.0, cpu_s, rss_bytes, descriptors, int(stat[17]))
