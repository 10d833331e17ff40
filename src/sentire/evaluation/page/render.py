"""Write a report as one HTML page.

Reads:   a report
Gives:   HTML that loads nothing, runs nothing, and shows texts of strangers as text
Never:   lets a text become markup: every value is escaped, and the page's policy allows no script
"""

import base64
import hashlib
from pathlib import Path

from sentire.evaluation.metrics import Interval
from sentire.evaluation.page.plots import CELL, SIZE, confusion_cells, reliability_points
from sentire.evaluation.results import BehaviourResult, Report
from sentire.optional import import_extra

_FOLDER = Path(__file__).parent
_SHOWN_CHARACTERS = 600
"""Of a text on the page; the JSON holds all of it."""

METRIC_NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "macro_recall": "macro recall",
    "mcc": "MCC",
}
"""Metric -> what people call it."""


def check_page() -> None:
    """Make sure that a page can be written, before work is done for it.

    Raises
    ------
    MissingExtra
        Jinja is not installed.
    """
    import_extra("jinja2", extra="evaluation", purpose="the HTML report")


def render_page(report: Report) -> str:
    """The page of a report.

    Raises
    ------
    MissingExtra
        Jinja is not installed.
    """
    jinja = import_extra("jinja2", extra="evaluation", purpose="the HTML report")
    environment = jinja.Environment(
        loader=jinja.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "interval": interval,
        "figure": figure,
        "cut": _cut,
        "points": reliability_points,
        "cells": confusion_cells,
        "number": _number,
        "grid": capability_grid,
    }
    # Our own file, and the only markup that is not escaped.
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page: str = environment.get_template("report.html").render(
        report=report,
        style=style,
        style_digest=digest,
        metric_names=METRIC_NAMES,
        size=SIZE,
        cell=CELL,
    )
    return page


def percent(share: float) -> str:
    """A share as a percentage with one decimal."""
    return f"{100 * share:.1f}"


def interval(value: Interval, *, signed: bool = False) -> str:
    """Both ends, in per cent."""
    sign = "+" if signed else ""
    return f"{100 * value.low:{sign}.1f} to {100 * value.high:{sign}.1f}"


def figure(value: Interval, *, signed: bool = False) -> str:
    """A figure and its interval, in per cent."""
    sign = "+" if signed else ""
    return f"{100 * value.value:{sign}.1f} ({interval(value, signed=signed)})"


def capability_grid(result: BehaviourResult) -> dict[str, dict[str, tuple[int, int]]]:
    """Capability -> language -> checks passed and made."""
    grid: dict[str, dict[str, tuple[int, int]]] = {}
    for each in result.capabilities:
        grid.setdefault(each.capability, {})[each.language] = (each.passed, each.n)
    return grid


def _number(value: float) -> str:
    """A count; shares of a text have one decimal."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " …"
