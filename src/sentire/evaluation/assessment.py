"""From what a model said of labelled sets to their figures.

Reads:   scored sets
Gives:   a result for each, and one for each head over all of its sets
Never:   counts a text that could not be scored as right or wrong; their number stands beside
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from sentire.arrays import Probabilities
from sentire.errors import SourceError
from sentire.evaluation.calibration import calibration_error, reliability
from sentire.evaluation.compare import compare
from sentire.evaluation.metrics import (
    METRICS,
    CountMetric,
    Labels,
    Outcomes,
    count,
    f1s,
    measure,
    precisions,
    recalls,
    wilson,
)
from sentire.evaluation.results import (
    Calibration,
    HeadResult,
    LabelResult,
    Mistake,
    Reading,
    SetResult,
)
from sentire.evaluation.scores import Scored
from sentire.evaluation.slices import parts
from sentire.labels import LABELS
from sentire.types import Prediction

HOLDS = 0.3
"""Where several labels may hold, those of at least this probability are predicted, or else the most
probable one. The threshold of the published GoEmotions figures (monologg/GoEmotions-pytorch)."""

N_MISTAKES = 20
_FEWEST = 100
"""Texts of a language below which its calibration error would be noise."""


def check_classes(name: str, labels: Sequence[str]) -> None:
    """Refuse a set of one class: any model that is asked among one label is always right.

    Raises
    ------
    SourceError
    """
    if len(labels) < 2:
        raise SourceError(
            f"{name} holds one label only, {labels[0]!r}. Figures need at least two; "
            "add texts of another label, or name the right column with --label-column."
        )


def assess(
    scored: Scored, *, other: Scored | None = None, missing: Sequence[str] = ()
) -> SetResult:
    """Figures of one set.

    Parameters
    ----------
    scored : Scored
        What the model said of the set.
    other : Scored, optional
        What another model said of the same texts.
    missing : labels of the set that the model does not have

    Raises
    ------
    SourceError
        The set holds one class only, or none of its texts could be scored.
    """
    dataset = scored.dataset
    named = _occurring(scored)
    check_classes(dataset.name, named)
    kept = np.flatnonzero(scored.answered if other is None else scored.answered & other.answered)
    if not len(kept):
        raise SourceError(f"{dataset.name}: none of its {len(dataset.texts)} texts could be scored")
    outcomes = outcomes_of(scored, kept)
    metrics = _metrics(scored)
    answers = _answers(scored, kept)
    return SetResult(
        data=dataset.name,
        head=dataset.head,
        n=len(kept),
        n_dropped=dataset.n_dropped,
        several_hold=_several(scored),
        labels=named,
        missing=[label for label in named if label in missing],
        figures=measure(outcomes, metrics),
        per_label=list(_per_label(outcomes, named)),
        confusion=_confusion(scored, kept),
        calibration=_calibration([scored], [kept]),
        reading=_reading(scored, answers),
        parts=parts(answers, outcomes.right),
        mistakes=list(_mistakes(scored, kept, outcomes)),
        comparison=None if other is None else compare(outcomes, outcomes_of(other, kept), metrics),
    )


def assess_together(sets: Sequence[Scored]) -> list[HeadResult]:
    """All sets of each head together; none for a head of one set."""
    found = []
    for head in LABELS:
        of_head = [scored for scored in sets if scored.dataset.head == head]
        if len(of_head) < 2:
            continue
        kept = [np.flatnonzero(scored.answered) for scored in of_head]
        right = np.concatenate(
            [outcomes_of(s, at).right for s, at in zip(of_head, kept, strict=True)]
        )
        answers = [a for s, at in zip(of_head, kept, strict=True) for a in _answers(s, at)]
        names = [s.dataset.name for s in of_head]
        origins = [s.dataset.name for s, at in zip(of_head, kept, strict=True) for _ in at]
        found.append(
            HeadResult(
                head=head,
                data=names,
                n=len(right),
                accuracy=wilson(int(right.sum()), len(right)),
                calibration=_calibration(of_head, kept),
                parts=parts(answers, right, sources=origins),
            )
        )
    return found


def outcomes_of(scored: Scored, kept: Labels) -> Outcomes:
    """Gold and predicted labels of the texts at ``kept``, over the set's labels."""
    allowed = scored.dataset.allowed
    gold = (scored.dataset.gold > 0)[kept][:, allowed]
    probabilities = scored.allowed_probabilities[kept][:, allowed]
    best = probabilities.argmax(axis=1)
    rows = np.arange(len(kept))
    predicted = probabilities >= HOLDS if _several(scored) else np.zeros(gold.shape, np.bool_)
    predicted[rows, best] |= ~predicted.any(axis=1)
    return Outcomes(gold, predicted, gold[rows, best])


