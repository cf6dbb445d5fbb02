"""What each step costs: real code, on the sound of a call."""

from voicebot.bench.steps import Clock, best_of, measure_steps

STEPS = {
    "from Twilio",
    "voice detection",
    "bridge",
    "8 to 24 kHz",
    "to StepFun",
    "from StepFun",
    "24 to 8 kHz",
    "to Twilio",
    "recording",
    "neural detector",
}


def test_every_step_costs_something_and_none_a_core() -> None:
    spent = measure_steps()
    assert spent.keys() == STEPS
    assert all(0 < ms < 100 for ms in spent.values())


def test_the_best_round_of_each_step_counts() -> None:
    rounds = iter([{"a": 3.0, "b": 1.0}, {"a": 2.0, "b": 4.0}])
    assert best_of(2, lambda: next(rounds)) == {"a": 2.0, "b": 1.0}


def test_looking_at_the_clock_isnt_counted() -> None:
    clock = Clock()
    for _ in range(1000):
        with clock.of("nothing"):
            pass
    assert clock.ms("nothing") < 0.01
