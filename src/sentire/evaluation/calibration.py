"""See how far a score means what it says.

Reads:   the probability of each predicted label, and which labels were right
Gives:   the expected calibration error, and the bins of a reliability plot
Never:   changes a probability; ``export/temperature.py`` does
"""

import msgspec
import numpy as np
import numpy.typing as npt

from sentire.arrays import Probabilities

N_BINS = 15


class Bin(msgspec.Struct, frozen=True):
    """Texts whose confidence lies between two bounds."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean."""
    accuracy: float


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
    """Expected calibration error, 0 to 1: the mean gap of the bins, weighted by their texts.

    Parameters
    ----------
    bins : list of Bin
        At least one.

    References
    ----------
    Guo et al., ICML 2017, section 2.
    """
    n = sum(b.n for b in bins)
    return sum(abs(b.accuracy - b.confidence) * b.n for b in bins) / n
