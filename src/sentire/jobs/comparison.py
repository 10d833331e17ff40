"""Compare two models: what they are, what their bundles say of them, what they answer.

Reads:   two models, wherever they lie; texts
Gives:   one record, the same for people and programs
Never:   judges which is better; ``evaluation/compare.py`` does, where labels are known
"""

from collections.abc import Iterator, Sequence

import msgspec

from sentire.bundle.manifest import Evaluation
from sentire.export.probes import calibration_texts
from sentire.inference.load import load
from sentire.jobs.models import FoundModel, find_model, local_folder
from sentire.types import Answer, Prediction


class ComparedModel(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the two is."""

    name: str
    version: str
    digest: str
    labels: dict[str, list[str]]
    """Of each head."""
    languages: list[str]
    tokens: int
    """That it reads at once."""
    bytes: int
    """Of its files."""


class ComparedFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure that the bundles bear; None where only the other has it."""

    data: str
    head: str
    split: str
    metric: str
    a: float | None
    b: float | None


class ScoredLabel(msgspec.Struct, frozen=True):
    """What a model says of a text."""

    label: str
    score: float
    """0 to 1, three digits."""


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A text to which the two give different labels."""

    text: str
    a: ScoredLabel
    b: ScoredLabel


class ComparedAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """What both were asked."""

    texts: int
    """That both could score."""
    differ: int
    disagreements: list[Disagreement]


class ModelComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two models side by side."""

    a: ComparedModel
    b: ComparedModel
    figures: list[ComparedFigure]
    answers: ComparedAnswers


def compare_models(
    a: str, b: str, *, texts: Sequence[str] = (), engine: str = "openvino"
) -> ModelComparison:
    """Compare two models; only one of them is in memory at a time.

    Parameters
    ----------
    a, b : str
        As :func:`~sentire.jobs.models.find_model` takes them.
    texts : sequence of str
        What to ask both. Empty takes packaged sentences in their languages, and their golden ones.
    engine : str
        What runs the models.

    Raises
    ------
    SentireError
        There is no such model, or it can't be loaded.
    """
    with find_model(a) as one, find_model(b) as other:
        asked = texts or _packaged_texts(one, other)
        return ModelComparison(
            a=_described(one),
            b=_described(other),
            figures=list(_figures(one, other)),
            answers=_compare_answers(*(_answers(each, asked, engine) for each in (one, other))),
        )


def _described(found: FoundModel) -> ComparedModel:
    manifest = found.manifest
    return ComparedModel(
        name=found.info.name,
        version=found.info.version,
        digest=found.info.digest,
        labels={head: list(each.labels) for head, each in manifest.heads.items()},
        languages=list(manifest.languages),
        tokens=manifest.text.max_length,
        bytes=sum(found.sizes.values()),
    )


def _figures(one: FoundModel, other: FoundModel) -> Iterator[ComparedFigure]:
    """Figures on the same part of the same data; those of one model alone have one value."""

    def key(e: Evaluation) -> tuple[str, str, str, str]:
        return e.data, e.head, e.split, e.metric

    left = {key(e): e.value for e in one.manifest.evaluation}
    right = {key(e): e.value for e in other.manifest.evaluation}
    for each in dict.fromkeys([*left, *right]):
        data, head, split, metric = each
        yield ComparedFigure(
            data=data, head=head, split=split, metric=metric, a=left.get(each), b=right.get(each)
        )


def _packaged_texts(one: FoundModel, other: FoundModel) -> list[str]:
    golden = [g.text for found in (one, other) for g in found.manifest.golden]
    languages = [*one.manifest.languages, *other.manifest.languages]
    return list(dict.fromkeys([*golden, *calibration_texts(languages)]))


def _answers(found: FoundModel, texts: Sequence[str], engine: str) -> list[Answer]:
    with local_folder(found) as folder, load(folder, engine=engine) as analyzer:
        return list(analyzer.analyze_many(texts))


def _compare_answers(left: Sequence[Answer], right: Sequence[Answer]) -> ComparedAnswers:
    n_texts, disagreements = 0, []
    for a, b in zip(left, right, strict=True):
        if isinstance(a, Prediction) and isinstance(b, Prediction):
            n_texts += 1
            if a.label != b.label:
                disagreements.append(Disagreement(text=a.text, a=_said(a), b=_said(b)))
    return ComparedAnswers(texts=n_texts, differ=len(disagreements), disagreements=disagreements)


def _said(prediction: Prediction) -> ScoredLabel:
    return ScoredLabel(prediction.label, round(prediction.score, 3))
