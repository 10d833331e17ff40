"""How right a model is, and how sure we may be of that.

Reads:   gold labels and predicted labels, as integer arrays
Gives:   a figure and its confidence interval
Never:   loads data or runs a model
"""

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Metric = Callable[[Labels, Labels], float]


class Interval(msgspec.Struct, frozen=True):
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float


def accuracy(gold: Labels, predicted: Labels) -> float:
    """Share of right labels, 0 to 1.

    Parameters
    ----------
    gold, predicted : int64 arrays of shape (n_texts,)
    """
    return float((gold == predicted).mean())


def macro_recall(gold: Labels, predicted: Labels) -> float:
    """Mean over the gold classes of the share that was found; TweetEval's figure."""
    return float(np.mean([(predicted[gold == label] == label).mean() for label in np.unique(gold)]))


def macro_f1(gold: Labels, predicted: Labels) -> float:
    """Mean F1 of the gold classes."""
    scores = []
    for label in np.unique(gold):
        right = int(((gold == label) & (predicted == label)).sum())
        scores.append(2 * right / (int((gold == label).sum()) + int((predicted == label).sum())))
    return float(np.mean(scores))


def bootstrap(
    metric: Metric, gold: Labels, predicted: Labels, *, n_samples: int = 1000, seed: int = 7
) -> Interval:
    """A metric with its percentile bootstrap interval.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(n_samples):
        drawn = generator.integers(0, len(gold), len(gold))
        values.append(metric(gold[drawn], predicted[drawn]))
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(metric(gold, predicted), float(low), float(high))
