"""Whether one model is better than another on the same texts, or only luckier.

Reads:   what both predicted of each text
Gives:   an exact test, and the difference of each figure with its interval
Never:   compares figures of different texts
"""

import math
from collections.abc import Mapping

import msgspec

from sentire.evaluation.metrics import CountMetric, Interval, Outcomes, measure_difference

LEVEL = 0.05
"""Significance level of the verdict."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two models on one set."""

    both_right: int
    only_this: int
    """Texts that only this model gets right."""
    only_other: int
    both_wrong: int
    p_value: float
    """Of McNemar's exact test, two-sided."""
    verdict: str
    """``better``, ``worse`` or ``no difference shown``, at the 5 % level."""
    differences: dict[str, Interval]
    """Figure of this model minus that of the other."""


def compare(ours: Outcomes, other: Outcomes, metrics: Mapping[str, CountMetric]) -> Comparison:
    """Compare two models on the same texts, in the same order.

    Parameters
    ----------
    ours : Outcomes
    other : Outcomes
        Of the same texts in the same order.
    metrics : mapping of str to function
        By name, what computes a figure from counts.
    """
    only_this = int((ours.right & ~other.right).sum())
    only_other = int((~ours.right & other.right).sum())
    p_value = mcnemar(only_this, only_other)
    verdict = "better" if only_this > only_other else "worse"
    return Comparison(
        both_right=int((ours.right & other.right).sum()),
        only_this=only_this,
        only_other=only_other,
        both_wrong=int((~ours.right & ~other.right).sum()),
        p_value=p_value,
        verdict=verdict if p_value < LEVEL else "no difference shown",
        differences=measure_difference(ours, other, metrics),
    )


def mcnemar(only_this: int, only_other: int) -> float:
    """Two-sided p-value of McNemar's exact test.

    Texts that both models get right or wrong say nothing; were the models equally good, each of
    the others would be a toss of a coin.

    References
    ----------
    McNemar, Psychometrika 12, 1947; the exact form is a binomial test.

    Examples
    --------
    >>> round(mcnemar(1, 5), 5), mcnemar(3, 3)
    (0.21875, 1.0)
    """
    n = only_this + only_other
    all_logs = math.lgamma(n + 1) - n * math.log(2)
    tail = math.fsum(
        math.exp(all_logs - math.lgamma(i + 1) - math.lgamma(n - i + 1))
        for i in range(min(only_this, only_other) + 1)
    )
    return min(1.0, 2 * tail)
