"""Make a score mean what it says, and see how far it does.

Reads:   probabilities and gold labels
Gives:   a temperature, the calibration error, and the bins of a reliability plot
Never:   changes a label
"""

import msgspec
import numpy as np
import numpy.typing as npt

from sentire.arrays import Probabilities
from sentire.evaluation.metrics import Labels

N_BINS = 15


class Bin(msgspec.Struct, frozen=True):
    """Texts whose confidence lies between two bounds."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean."""
    accuracy: float


def expected_calibration_error(
    probabilities: Probabilities, gold: Labels, *, n_bins: int = N_BINS
) -> float:
    """Mean gap between confidence and accuracy over equally wide bins, weighted by their texts.

    Parameters
    ----------
    probabilities : float64 array of shape (n_texts, n_labels)
        Rows sum to 1.
    gold : int array of shape (n_texts,)
        Positions of the right labels.
    n_bins : int
        Bins between 0 and 1, at least 1.

    References
    ----------
    Guo et al., ICML 2017, section 2.
    """
    return calibration_error(
        reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == gold, n_bins=n_bins)
    )


def reliability(
    confidence: Probabilities, right: npt.NDArray[np.bool_], *, n_bins: int = N_BINS
) -> list[Bin]:
    """Confidence and accuracy in equally wide bins, those without texts left out.

    Parameters
    ----------
    confidence : float64 array of shape (n_texts,)
        Probability of the predicted label, 0 to 1.
    right : bool array of shape (n_texts,)
    n_bins : int
        Bins between 0 and 1, at least 1.
    """
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    found = []
    for at in np.unique(bins):
        inside = bins == at
        found.append(
            Bin(
                low=float(at / n_bins),
                high=float((at + 1) / n_bins),
                n=int(inside.sum()),
                confidence=float(confidence[inside].mean()),
                accuracy=float(right[inside].mean()),
            )
        )
    return found


def calibration_error(bins: list[Bin]) -> float:
    """Mean gap of the bins, weighted by their texts, 0 to 1."""
    n = sum(b.n for b in bins)
    return sum(abs(b.accuracy - b.confidence) * b.n for b in bins) / n
