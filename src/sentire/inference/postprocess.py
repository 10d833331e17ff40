"""From logits to a prediction.

Reads:   a document, its windows' logits, the bundle's heads
Gives:   calibrated probabilities, label, sentences, warnings
Never:   changes a label by calibration, or hides that something was not read
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import UNSET, UnsetType

from sentire.backends.base import Logits
from sentire.bundle.manifest import Head
from sentire.errors import InputError
from sentire.inference.disagreement import disagree
from sentire.labels import HeadKind, labels_of
from sentire.types import (
    Document,
    Emotion,
    Language,
    ModelInfo,
    Prediction,
    PredictOptions,
    Segment,
    Sentence,
    Warning,
)

_UNKNOWN_SHARE = 0.1
_UNSURE_LANGUAGE = 0.35
"""Below it lie "ok" and single words; one ordinary English phrase in twenty is below 0.63."""

Array = npt.NDArray[np.float32]


def probabilities(
    logits: Array, *, temperature: float = 1.0, kind: HeadKind = "single-label"
) -> Array:
    """Softmax or sigmoid of temperature-scaled logits.

    Parameters
    ----------
    logits : float32 array of shape (n_texts, n_labels)
    temperature : float
        Dimensionless, above 0. Above 1 makes the model less sure; it never changes the label.
    kind : "single-label" or "multi-label"
        Whether the labels of a row share one probability (softmax) or each has its own (sigmoid).

    Raises
    ------
    InputError
        ``temperature`` is not above 0, or ``logits`` is not 2-D and finite.

    References
    ----------
    Guo et al., ICML 2017, section 4.2.
    """
    if not temperature > 0:
        raise InputError(f"temperature is {temperature}; it must be above 0")
    if logits.ndim != 2 or not np.isfinite(logits).all():
        raise InputError(f"logits of shape {logits.shape} must be 2-D and finite")
    scaled = logits / temperature
    if kind == "multi-label":
        alone: Array = 1 / (1 + np.exp(-scaled))
        return alone
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result


def combine(logits: Array, weights: Sequence[int]) -> Array:
    """Mean of the windows' logits, each weighted by the tokens it answers for.

    Parameters
    ----------
    logits : float32 array of shape (n_windows, n_labels)
    weights : n_windows token counts

    Returns
    -------
    float32 array of shape (n_labels,)
    """
    shares = np.maximum(np.asarray(weights, np.float32), 1e-6)
    result: Array = (logits * (shares / shares.sum())[:, None]).sum(axis=0)
    return result


def predict(
    document: Document,
    logits: Logits,
    heads: Mapping[str, Head],
    info: ModelInfo,
    options: PredictOptions,
) -> Prediction:
    """Make the prediction of one text.

    Parameters
    ----------
    document : Document
    logits : output name -> float32 array of shape (n_windows + n_segments, n_labels)
        In the order of :meth:`Document.all_windows`.
    heads : name -> Head
        Those of the model: ``polarity``, and all that the options ask for.
    info : ModelInfo
        Which model it is.
    options : PredictOptions
    """
    polarity = heads["polarity"]
    label, score, named = _whole(document, logits, "polarity", polarity)
    parts: list[Sentence] | UnsetType = UNSET
    mixed: bool | None = None
    if options.sentences:
        parts, mixed = [Sentence(0, len(document.text), label, score)], False
        if document.segments:
            rows = logits[polarity.output][len(document.windows) :]
            shares = _calibrated(rows, polarity, document.language)
            parts = _sentences(document.segments, shares, polarity.labels)
            mixed = _mixed(document.segments, shares, polarity.labels)
    others = {name: _whole(document, logits, name, heads[name]) for name in options.heads}
    emotion = others.get("emotion")
    return Prediction(
        text=document.text,
        label=label,
        score=score,
        probabilities=named,
        mixed=mixed,
        language=document.language,
        coverage=document.coverage,
        warnings=_warnings(document, score, polarity),
        model=info,
        emotion=UNSET if emotion is None else Emotion(emotion.label, emotion.probabilities),
        sentences=parts,
    )


def embed(document: Document, vectors: Array) -> Array:
    """One vector of a text: the mean of its windows', each weighted by what it answers for.

    Parameters
    ----------
    document : Document
    vectors : float32 array of shape (n_windows + n_segments, n_dimensions)

    Returns
    -------
    float32 array of shape (n_dimensions,), of unit length
    """
    whole = combine(vectors[: len(document.windows)], [w.weight for w in document.windows])
    result: Array = whole / max(float(np.linalg.norm(whole)), 1e-9)
    return result


class _HeadAnswer(NamedTuple):
    """What a head says of a whole text."""

    label: str
    """The most probable."""
    score: float
    probabilities: dict[str, float]


def _whole(document: Document, logits: Logits, name: str, head: Head) -> _HeadAnswer:
    """Answer by one head; a label of the contract that it lacks has the probability 0."""
    rows = logits[head.output][: len(document.windows)]
    combined = combine(rows, [window.weight for window in document.windows])
    shares = _calibrated(combined[None], head, document.language)[0]
    values = [_rounded(share) for share in shares]
    best = int(np.argmax(shares))
    named = dict(zip(head.labels, values, strict=True))
    absent = dict.fromkeys(labels_of(name, head.labels), 0.0)
    return _HeadAnswer(head.labels[best], values[best], {**absent, **named})


def _calibrated(logits: Array, head: Head, language: Language) -> Array:
    temperature = head.temperature.get(language.code, head.temperature.get("*", 1.0))
    return probabilities(logits, temperature=temperature, kind=head.kind)


def _rounded(share: float) -> float:
    """Round to what a float32 softmax can tell."""
    return round(float(share), 6)


def _sentences(segments: Sequence[Segment], rows: Array, labels: Sequence[str]) -> list[Sentence]:
    return [
        Sentence(segment.start, segment.end, labels[int(np.argmax(row))], _rounded(row.max()))
        for segment, row in zip(segments, rows, strict=True)
    ]


def _mixed(segments: Sequence[Segment], rows: Array, labels: Sequence[str]) -> bool:
    if not {"negative", "positive"} <= set(labels):
        return False
    return disagree(segments, *(rows[:, labels.index(name)] for name in ("negative", "positive")))


def _warnings(document: Document, score: float, head: Head) -> list[Warning]:
    found = []
    language, coverage = document.language, document.coverage
    if language.confidence < _UNSURE_LANGUAGE:
        found.append(
            Warning("language_uncertain", "There is too little text to tell its language.")
        )
    elif not language.supported:
        found.append(
            Warning(
                "language_unsupported",
                f"The text looks like {language.code!r}; the model was not trained for it.",
            )
        )
    if coverage.truncated:
        found.append(
            Warning("truncated", f"Read {coverage.read} of {coverage.tokens} tokens, as asked.")
        )
    if document.unknown > _UNKNOWN_SHARE * max(1, coverage.tokens):
        found.append(
            Warning(
                "unknown_tokens",
                f"{document.unknown} of {coverage.tokens} tokens are outside the vocabulary.",
            )
        )
    if score < head.low_confidence:
        found.append(
            Warning("low_confidence", "The model is unsure; have a person look where it matters.")
        )
    return found
