"""
What a server must survive, tried on real processes: `python -m tests.crash.kills` kills
one again and again, `python -m tests.crash.faults` takes its disks and databases away.

The server is a process of its own. What it takes down, and what it believes to be on
disk, it tells a witness outside before anybody else hears of it.
"""
