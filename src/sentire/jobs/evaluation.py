"""Measure a model on labelled data, alone or against another.

Reads:   models, labelled sets, the behavioural suite
Gives:   a report
Never:   runs a model before everything that can be refused is refused: labels, classes, heads
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import NamedTuple

import msgspec

from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import Manifest
from sentire.bundle.store import read_manifest
from sentire.evaluation.assessment import assess, assess_together, check_classes
from sentire.evaluation.behaviour.checks import Check, read_checks
from sentire.evaluation.behaviour.suite import run_checks
from sentire.evaluation.datasets import Dataset, LabelledSource, read_dataset
from sentire.evaluation.results import BehaviourResult, Report, SetResult
from sentire.evaluation.scores import Scored, check_head, score
from sentire.io.columns import unique_names
from sentire.jobs.analyzer import open_analyzer
from sentire.jobs.sources import ReadOptions, labelled_sources
from sentire.labels import LABELS
from sentire.progress import Progress
from sentire.types import Engine, ModelInfo


class EvaluateOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an evaluation is told."""

    bundle: str
    """A model's name, ``name@version``, or a bundle's folder."""
    data: tuple[str, ...] = ()
    """Labelled files, databases' URLs, or ``.toml`` files that list them."""
    reading: ReadOptions = ReadOptions()
    against: str | None = None
    """Another model, compared on the same texts with a test."""
    behaviour: bool = False
    """Whether to run the behavioural suite, which needs no data."""
    engine: Engine = "openvino"


class _Answers(NamedTuple):
    """What one model said."""

    info: ModelInfo
    sets: list[Scored]
    behaviour: BehaviourResult | None


def evaluate(
    options: EvaluateOptions, *, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Report:
    """Evaluate a model through the engine that serves.

    Parameters
    ----------
    options : EvaluateOptions
    progress : function, optional
        Told how many texts are scored, and of how many, over all sets and models.

    Raises
    ------
    SentireError
        The data or a model can't be used.
    """
    models = [options.bundle, *([options.against] if options.against else [])]
    manifests = [read_manifest(find_bundle(model))[0] for model in models]
    datasets = _read(options)
    for manifest in manifests:
        for dataset in datasets:
            check_head(manifest, dataset)
    checks = read_checks() if options.behaviour else []
    count = _counting(progress, models, datasets, checks)
    answers = [_ask(model, datasets, checks, options.engine, count) for model in models]
    return _report(options, manifests[0], answers)


def evaluation_sources(options: EvaluateOptions) -> list[LabelledSource]:
    """The labelled inputs that an evaluation reads.

    Parameters
    ----------
    options : EvaluateOptions

    Raises
    ------
    OptionError, SourceError
        An option or a table can't be used.
    """
    if not options.data:
        return []
    return labelled_sources(options.data, LabelledSource, options.reading)


def _read(options: EvaluateOptions) -> list[Dataset]:
    datasets = [read_dataset(source) for source in evaluation_sources(options)]
    for dataset in datasets:
        labels = zip(LABELS[dataset.head], dataset.allowed, strict=True)
        check_classes(dataset.name, [label for label, occurs in labels if occurs])
    names = unique_names(dataset.name for dataset in datasets)
    return [d._replace(name=name) for d, name in zip(datasets, names, strict=True)]


def _counting(
    progress: Callable[[int, int], None],
    models: Sequence[str],
    datasets: Sequence[Dataset],
    checks: Sequence[Check],
) -> Progress:
    """Count over all texts of all models."""
    total = len(models) * (
        sum(len(dataset.texts) for dataset in datasets)
        + len({text for check in checks for text in check.texts})
    )
    done = 0

    def count(_done: int, _n: int) -> None:
        nonlocal done
        done += 1
        progress(done, total)

    return count


def _ask(
    model: str,
    datasets: Sequence[Dataset],
    checks: Sequence[Check],
    engine: Engine,
    progress: Progress,
) -> _Answers:
    with open_analyzer(model, engine=engine) as analyzer:
        return _Answers(
            info=analyzer.info,
            sets=[score(analyzer, dataset, progress=progress) for dataset in datasets],
            behaviour=run_checks(analyzer, checks, progress=progress) if checks else None,
        )


def _report(options: EvaluateOptions, manifest: Manifest, answers: Sequence[_Answers]) -> Report:
    ours, other = answers[0], answers[1] if len(answers) > 1 else None
    return Report(
        model=ours.info,
        engine=options.engine,
        sentire=version("sentire"),
        made=datetime.now().astimezone().isoformat(timespec="seconds"),
        against=other.info if other else None,
        sets=[
            _assess(scored, other.sets[at] if other else None, manifest)
            for at, scored in enumerate(ours.sets)
        ],
        together=assess_together(ours.sets),
        behaviour=ours.behaviour,
        behaviour_against=other.behaviour if other else None,
    )


def _assess(scored: Scored, other: Scored | None, manifest: Manifest) -> SetResult:
    head = scored.dataset.head
    had = manifest.heads[head].labels
    missing = [label for label in LABELS[head] if label not in had]
    return assess(scored, other=other, missing=missing)
