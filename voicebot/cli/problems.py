"""What is wrong with a dialplan, for programs."""

from voicebot.errors import DialplanError


def as_json(error: DialplanError) -> list[dict[str, str | int]]:
    """Return its mistakes, one object each."""
    from voicebot.dialplan.source import Problem

    return [
        {
            "file": str(problem.path),
            "line": problem.line,
            "column": problem.column,
            "key": problem.key,
            "message": problem.message,
        }
        for problem in error.problems
        if isinstance(problem, Problem)
    ]


def print_problems(error: DialplanError) -> None:
    """Print the object that says that nothing could be done, and why."""
    from json import dumps

    report = {"ok": False, "problems": as_json(error)}
    print(dumps(report, ensure_ascii=False, indent=2))
