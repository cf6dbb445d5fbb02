"""The measurement's report, for a person."""

from typing import Final

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from voicebot.measure.judge import Row
from voicebot.measure.run import Report
from voicebot.measure.verdicts import Verdict

FIGURES: Final = """\
yields       share of real interruptions after which the bot was silent at the ear
             within 2 s of the caller's onset, until the caller was done, and did not
             take up the same answer again
stops after  from the onset of the caller's energy on the line to the last that the ear
             got of the bot; the carrier's delay is not counted
false stops  share of calls without an interruption in which the bot's voice had a
             silence of 250 ms or more that the answer has not, or never went on
resumed      of these: went on without losing a word (never heard in one piece; up to
             80 ms at its end may follow after the silence, up to 80 ms at its beginning
             may have come before) or repeating one (heard to its end, unfaded, twice)
clipped      calls in which the model got no audio of the caller's first sounds
reply        from the caller's last sound to the answer at the ear, less the time that
             the model took to begin it
talks over   share of the caller's turns into which the bot spoke
heard off    |milliseconds in the call log - heard at the ear| of a cut answer, at most\
"""


def show(report: Report, console: Console) -> None:
    """Print the tables and what must hold."""
    console.print(Group(_table(report.rows), Text(), _verdicts(report.verdicts)))
    network = report.network
    if report.storm_seed is not None:
        again = f"voicebot measure interleavings --count 1 --seed {report.storm_seed}"
        console.print(Text(f"\nstale frames again: {again}", style="red"))
    console.print(Text())
    console.print(Text(FIGURES, style="dim"))
    console.print(
        Text(
            f"\n{len(report.results)} calls, corpus version {report.corpus}. "
            f"Simulated: Twilio {network.twilio_ms:g} to "
            f"{network.twilio_ms + network.jitter_ms:g} ms away and StepFun "
            f"{network.model_ms:g} ms, each way; the carrier adds "
            f"{network.carrier_ms:g} ms to the ear, not counted. Caller at -26 dBov, "
            "bot at -20. Every second call has StepFun's measured timing "
            "(Mood.real), the others its quickest (Mood.kind). What is said is "
            "understood as the corpus has it, as far as the model got its audio; "
            "echo above -46 dBov as the bot's words; all else as no words.",
            style="dim",
        )
    )


def _table(rows: tuple[Row, ...]) -> Table:
    table = Table(box=None)
    table.add_column("condition")
    table.add_column("owner")
    table.add_column("neural")
    for name in (
        *("calls", "yields", "stops after", "p95", "false stops", "resumed"),
        *("lost", "rep.", "clipped", "reply", "p95", "talks over", "heard off"),
    ):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.name,
            row.owner,
            _on(row.neural),
            str(row.calls),
            _share(row.yielded, row.interruptions),
            _ms(row.latency_p50_ms),
            _ms(row.latency_p95_ms),
            _share(row.false_stops, row.distractors),
            _share(row.resumed),
            _count(row.lost),
            _count(row.repeated),
            _count(row.clipped),
            _ms(row.reply_p50_ms),
            _ms(row.reply_p95_ms),
            _share(row.spoke_over),
            _ms(row.heard_error_max_ms),
        )
    return table


def _verdicts(verdicts: tuple[Verdict, ...]) -> Table:
    table = Table(box=None)
    for name in ("must hold", "owner", "neural", "", "limit", "calls", ""):
        right = name in ("", "limit", "calls")
        table.add_column(name, justify="right" if right else "left")
    for verdict in verdicts:
        sign = "≥" if verdict.at_least else "≤"
        table.add_row(
            verdict.name,
            verdict.owner,
            _on(verdict.neural),
            "–" if verdict.value is None else f"{verdict.value:.1f} {verdict.unit}",
            f"{sign} {verdict.limit:g} {verdict.unit}",
            str(verdict.calls),
            _mark(verdict.ok),
        )
    return table


def _mark(ok: bool | None) -> Text:
    if ok is None:
        return Text("not measured", style="dim")
    return Text("holds", style="green") if ok else Text("does not hold", style="red")


def _on(neural: bool) -> str:
    return "on" if neural else "off"


def _share(part: float | None, of: int | None = None) -> str:
    if part is None:
        return ""
    return f"{100 * part:.0f} %" if of is None else f"{100 * part:.0f} % of {of}"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _count(number: int) -> str:
    return str(number) if number else ""
