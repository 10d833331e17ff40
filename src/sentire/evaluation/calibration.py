"""Make a score mean what it says."""

import numpy as np
import numpy.typing as npt

from sentire.evaluation.metrics import Labels

Shares = npt.NDArray[np.float64]
_GRID = np.geomspace(0.5, 4.0, 141)


def fit_temperature(log_shares: Shares, gold: Labels) -> float:
    """Temperature that makes held-out labels most likely.

    Parameters
    ----------
    log_shares : float64 array of shape (n_texts, n_labels)
        Log-probabilities at temperature 1; minus infinity where a label is impossible.
    gold : int64 array of shape (n_texts,)

    Returns
    -------
    float between 0.5 and 4, to within 1.5 %

    References
    ----------
    Guo et al., ICML 2017, section 4.2.
    """
    losses = []
    for temperature in _GRID:
        scaled = log_shares / temperature
        peak = scaled.max(axis=1, keepdims=True)
        log_total = peak[:, 0] + np.log(np.exp(scaled - peak).sum(axis=1))
        losses.append(float((log_total - scaled[np.arange(len(gold)), gold]).mean()))
    return float(_GRID[int(np.argmin(losses))])


def expected_calibration_error(shares: Shares, gold: Labels, *, n_bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equally wide bins, weighted by their texts.

    Parameters
    ----------
    shares : float64 array of shape (n_texts, n_labels)
        Probabilities.

    References
    ----------
    Guo et al., ICML 2017, section 2.
    """
    confidence = shares.max(axis=1)
    right = shares.argmax(axis=1) == gold
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(sum(gaps))
