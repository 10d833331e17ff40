"""The work of ``sentire models diff``: two models side by side, in lines for people."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from sentire.cli.tables import aligned
from sentire.jobs.comparison import (
    ComparedAnswers,
    ComparedFigure,
    ComparedModel,
    ModelComparison,
    compare_models,
)
from sentire.jobs.sources import read_texts

_SHOWN = 20
"""Sentences that are printed; JSON holds all."""


def diff(a: str, b: str, *, texts: Path | None, engine: str, as_json: bool) -> None:
    """Compare two models and print what differs.

    Parameters
    ----------
    a, b : models
    texts : Path, optional
        File with what to ask both.
    engine : what runs them
    as_json : whether to print one JSON object
    """
    given = [] if texts is None else read_texts(texts)
    compared = compare_models(a, b, texts=given, engine=engine)
    if as_json:
        click.echo(msgspec.json.encode(compared).decode())
        return
    for line in _lines(compared):
        click.echo(line)


def _lines(compared: ModelComparison) -> Iterator[str]:
    a, b = compared.a, compared.b
    yield f"A  {a.name} {a.version}  {a.digest[:19]}"
    yield f"B  {b.name} {b.version}  {b.digest[:19]}"
    yield ""
    yield from _differences(a, b)
    if compared.figures:
        yield ""
        rows = [("data, %", "figure", "A", "B", "points"), *map(_row, compared.figures)]
        yield from aligned(rows)
    yield ""
    yield from _answers(compared.answers)


def _differences(a: ComparedModel, b: ComparedModel) -> Iterator[str]:
    for head in dict.fromkeys([*a.labels, *b.labels]):
        left, right = (" ".join(each.labels.get(head, ["none"])) for each in (a, b))
        yield f"{head}: {_change(left, right)}"
    yield f"languages: {_change(' '.join(a.languages), ' '.join(b.languages))}"
    yield f"tokens: {_change(str(a.tokens), str(b.tokens))}"
    yield f"size: {a.bytes / 1e6:.1f} MB -> {b.bytes / 1e6:.1f} MB"


def _change(left: str, right: str) -> str:
    return left if left == right else f"{left} -> {right}"


def _row(figure: ComparedFigure) -> tuple[str, ...]:
    a, b = figure.a, figure.b
    points = "" if a is None or b is None else f"{100 * (b - a):+.1f}"
    values = ("" if value is None else f"{100 * value:.1f}" for value in (a, b))
    return (f"{figure.data}, {figure.split}", figure.metric, *values, points)


def _answers(answers: ComparedAnswers) -> Iterator[str]:
    yield f"{answers.differ} of {answers.texts} sentences get another label"
    for each in answers.disagreements[:_SHOWN]:
        text = "".join(c if c.isprintable() else " " for c in each.text)[:200]
        said = (f"{one.label} {one.score:.2f}" for one in (each.a, each.b))
        yield f"  {' -> '.join(said)}  {text}"
    n_more = len(answers.disagreements) - _SHOWN
    if n_more > 0:
        yield f"  and {n_more} more; --json lists all"
