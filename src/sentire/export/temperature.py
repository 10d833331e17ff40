"""Make the scores of a head mean what they say, in each language.

Reads:   development sets as the served graph scored them, at temperature 1
Gives:   a temperature per language, the error left on texts it was not fitted on, and the score
         below which an answer is a guess
Never:   lets a large set count more than a small one, or reports the error on the texts of the fit
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentire.arrays import Float64Array
from sentire.evaluation.calibration import N_BINS
from sentire.evaluation.scores import Scored
from sentire.export.figures import languages_of
from sentire.labels import LABELS

FEWEST = 100
"""Texts of a language below which a temperature would be fitted to chance."""
UNSURE = 0.6
"""``low_confidence`` is the largest threshold below which at most so many answers are right."""
UNSURE_RANGE = (0.4, 0.9)
"""Bounds of that threshold."""
UNSURE_DEFAULT = 0.5
"""The threshold of a model that nobody has measured."""

_RANGE = (0.5, 5.0)
_STEPS = 60
_FEWEST_BELOW = 30
_SMALLEST = 1e-9
_SEED = 7


class Fit(NamedTuple):
    """What was fitted for a head."""

    temperature: dict[str, float]
    """Per language code; ``*`` for the others, the largest of them: unknown ground, less sure."""
    error: dict[str, float]
    """Expected calibration error per language, each half of the texts under the temperature of the
    other half."""
    low_confidence: float


class _Texts(NamedTuple):
    """Texts of one head, as parallel arrays."""

    log_probabilities: Float64Array
    """Shape (n_texts, n_labels), over all labels."""
    gold: Float64Array
    """Shape (n_texts, n_labels), rows sum to 1."""
    allowed: npt.NDArray[np.bool_]
    """Shape (n_texts, n_labels): what the text's set knows."""
    weight: Float64Array
    """Shape (n_texts,); sums to 1 for each language of each set."""
    language: npt.NDArray[np.str_]

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "_Texts":
        return _Texts(
            self.log_probabilities[rows],
            self.gold[rows],
            self.allowed[rows],
            self.weight[rows],
            self.language[rows],
        )


def fit_head(sets: Sequence[Scored], labels: Sequence[str], supported: Sequence[str]) -> Fit:
    """Fit one head on the sets labelled for it.

    Texts of a label that the head lacks are left out: no temperature makes it less wrong there.

    Parameters
    ----------
    sets : scored at temperature 1 by a graph with this head
    labels : of the head
    supported : language codes of the model

    References
    ----------
    Guo et al., ICML 2017, section 4.2, for temperatures.
    """
    if not sets:
        return Fit({"*": 1.0}, {}, UNSURE_DEFAULT)
    texts = _gather(sets, labels, supported)
    temperature: dict[str, float] = {}
    error: dict[str, float] = {}
    for language in supported:
        of_language = texts.take(texts.language == language)
        if len(of_language.weight) < FEWEST:
            continue
        temperature[language] = round(fit_temperature(of_language), 3)
        error[language] = round(held_out_error(of_language), 4)
    temperature["*"] = max(temperature.values(), default=1.0)
    return Fit(temperature, error, _unsure(texts, temperature))


def fit_temperature(texts: _Texts) -> float:
    """Temperature under which the gold labels are most likely, by golden-section search.

    The loss is convex in the inverse of the temperature, so there is one minimum.
    """
    low, high = 1 / _RANGE[1], 1 / _RANGE[0]
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(_STEPS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(texts, 1 / left) < _loss(texts, 1 / right):
            high = right
        else:
            low = left
    return float(2 / (low + high))


def held_out_error(texts: _Texts) -> float:
    """Expected calibration error, each half measured under the temperature of the other."""
    order = np.random.default_rng(_SEED).permutation(len(texts.weight))
    halves = [texts.take(order[::2]), texts.take(order[1::2])]
    errors = [
        _error(measured, fit_temperature(fitted)) for fitted, measured in (halves, halves[::-1])
    ]
    return float(np.mean(errors))


def _gather(sets: Sequence[Scored], labels: Sequence[str], supported: Sequence[str]) -> _Texts:
    parts = []
    for scored in sets:
        known = np.array([label in labels for label in LABELS[scored.dataset.head]])
        gold = scored.dataset.gold.astype(np.float64) * known
        kept = np.flatnonzero(scored.answered & (gold.sum(axis=1) > 0))
        language = np.array(languages_of(scored.languages, supported))[kept]
        weight = np.zeros(len(kept))
        for code in np.unique(language):
            weight[language == code] = 1 / (language == code).sum()
        gold = gold[kept]
        parts.append(
            _Texts(
                np.log(np.maximum(scored.probabilities[kept], _SMALLEST)),
                gold / gold.sum(axis=1, keepdims=True),
                np.tile(scored.dataset.allowed & known, (len(kept), 1)),
                weight,
                language,
            )
        )
    return _Texts(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _log_softmax(values: Float64Array) -> Float64Array:
    peak = values.max(axis=1, keepdims=True)
    result: Float64Array = values - peak - np.log(np.exp(values - peak).sum(axis=1, keepdims=True))
    return result


def _restricted(texts: _Texts, temperature: float) -> Float64Array:
    """Log-probabilities over the labels that a text's set knows."""
    return _log_softmax(np.where(texts.allowed, texts.log_probabilities / temperature, -np.inf))


def _loss(texts: _Texts, temperature: float) -> float:
    """Weighted mean negative log-likelihood of the gold labels."""
    log_probabilities = np.where(texts.gold > 0, _restricted(texts, temperature), 0.0)
    each = -(texts.gold * log_probabilities).sum(axis=1)
    return float((each * texts.weight).sum() / texts.weight.sum())


def _error(texts: _Texts, temperature: float) -> float:
    probabilities = np.exp(_restricted(texts, temperature))
    best = probabilities.argmax(axis=1)
    rows = np.arange(len(best))
    confidence, right = probabilities[rows, best], texts.gold[rows, best] > 0
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(bins, texts.weight * (right - confidence), minlength=N_BINS)
    return float(np.abs(gaps).sum() / texts.weight.sum())


def _unsure(texts: _Texts, temperature: dict[str, float]) -> float:
    """Largest threshold below which the served answers are mostly guesses.

    Counted are the texts whose predicted label their set knows: a two-class set can't say whether
    "neutral" was right.
    """
    scale = np.array([temperature.get(code, temperature["*"]) for code in texts.language])
    probabilities = np.exp(_log_softmax(texts.log_probabilities / scale[:, None]))
    best = probabilities.argmax(axis=1)
    rows = np.arange(len(best))
    known = texts.allowed[rows, best]
    score, right = probabilities[rows, best][known], (texts.gold[rows, best] > 0)[known]
    weight = texts.weight[known]
    if len(score) < FEWEST:
        return UNSURE_DEFAULT
    low, high = UNSURE_RANGE
    for threshold in np.arange(high, low, -0.01):
        below = score < threshold
        if below.sum() < _FEWEST_BELOW:
            break
        if (weight * right)[below].sum() / weight[below].sum() <= UNSURE:
            return round(float(threshold), 2)
    return low
