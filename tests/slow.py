"""
What takes minutes: a soak, workers that are replaced under load, more calls than room.

    python -m tests.slow [soak restarts overload] [--minutes 5]

Each is a run of `voicebot load`, of which here is judged what no busy machine can
break. How fast it is all the same is for a machine of its own: see docs/load.md.
"""

import argparse
import json
import subprocess
import sys
from typing import Final

LEFT: Final = frozenset(
    f"{what} left behind" for what in ("descriptors", "threads", "tasks", "processes")
)
SOUND: Final = LEFT | {
    "calls set up",
    "wrong endings",
    "heard of another call",
    "heard of an answer before",
    "repeated of answers",
    "Twilio's warnings",
}
ROOM: Final = frozenset(
    {
        "calls at once",
        "calls at once, no more",
        "told that there is no room, p99",
    }
)
RUNS: Final = {
    "soak": ("--calls 20", SOUND | {"memory grew in the second half"}),
    "restarts": (
        "--calls 15 --workers 2 --renew-every 30",
        SOUND | {"workers replaced"},
    ),
    "overload": ("--calls 30 --room 20", SOUND | ROOM),
}


def run(name: str, minutes: float) -> bool:
    """Make one run, print what was judged, and say whether it holds."""
    words, must_hold = RUNS[name]
    print(f"voicebot load {words} --minutes {minutes:g}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "voicebot", "load", *words.split()]
        + ["--minutes", f"{minutes:g}", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if not done.stdout:  # it said why on standard error
        return False
    figures = json.loads(done.stdout)
    found = {each["name"]: each for each in figures["verdicts"]}
    for name in sorted(must_hold):
        each = found[name]
        told = "ok" if each["holds"] else "BROKEN"
        print(f"{told:<7}{name:<34}{each['value']} {each['unit']}")
    late = 100 * figures["late_share"]
    print(f"       {figures['calls']} calls; {late:.1f} % of callers' frames late\n")
    return all(found[name]["holds"] for name in must_hold)


def main() -> None:
    """Run what is asked for, all by default; exit code 1 if something doesn't hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", help=", ".join(RUNS))
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    held = [run(name, asked.minutes) for name in asked.runs or RUNS]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
