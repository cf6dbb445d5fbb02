"""Plays scripts to the offline StepFun, under a clock that is a number."""

from random import Random

from voicebot.doctor.talk import Heard, Script
from voicebot.sim.stepfun import Mood, OfflineSession, Scenario, ScriptedMind
from voicebot.sim.stepfun.mind import Mind, think

NOW = 100.0


def play(
    script: Script[None], mood: Mood, mind: Mind | None = None, *, seed: int = 1
) -> float:
    """Play a script to its end; return how long that took, in seconds."""
    mind = mind or ScriptedMind(Scenario(()))
    session = OfflineSession(mood, random=Random(seed), now=NOW)
    now, frames = NOW, list[str]()
    try:
        step = next(script)
        while True:
            for frame in step.frames:
                session.receive(frame.decode(), now)
            while True:
                for question in session.questions():
                    session.thought(think(mind, question), now)
                frames += session.take(now)
                if frames or now >= step.until or session.close_due(now):
                    break
                now = min(step.until, max(session.next_deadline(), now))
            if frames:
                step = script.send(Heard(frames.pop(0).encode(), now))
            else:
                now = max(now, step.until)
                step = script.send(Heard(None, now))
    except StopIteration:
        return now - NOW