def _occurring(scored: Scored) -> list[str]:
    labels = LABELS[scored.dataset.head]
    return [label for label, there in zip(labels, scored.dataset.allowed, strict=True) if there]


def _several(scored: Scored) -> bool:
    return bool(((scored.dataset.gold > 0).sum(axis=1) > 1).any())


def _metrics(scored: Scored) -> dict[str, CountMetric]:
    """MCC is defined where one label holds."""
    return {k: m for k, m in METRICS.items() if k != "mcc" or not _several(scored)}


def _answers(scored: Scored, kept: Labels) -> list[Prediction]:
    return [a for a in (scored.predictions[i] for i in kept) if isinstance(a, Prediction)]


def _per_label(outcomes: Outcomes, named: Sequence[str]) -> Iterator[LabelResult]:
    counts = count(outcomes)
    precision, recall, f1 = precisions(counts), recalls(counts), f1s(counts)
    for at, label in enumerate(named):
        yield LabelResult(
            label=label,
            n=int(counts.gold[at]),
            predicted=int(counts.predicted[at]),
            precision=float(precision[at]),
            recall=float(recall[at]),
            f1=float(f1[at]),
        )


def _confusion(scored: Scored, kept: Labels) -> list[list[float]]:
    allowed = scored.dataset.allowed
    gold = scored.dataset.gold[kept][:, allowed].astype(np.float64)
    gold /= gold.sum(axis=1, keepdims=True)
    best = scored.allowed_probabilities[kept][:, allowed].argmax(axis=1)
    predicted = np.eye(gold.shape[1])[best]
    right = (gold * predicted).sum(axis=1, keepdims=True) > 0
    matrix = np.where(right, predicted, gold).T @ predicted
    return [[round(float(value), 3) for value in row] for row in matrix]


def _calibration(sets: Sequence[Scored], kept: Sequence[Labels]) -> list[Calibration]:
    """Over all texts, and for each language that has enough of them."""
    pairs = list(zip(sets, kept, strict=True))
    confidence = np.concatenate([s.allowed_probabilities[at].max(axis=1) for s, at in pairs])
    right = np.concatenate([outcomes_of(s, at).right for s, at in pairs])
    codes = np.array([s.languages[i] for s, at in pairs for i in at])
    languages = ["*", *(code for code, n in Counter(codes.tolist()).most_common() if n >= _FEWEST)]
    return [
        _calibrated(code, confidence, right, (codes == code) | (code == "*")) for code in languages
    ]


def _calibrated(
    language: str,
    confidence: Probabilities,
    right: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
) -> Calibration:
    bins = reliability(confidence[inside], right[inside])
    return Calibration(
        language=language, n=int(inside.sum()), error=calibration_error(bins), bins=bins
    )


def _reading(scored: Scored, answers: Sequence[Prediction]) -> Reading:
    unscored = Counter(p.error.code for p in scored.predictions if p.error is not None)
    return Reading(
        tokens=sum(a.coverage.tokens for a in answers),
        read=sum(a.coverage.read for a in answers),
        windowed=sum(a.coverage.windows > 1 for a in answers),
        truncated=sum(a.coverage.truncated for a in answers),
        unscored=dict(unscored),
        warnings=dict(Counter(w.code for a in answers for w in a.warnings).most_common()),
    )


def _mistakes(scored: Scored, kept: Labels, outcomes: Outcomes) -> Iterator[Mistake]:
    labels = LABELS[scored.dataset.head]
    probabilities = scored.allowed_probabilities[kept]
    surest = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = surest[~outcomes.right[surest]][:N_MISTAKES]
    for at in wrong:
        place = int(kept[at])
        gold = scored.dataset.gold[place]
        yield Mistake(
            data=scored.dataset.name,
            place=place + 1,
            text=scored.dataset.texts[place],
            language=scored.languages[place],
            gold=[label for label, share in zip(labels, gold, strict=True) if share > 0],
            predicted=labels[int(probabilities[at].argmax())],
            score=float(probabilities[at].max()),
        )
