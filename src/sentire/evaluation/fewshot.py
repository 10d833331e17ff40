"""How well an embedding tells what texts are about, from a few examples of each category.

Reads:   vectors and the category of each
Gives:   the accuracy of a logistic regression, over several draws of the examples
Never:   tests on a text that it trained on
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sentire.errors import InputError
from sentire.evaluation.metrics import Interval
from sentire.optional import import_extra

Vectors = npt.NDArray[np.float32]

_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t at 97.5 %, for 1 to 9 degrees of freedom; beyond them 2.262 is on the wide side."""


def few_shot(
    embeddings: Vectors,
    categories: Sequence[str],
    *,
    n_each: int = 20,
    seeds: Sequence[int] = tuple(range(10)),
) -> Interval:
    """Mean accuracy of a logistic regression trained on a few texts of each category.

    Vectors are scaled to length 1, as they are compared by their cosine everywhere else.

    Parameters
    ----------
    embeddings : float32 array of shape (n_texts, dimensions)
    categories : n_texts names
    n_each : int
        Training texts of each category; all others are tested.
    seeds : of the draws, at least two

    Returns
    -------
    Interval
        Mean over the draws, and the 95 % interval of that mean (Student's t). It tells how far the
        choice of examples matters, not how many texts were tested.

    Raises
    ------
    InputError
        There are not as many categories as vectors, a vector is not finite, there is one category
        only, or one has no texts to test on.
    MissingExtra
        scikit-learn is not installed.
    """
    linear = import_extra(
        "sklearn.linear_model", extra="evaluation", purpose="the test of an embedding"
    )
    unit, codes = _checked(embeddings, categories, n_each)
    if len(seeds) < 2:
        raise InputError(f"{len(seeds)} seeds give no interval; give at least 2")
    values = []
    for seed in seeds:
        train = _drawn(codes, n_each, seed)
        model = linear.LogisticRegression(max_iter=2000, C=10.0)
        model.fit(unit[train], codes[train])
        values.append(float((model.predict(unit[~train]) == codes[~train]).mean()))
    mean = float(np.mean(values))
    t = _T_95[min(len(values) - 1, len(_T_95)) - 1]
    half = t * float(np.std(values, ddof=1)) / np.sqrt(len(values))
    return Interval(mean, max(0.0, float(mean - half)), min(1.0, float(mean + half)))


def _checked(
    embeddings: Vectors, categories: Sequence[str], n_each: int
) -> tuple[Vectors, npt.NDArray[np.int64]]:
    if embeddings.ndim != 2 or len(embeddings) != len(categories):
        raise InputError(
            f"embeddings of shape {embeddings.shape} and {len(categories)} categories don't fit; "
            "give one row and one category for each text"
        )
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        raise InputError("an embedding is not finite, or is zero")
    names, codes, n_texts = np.unique(
        np.asarray(categories, str), return_inverse=True, return_counts=True
    )
    if len(names) < 2:
        raise InputError("the texts are of one category; there is nothing to tell apart")
    least = int(n_texts.argmin())
    if n_texts[least] <= n_each:
        raise InputError(
            f"category {str(names[least])!r} has {n_texts[least]} texts; training on {n_each} of "
            "each needs more. Lower n_each, or leave the category out."
        )
    return (embeddings / lengths).astype(np.float32), codes.astype(np.int64)


def _drawn(codes: npt.NDArray[np.int64], n_each: int, seed: int) -> npt.NDArray[np.bool_]:
    """Mask of ``n_each`` random texts of each category."""
    generator = np.random.default_rng(seed)
    train = np.zeros(len(codes), np.bool_)
    for code in np.unique(codes):
        train[generator.choice(np.flatnonzero(codes == code), n_each, replace=False)] = True
    return train
