"""Compare what two graphs said of the same texts.

Reads:   development sets and plain texts, scored by the FP32 and by the INT8 graph
Gives:   losses, shifts, and the records that a bundle keeps
Never:   chooses a metric by its result
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sentire.bundle.manifest import Evaluation
from sentire.evaluation.assessment import outcomes_of
from sentire.evaluation.datasets import Dataset
from sentire.evaluation.metrics import METRICS, Labels, count, measure
from sentire.evaluation.scores import Scored, score
from sentire.export.gate import Loss, Shift
from sentire.inference.analyzer import Analyzer
from sentire.labels import LABELS, probabilities_of
from sentire.progress import Progress
from sentire.types import Answer, Prediction

SHARE = 0.1
"""Texts of a language count apart from the rest of their set where they are so many of it."""


class GraphMeasurements(NamedTuple):
    """What one graph said."""

    sets: list[Scored]
    plain: list[Answer]
    """Of the calibration texts."""


def measure_graph(
    analyzer: Analyzer, dev: Sequence[Dataset], plain: Sequence[str], *, progress: Progress
) -> GraphMeasurements:
    """Score everything that is compared.

    Parameters
    ----------
    analyzer : Analyzer
        Over the graph.
    dev : labelled sets
    plain : texts without labels, to compare answers on
    progress : called with how many texts are done, and how many there are
    """
    total = len(plain) + sum(len(dataset.texts) for dataset in dev)
    done = 0
    sets = []
    for dataset in dev:
        before = done

        def show(n: int, _n_texts: int, before: int = before) -> None:
            progress(before + n, total)

        sets.append(score(analyzer, dataset, progress=show))
        done += len(dataset.texts)
    emotion = "emotion" in analyzer.manifest.heads
    answers = list(analyzer.analyze_many(plain, emotion=emotion))
    progress(total, total)
    return GraphMeasurements(sets, answers)


def languages_of(codes: Sequence[str], supported: Sequence[str]) -> list[str]:
    """Language under which each text of a set counts.

    Its own, where the model supports it and at least :data:`SHARE` of the set is in it; else that
    of most texts.
    """
    found = Counter(code for code in codes if code in supported)
    if not found:
        return [supported[0]] * len(codes)
    most = found.most_common(1)[0][0]
    kept = {code for code, n in found.items() if n >= SHARE * len(codes)}
    return [code if code in kept else most for code in codes]


def losses(
    fp32: GraphMeasurements, int8: GraphMeasurements, supported: Sequence[str]
) -> list[Loss]:
    """What INT8 costs on each set, its languages apart.

    Parameters
    ----------
    fp32, int8 : GraphMeasurements
        What the two graphs said of the same sets.
    supported : languages that are told apart; others are left out
    """
    found = []
    for before, after in zip(fp32.sets, int8.sets, strict=True):
        metric = after.dataset.judged_by
        answered = before.answered & after.answered
        codes = np.array(languages_of(after.languages, supported))
        for language in dict.fromkeys(codes.tolist()):
            kept = np.flatnonzero(answered & (codes == language))
            if not len(kept):
                continue
            found.append(
                Loss(
                    data=after.dataset.name,
                    head=after.dataset.head,
                    language=language,
                    metric=metric,
                    n=len(kept),
                    fp32=_figure(before, kept, metric),
                    int8=_figure(after, kept, metric),
                )
            )
    return found


def shifts(
    fp32: GraphMeasurements,
    int8: GraphMeasurements,
    heads: Sequence[str],
    supported: Sequence[str],
) -> list[Shift]:
    """How far INT8 moved the answers to plain texts.

    Parameters
    ----------
    fp32, int8 : GraphMeasurements
        What the two graphs said of the same texts.
    heads : sequence of str
        Heads to compare.
    supported : languages that are told apart; others are left out
    """
    pairs = [
        (before, after)
        for before, after in zip(fp32.plain, int8.plain, strict=True)
        if isinstance(before, Prediction) and isinstance(after, Prediction)
    ]
    codes = languages_of([before.language.code for before, _ in pairs], supported)
    found = []
    for head in heads:
        old, new = (np.array([_row(pair[at], head) for pair in pairs]) for at in (0, 1))
        for language in dict.fromkeys(codes):
            rows = [at for at, code in enumerate(codes) if code == language]
            distance = np.abs(old[rows] - new[rows]).sum(axis=1) / 2
            changed = old[rows].argmax(axis=1) != new[rows].argmax(axis=1)
            found.append(
                Shift(head, language, len(rows), float(distance.mean()), float(changed.mean()))
            )
    return found


def _row(prediction: Prediction, head: str) -> list[float]:
    """Probabilities of a head in the contract's order; 0 for a label that the model lacks."""
    named = probabilities_of(prediction, head)
    return [named.get(label, 0.0) for label in LABELS[head]]


def evaluations(fp32: GraphMeasurements, served: GraphMeasurements) -> Iterator[Evaluation]:
    """The records of a bundle, each figure with its 95 % interval."""
    for before, after in zip(fp32.sets, served.sets, strict=True):
        name: str = after.dataset.judged_by
        kept = np.flatnonzero(before.answered & after.answered)
        wanted = {name: METRICS[name]}
        now = measure(outcomes_of(after, kept), wanted)[name]
        then = measure(outcomes_of(before, kept), wanted)[name]
        yield Evaluation(
            data=after.dataset.name,
            head=after.dataset.head,
            split="dev",
            n=len(kept),
            metric=name,
            value=now.value,
            low=now.low,
            high=now.high,
            fp32=then.value,
            fp32_low=then.low,
            fp32_high=then.high,
        )


def _figure(scored: Scored, kept: Labels, metric: str) -> float:
    return float(METRICS[metric](count(outcomes_of(scored, kept))))
