"""Where the marks of the plots lie. The template draws them as SVG.

Reads:   bins of a reliability plot, and confusion matrices
Gives:   coordinates, in units of the drawing
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from sentire.evaluation.calibration import Bin

SIZE = 200
"""Side of a reliability plot."""
CELL = 64
"""Side of a cell of a confusion matrix."""
_LARGEST, _SMALLEST = 9.0, 2.5


class PlotPoint(NamedTuple):
    """A bin: how sure the model was, and how often it was right."""

    x: float
    y: float
    radius: float
    """Its area grows with the number of texts."""
    bin: Bin


class Cell(NamedTuple):
    """Texts of one label that were predicted as another, or the same."""

    x: int
    y: int
    n: float
    share: float
    """Of the texts of its row, 0 to 1."""
    right: bool


def reliability_points(bins: Sequence[Bin]) -> list[PlotPoint]:
    """Points from left to right; on the diagonal a score means what it says."""
    most = max(b.n for b in bins)
    return [
        PlotPoint(
            x=round(SIZE * b.confidence, 1),
            y=round(SIZE * (1 - b.accuracy), 1),
            radius=round(max(_SMALLEST, _LARGEST * math.sqrt(b.n / most)), 1),
            bin=b,
        )
        for b in bins
    ]


def confusion_cells(matrix: Sequence[Sequence[float]]) -> list[Cell]:
    """Cells row by row."""
    return [
        Cell(
            x=CELL * column,
            y=CELL * row,
            n=n,
            share=n / sum(values) if sum(values) else 0.0,
            right=row == column,
        )
        for row, values in enumerate(matrix)
        for column, n in enumerate(values)
    ]
