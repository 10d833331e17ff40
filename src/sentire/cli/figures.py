"""An evaluation as short tables on a terminal."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentire.evaluation.metrics import Interval
from sentire.evaluation.page.render import capability_grid, figure, interval, percent
from sentire.evaluation.results import BehaviourResult, Report, SetResult

_STYLES = {"better": "green", "worse": "red"}


def print_report(report: Report) -> None:
    """Print figures, comparison, weak parts and behaviour; the page and the JSON hold the rest."""
    console = Console(highlight=False)
    model = report.model
    console.print(Text(f"{model.name} {model.version}, {report.engine}", style="bold"))
    if report.sets:
        _figures(console, report.sets)
        if report.against is not None:
            other = f"{report.against.name} {report.against.version}"
            _comparison(console, report.sets, other)
        _weak_parts(console, report.sets)
        _remarks(console, report.sets)
    if report.behaviour is not None:
        _behaviour(console, report.behaviour, report.behaviour_against)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="left" if at == 0 else "right", no_wrap=at > 0)
    return table


def _figures(console: Console, sets: list[SetResult]) -> None:
    table = _table("data, %", "texts", "accuracy", "macro-F1", "recall", "MCC", "ECE")
    for s in sets:
        table.add_row(
            Text(s.data if s.head == "polarity" else f"{s.data}, {s.head}"),
            f"{s.n:,}",
            _short(s.figures["accuracy"]),
            _short(s.figures["macro_f1"]),
            percent(s.figures["macro_recall"].value),
            percent(s.figures["mcc"].value) if "mcc" in s.figures else "",
            percent(s.calibration[0].error),
        )
    console.print(table)


def _short(value: Interval) -> str:
    return f"{percent(value.value)} {percent(value.low)}-{percent(value.high)}"


def _comparison(console: Console, sets: list[SetResult], other: str) -> None:
    console.print(Text(f"\nagainst {other}, in points", style="bold"))
    table = _table("data", "accuracy", "macro-F1", "p", "verdict")
    for s in sets:
        if s.comparison is not None:
            c = s.comparison
            table.add_row(
                Text(s.data),
                figure(c.differences["accuracy"], signed=True),
                f"{100 * c.differences['macro_f1'].value:+.1f}",
                f"{c.p_value:.2g}",
                Text(c.verdict, style=_STYLES.get(c.verdict, "dim")),
            )
    console.print(table)


def _weak_parts(console: Console, sets: list[SetResult]) -> None:
    """Parts of which the whole interval lies below the accuracy of their set."""
    weak = [(s.data, p) for s in sets for p in s.parts if p.verdict == "lower"]
    if not weak:
        return
    console.print(Text("\nless right than on the rest of the set", style="bold"))
    table = _table("data", "part", "texts", "accuracy")
    for data, part in weak:
        table.add_row(
            Text(data),
            Text(f"{part.dimension}: {part.name}"),
            f"{part.n:,}",
            f"{percent(part.accuracy.value)} ({interval(part.accuracy)})",
        )
    console.print(table)


def _remarks(console: Console, sets: list[SetResult]) -> None:
    for s in sets:
        remarks = [f"{n:,} not scored ({code})" for code, n in s.reading.unscored.items()]
        if s.n_dropped:
            remarks.append(f"{s.n_dropped:,} rows without text or label left out")
        if s.missing:
            remarks.append(f"the model has no {', '.join(s.missing)}")
        if s.several_hold:
            remarks.append("several labels may hold")
        if remarks:
            console.print(Text(f"{s.data}: {'; '.join(remarks)}", style="dim"))


def _behaviour(console: Console, result: BehaviourResult, other: BehaviourResult | None) -> None:
    heading = f"\nbehaviour: {result.passed} of {result.n} checks passed"
    heading += f"; {other.passed} by the other model" if other is not None else ""
    console.print(Text(heading, style="bold"))
    table = _table("capability", "zh", "en")
    for name, languages in capability_grid(result).items():
        cells = [languages.get(code) for code in ("zh", "en")]
        table.add_row(name, *("" if c is None else f"{c[0]} of {c[1]}" for c in cells))
    console.print(table)
    shown = {(f.capability, f.language): f for f in reversed(result.failures)}.values()
    for failure in reversed(shown):
        line = Text(f"{failure.capability}: ", style="dim")
        line.append(" -> ".join(failure.texts), style="not dim")
        line.append(f"  {failure.predicted}; expected {failure.expected}")
        console.print(line)
    n_more = len(result.failures) - len(shown)
    if n_more > 0:
        more = f"and {n_more} more; --json and --html list all of them"
        console.print(Text(more, style="dim"))
