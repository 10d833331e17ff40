"""Say whether INT8 lost too much.

Reads:   figures of the FP32 and the INT8 graph on the same texts
Gives:   what is lost, and which limits are broken
Never:   runs a model
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta


class GateLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much INT8 may lose. Points are hundredths of a figure such as accuracy."""

    language_points: Annotated[float, Meta(ge=0.0)] = 0.3
    """Of the mean over a language's development sets."""
    set_points: Annotated[float, Meta(ge=0.0)] = 0.8
    """On any one set."""
    shift: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.03
    """Without development sets: probability that may go to another label, on average."""
    changed: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.05
    """Without development sets: share of texts that may get another label."""
    most_kept: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    """Share of the layers that may stay in FP32; beyond it the file is no INT8 model any more."""


class Loss(NamedTuple):
    """What INT8 costs on the texts of one language in one set."""

    data: str
    head: str
    language: str
    metric: str
    n: int
    fp32: float
    int8: float

    @property
    def points(self) -> float:
        """Points lost; negative where INT8 is better."""
        return 100 * (self.fp32 - self.int8)


class Shift(NamedTuple):
    """How far the answers to unlabelled texts of one language moved."""

    head: str
    language: str
    n: int
    distance: float
    """Mean total variation distance of the probabilities, 0 to 1."""
    changed: float
    """Share of texts with another label."""


class GateVerdict(NamedTuple):
    """What was measured of one INT8 graph, and what of it is too much."""

    losses: list[Loss]
    shifts: list[Shift]
    broken: list[str]
    """A sentence for each limit that does not hold."""

    @property
    def holds(self) -> bool:
        """Whether every limit holds."""
        return not self.broken


def judge(losses: Sequence[Loss], shifts: Sequence[Shift], limits: GateLimits) -> GateVerdict:
    """Hold the losses against the limits; the shifts only where there are no losses.

    One text of each set may always change: 200 texts can't show less than half a point.

    Parameters
    ----------
    losses : sequence of Loss
        What INT8 costs on labelled sets.
    shifts : sequence of Shift
        How far it moved the answers to plain texts.
    limits : GateLimits

    Examples
    --------
    >>> loss = Loss("reviews", "polarity", "zh", "accuracy", 1000, fp32=0.90, int8=0.89)
    >>> judge([loss], [], GateLimits()).broken[0]
    'zh loses 1.00 points on average (at most 0.3)'
    """
    broken = []
    for language, points in mean_points(losses).items():
        one_text = np.mean([100 / loss.n for loss in losses if loss.language == language])
        limit = max(limits.language_points, float(one_text))
        if _over(points, limit):
            broken.append(f"{language} loses {points:.2f} points on average (at most {limit:.2g})")
    for loss in losses:
        limit = max(limits.set_points, 100 / loss.n)
        if _over(loss.points, limit):
            broken.append(
                f"{loss.data} ({loss.language}) loses {loss.points:.2f} points "
                f"(at most {limit:.2g})"
            )
    for shift in shifts if not losses else ():
        if shift.distance > limits.shift:
            broken.append(
                f"{shift.head} ({shift.language}) moves {shift.distance:.3f} of its probability "
                f"(at most {limits.shift:g})"
            )
        if shift.changed > limits.changed:
            broken.append(
                f"{shift.head} ({shift.language}) changes {shift.changed:.1%} of its labels "
                f"(at most {limits.changed:.0%})"
            )
    return GateVerdict(list(losses), list(shifts), broken)


def mean_points(losses: Sequence[Loss]) -> dict[str, float]:
    """Mean loss of each language, every set weighing the same."""
    languages = dict.fromkeys(loss.language for loss in losses)
    return {
        language: float(np.mean([loss.points for loss in losses if loss.language == language]))
        for language in languages
    }


def _over(points: float, limit: float) -> bool:
    """Whether a loss is above its limit by more than rounding."""
    return points > limit + 1e-9
