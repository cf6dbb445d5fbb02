"""The offline StepFun: a second, independent reading of StepFun's documents."""

from voicebot.sim.stepfun.mind import Call, Mind, Reply, Utterance
from voicebot.sim.stepfun.mood import At, Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun, Statistics
from voicebot.sim.stepfun.session import Drop, OfflineSession
from voicebot.sim.stepfun.talking import TalkingMind

__all__ = [
    "At",
    "Call",
    "Drop",
    "Line",
    "Mind",
    "Mood",
    "OfflineSession",
    "OfflineStepFun",
    "Reply",
    "Scenario",
    "ScriptedMind",
    "Statistics",
    "TalkingMind",
    "Utterance",
]
