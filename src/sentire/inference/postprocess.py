"""From logits to a prediction.

Reads:   a document, its windows' logits, the bundle's heads
Gives:   calibrated probabilities, label, sentences, warnings
Never:   changes a label by calibration, or hides that something was not read
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import UNSET, UnsetType

from sentire.backends.base import Logits
from sentire.bundle.manifest import Head
from sentire.errors import InputError
from sentire.inference.disagreement import disagree
from sentire.labels import EMOTIONS, POLARITY
from sentire.types import (
    Document,
    Emotion,
    Language,
    ModelInfo,
    Prediction,
    Segment,
    Sentence,
    Warning,
)

_UNKNOWN_SHARE = 0.1
_UNSURE_LANGUAGE = 0.35
"""Below it lie "ok" and single words; one ordinary English phrase in twenty is below 0.63."""

Array = npt.NDArray[np.float32]


def probabilities(logits: Array, *, temperature: float = 1.0) -> Array:
    """Softmax of temperature-scaled logits.

    Parameters
    ----------
    logits : float32 array of shape (n_texts, n_labels)
    temperature : float
        Dimensionless, above 0. Above 1 makes the model less sure; it never changes the label.

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
    heads: dict[str, Head],
    *,
    info: ModelInfo,
    sentences: bool = False,
    emotion: bool = False,
) -> Prediction:
    """Make the prediction of one text.

    Parameters
    ----------
    logits : output name -> float32 array of shape (n_windows + n_segments, n_labels)
        In the order of :meth:`Document.all_windows`.
    heads : must hold ``polarity``, and ``emotion`` where ``emotion`` is asked for
    """
    polarity = heads["polarity"]
    n_windows = len(document.windows)
    weights = [window.weight for window in document.windows]
    temperature = _temperature(polarity, document.language)
    whole = combine(logits[polarity.output][:n_windows], weights)
    shares = probabilities(whole[None], temperature=temperature)[0]
    label, score, named = _name(shares, polarity.labels, POLARITY)
    parts: list[Sentence] | UnsetType = UNSET
    mixed: bool | None = None
    if sentences:
        parts, mixed = [Sentence(0, len(document.text), label, score)], False
        if document.segments:
            rows = probabilities(logits[polarity.output][n_windows:], temperature=temperature)
            parts = _sentences(document.segments, rows, polarity.labels)
            mixed = _mixed(document.segments, rows, polarity.labels)
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
        emotion=_emotion(document, logits, heads["emotion"]) if emotion else UNSET,
        sentences=parts,
    )


def embed(document: Document, vectors: Array) -> Array:
    """One vector of a text: the mean of its windows', each weighted by what it answers for.

    Parameters
    ----------
    vectors : float32 array of shape (n_windows + n_segments, n_dimensions)

    Returns
    -------
    float32 array of shape (n_dimensions,), of unit length
    """
    whole = combine(vectors[: len(document.windows)], [w.weight for w in document.windows])
    result: Array = whole / max(float(np.linalg.norm(whole)), 1e-9)
    return result


def _temperature(head: Head, language: Language) -> float:
    return head.temperature.get(language.code, head.temperature.get("*", 1.0))


def _name(
    shares: Array, labels: Sequence[str], contract: Sequence[str]
) -> tuple[str, float, dict[str, float]]:
    """Label, score and label -> probability, rounded to what a float32 softmax can tell.

    A label of the contract that the head lacks has the probability 0.
    """
    values = [round(float(share), 6) for share in shares]
    best = int(np.argmax(shares))
    named = dict(zip(labels, values, strict=True))
    return labels[best], values[best], {**dict.fromkeys(contract, 0.0), **named}


def _sentences(segments: Sequence[Segment], rows: Array, labels: Sequence[str]) -> list[Sentence]:
    found = []
    for segment, shares in zip(segments, rows, strict=True):
        label, score, _ = _name(shares, labels, POLARITY)
        found.append(Sentence(segment.start, segment.end, label, score))
    return found


def _mixed(segments: Sequence[Segment], rows: Array, labels: Sequence[str]) -> bool:
    if not {"negative", "positive"} <= set(labels):
        return False
    return disagree(segments, *(rows[:, labels.index(name)] for name in ("negative", "positive")))


def _emotion(document: Document, logits: Logits, head: Head) -> Emotion:
    rows = logits[head.output][: len(document.windows)]
    whole = combine(rows, [window.weight for window in document.windows])
    temperature = _temperature(head, document.language)
    shares = probabilities(whole[None], temperature=temperature)[0]
    label, _, named = _name(shares, head.labels, EMOTIONS)
    return Emotion(label, named)


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
