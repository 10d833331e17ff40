"""Figures of a whole set from counts of its texts, and their confidence intervals.

One form for two kinds of sets: where one label holds, and where several may. A text is described by
the labels that hold, the labels that it predicted, and whether its first answer was right.

Reads:   boolean arrays over texts and labels
Gives:   accuracy, macro-F1, macro recall, MCC, figures of each label, and 95 % intervals
Never:   loops over texts; a bootstrap sample is a count of each kind of text
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from sentire.arrays import Float64Array

Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]

N_SAMPLES = 2000
"""Bootstrap samples: the ends of an interval settle to about a twentieth of its width."""
_SEED = 7
_LOW, _HIGH = 2.5, 97.5


class Interval(msgspec.Struct, frozen=True):
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float


class Outcomes(NamedTuple):
    """What was true of each text, and what the model predicted."""

    gold: Flags
    """Shape (n_texts, n_labels): the labels that hold."""
    predicted: Flags
    """Shape (n_texts, n_labels): the predicted labels; one, unless several may hold."""
    right: Flags
    """Shape (n_texts,): whether the most probable label is one that holds."""

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.right)


class OutcomeCounts(NamedTuple):
    """Numbers of texts, of one set or along a first axis of many samples."""

    n: Float64Array
    right: Float64Array
    gold: Float64Array
    """Shape (..., n_labels)."""
    predicted: Float64Array
    both: Float64Array
    """Texts of which a label holds and was predicted."""


CountMetric = Callable[[OutcomeCounts], Float64Array]


def accuracy_of(counts: OutcomeCounts) -> Float64Array:
    """Share of texts whose most probable label holds."""
    return counts.right / counts.n


def recalls(counts: OutcomeCounts) -> Float64Array:
    """Share of the texts of each label that was found; 0 for a label without texts."""
    return _ratio(counts.both, counts.gold)


def precisions(counts: OutcomeCounts) -> Float64Array:
    """Share of the times a label was predicted that it held; 0 for one that never was."""
    return _ratio(counts.both, counts.predicted)


def f1s(counts: OutcomeCounts) -> Float64Array:
    """Harmonic mean of precision and recall of each label."""
    return _ratio(2 * counts.both, counts.gold + counts.predicted)


def macro_recall_of(counts: OutcomeCounts) -> Float64Array:
    """Mean recall over the labels that hold somewhere; TweetEval's figure."""
    return _mean_of_present(recalls(counts), counts)


def macro_f1_of(counts: OutcomeCounts) -> Float64Array:
    """Mean F1 over the labels that hold somewhere."""
    return _mean_of_present(f1s(counts), counts)


def mcc_of(counts: OutcomeCounts) -> Float64Array:
    """Matthews correlation of several classes, -1 to 1; 0 where it is not defined.

    For sets in which one label holds for each text.

    References
    ----------
    Gorodkin, Computational Biology and Chemistry 28, 2004: the K-category correlation.
    """
    n, gold, predicted = counts.n, counts.gold, counts.predicted
    above = counts.both.sum(-1) * n - (gold * predicted).sum(-1)
    below = np.sqrt((n**2 - (gold**2).sum(-1)) * (n**2 - (predicted**2).sum(-1)))
    return _ratio(above, below)


METRICS: Mapping[str, CountMetric] = {
    "accuracy": accuracy_of,
    "macro_f1": macro_f1_of,
    "macro_recall": macro_recall_of,
    "mcc": mcc_of,
}


def count(outcomes: Outcomes) -> OutcomeCounts:
    """Counts of one set."""
    return _weighted(np.ones((1, len(outcomes))), outcomes, first=True)


def measure(
    outcomes: Outcomes, metrics: Mapping[str, CountMetric], *, n_samples: int = N_SAMPLES
) -> dict[str, Interval]:
    """Each metric with its percentile bootstrap interval.

    Parameters
    ----------
    outcomes : Outcomes
    metrics : mapping of str to function
        By name, what computes a figure from counts.
    n_samples : int
        Bootstrap samples; more make the interval steadier.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    whole = count(outcomes)
    (kinds,), weights = _resample([outcomes], n_samples)
    samples = _weighted(weights, kinds)
    return {name: _interval(metric(whole), metric(samples)) for name, metric in metrics.items()}


def measure_difference(
    ours: Outcomes,
    other: Outcomes,
    metrics: Mapping[str, CountMetric],
    *,
    n_samples: int = N_SAMPLES,
) -> dict[str, Interval]:
    """Each metric of ours minus that of the other model on the same texts, paired.

    Every bootstrap sample holds the same texts for both models, so what makes a text hard for both
    is no noise in the difference.

    Parameters
    ----------
    ours : Outcomes
    other : Outcomes
        Of the same texts in the same order.
    metrics : mapping of str to function
        By name, what computes a figure from counts.
    n_samples : int
        Bootstrap samples; more make the interval steadier.
    """
    whole_ours, whole_other = count(ours), count(other)
    (kinds_ours, kinds_other), weights = _resample([ours, other], n_samples)
    drawn_ours, drawn_other = _weighted(weights, kinds_ours), _weighted(weights, kinds_other)
    return {
        name: _interval(
            metric(whole_ours) - metric(whole_other), metric(drawn_ours) - metric(drawn_other)
        )
        for name, metric in metrics.items()
    }


def wilson(n_right: int, n: int) -> Interval:
    """A share with its interval; unlike a bootstrap it stays honest for a handful of texts.

    References
    ----------
    Wilson, Journal of the American Statistical Association 22, 1927.
    """
    z = 1.959964
    share = n_right / n
    scale = 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / scale
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / scale
    return Interval(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def _resample(seen: list[Outcomes], n_samples: int) -> tuple[list[Outcomes], Float64Array]:
    """Kinds of texts, and how often each occurs in every sample.

    Drawing n texts with replacement draws n kinds of text with the kinds' shares: a multinomial
    over a few dozen kinds instead of n numbers for each sample.
    """
    n_texts = len(seen[0])
    parts = [part for o in seen for part in (o.gold, o.predicted, o.right[:, None])]
    _, first, n_each = np.unique(
        np.packbits(np.concatenate(parts, axis=1), axis=1),
        axis=0,
        return_index=True,
        return_counts=True,
    )
    drawn = np.random.default_rng(_SEED).multinomial(n_texts, n_each / n_texts, size=n_samples)
    return [Outcomes(*(part[first] for part in o)) for o in seen], drawn.astype(np.float64)


def _weighted(weights: Float64Array, outcomes: Outcomes, *, first: bool = False) -> OutcomeCounts:
    """Counts of samples in which row i of ``outcomes`` occurs ``weights[:, i]`` times."""
    gold, predicted, right = (part.astype(np.float64) for part in outcomes)
    counts = OutcomeCounts(
        weights.sum(axis=1),
        weights @ right,
        weights @ gold,
        weights @ predicted,
        weights @ (gold * predicted),
    )
    return OutcomeCounts(*(each[0] for each in counts)) if first else counts


def _interval(value: Float64Array, samples: Float64Array) -> Interval:
    low, high = np.percentile(samples, [_LOW, _HIGH])
    return Interval(float(value), float(low), float(high))


def _ratio(above: Float64Array, below: Float64Array) -> Float64Array:
    result: Float64Array = np.divide(above, below, out=np.zeros(np.shape(above)), where=below > 0)
    return result


def _mean_of_present(values: Float64Array, counts: OutcomeCounts) -> Float64Array:
    present = counts.gold > 0
    result: Float64Array = (values * present).sum(-1) / present.sum(-1)
    return result
