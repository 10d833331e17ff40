"""Run one ``sentire evaluate``: read, score, assess, write.

Everything that can be refused is refused before a model runs: outputs, labels, classes, heads.
"""

import errno
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import Manifest
from sentire.bundle.store import read_manifest
from sentire.cli.data import sources
from sentire.cli.main import say
from sentire.errors import OptionError, OutputError
from sentire.evaluation.assessment import assess, assess_together, check_classes
from sentire.evaluation.behaviour.checks import Check, read_checks
from sentire.evaluation.behaviour.suite import run_checks
from sentire.evaluation.datasets import Dataset, Source, read_dataset
from sentire.evaluation.page.render import check_page, render_page
from sentire.evaluation.results import BehaviourResult, Report, SetResult
from sentire.evaluation.scoring import Progress, Scored, check_head, score
from sentire.inference.analyzer import Analyzer
from sentire.io.columns import unique_names
from sentire.io.failures import unwritable
from sentire.io.protection import refuse_existing, refuse_inputs
from sentire.labels import LABELS
from sentire.types import ModelInfo

if TYPE_CHECKING:
    from sentire.cli.progress import ProgressBar

ALL_SCORED, SOME_UNSCORED = 0, 3


class Request(NamedTuple):
    """What was asked for on the command line."""

    bundle: str
    data: tuple[str, ...]
    reading: Mapping[str, Any]
    """The options of ``cli/data.py``."""
    against: str | None
    behaviour: bool
    json_file: Path | None
    html_file: Path | None
    force: bool
    kind: str | None
    engine: str


class _Answers(NamedTuple):
    """What one model said."""

    info: ModelInfo
    sets: list[Scored]
    behaviour: BehaviourResult | None


def run(request: Request) -> int:
    """Evaluate, print and write.

    Returns
    -------
    Exit code.

    Raises
    ------
    SentireError
        The data, a model or an output can't be used.
    """
    outputs = [path for path in (request.json_file, request.html_file) if path is not None]
    given = _sources(request)
    models = [request.bundle, *([request.against] if request.against else [])]
    for path in outputs:
        _check_output(path)
    refuse_inputs(outputs, [*models, *request.data, *(source.file for source in given)])
    for path in () if request.force else outputs:
        refuse_existing(path)
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise OptionError(f"--json and --html both name {outputs[0]}. Name two files.")
    if request.html_file is not None:
        check_page()
    manifests = [read_manifest(find_bundle(model))[0] for model in models]
    datasets = _read(given)
    for manifest in manifests:
        for dataset in datasets:
            check_head(manifest, dataset)
    checks = read_checks() if request.behaviour else []
    with _progress(models, datasets, checks) as progress:
        answers = [_ask(model, datasets, checks, request.engine, progress) for model in models]
    report = _report(request, manifests, answers)
    _print(report, request.kind)
    data = msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
    if request.json_file is not None:
        _write(request.json_file, data)
    if request.html_file is not None:
        _write(request.html_file, render_page(report).encode())
    if outputs:
        say(f"written: {', '.join(map(str, outputs))}")
    return SOME_UNSCORED if any(s.reading.unscored for s in report.sets) else ALL_SCORED


def _read(given: Sequence[Source]) -> list[Dataset]:
    datasets = [read_dataset(source) for source in given]
    for dataset in datasets:
        labels = zip(LABELS[dataset.head], dataset.allowed, strict=True)
        check_classes(dataset.name, [label for label, occurs in labels if occurs])
    names = unique_names(dataset.name for dataset in datasets)
    return [d._replace(name=name) for d, name in zip(datasets, names, strict=True)]


def _sources(request: Request) -> list[Source]:
    return sources(request.data, Source, **request.reading) if request.data else []


def _ask(
    model: str,
    datasets: Sequence[Dataset],
    checks: Sequence[Check],
    engine: str,
    progress: Progress | None,
) -> _Answers:
    with _opened(model, engine) as analyzer:
        return _Answers(
            info=analyzer.info,
            sets=[score(analyzer, dataset, progress=progress) for dataset in datasets],
            behaviour=run_checks(analyzer, checks, progress=progress) if checks else None,
        )


@contextmanager
def _opened(model: str, engine: str) -> Iterator[Analyzer]:
    """A loaded model; one who pressed Ctrl-C does not wait for what is under way."""
    import sentire

    analyzer = sentire.load(model, engine=engine)
    try:
        yield analyzer
    except KeyboardInterrupt:
        raise
    except BaseException:
        analyzer.close()
        raise
    analyzer.close()


def _report(request: Request, manifests: Sequence[Manifest], answers: Sequence[_Answers]) -> Report:
    ours, other = answers[0], answers[1] if len(answers) > 1 else None
    return Report(
        model=ours.info,
        engine=request.engine,
        sentire=version("sentire"),
        made=datetime.now().astimezone().isoformat(timespec="seconds"),
        against=other.info if other else None,
        sets=[
            _assess(scored, other.sets[at] if other else None, manifests[0])
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


def _print(report: Report, kind: str | None) -> None:
    if kind is None:
        kind = "table" if sys.stdout is not None and sys.stdout.isatty() else "json"
    if kind == "table":
        from sentire.cli.figures import print_report

        print_report(report)
    elif sys.stdout is not None:
        data = msgspec.json.format(msgspec.json.encode(report), indent=1)
        sys.stdout.write(data.decode() + "\n")


def _check_output(path: Path) -> None:
    """Refuse an output that could not be written at the end."""
    folder = path.resolve().parent
    if path.is_dir():
        raise OutputError(unwritable(path, IsADirectoryError(errno.EISDIR, "")))
    if not folder.is_dir():
        raise OutputError(unwritable(path, FileNotFoundError(errno.ENOENT, "")))
    if not os.access(folder, os.W_OK):
        raise OutputError(unwritable(path, PermissionError(errno.EACCES, "")))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(unwritable(path, error)) from None


@contextmanager
def _progress(
    models: Sequence[str], datasets: Sequence[Dataset], checks: Sequence[Check]
) -> Iterator[Progress | None]:
    """Count over all texts of all models, shown on a terminal only."""
    total = len(models) * (
        sum(len(dataset.texts) for dataset in datasets)
        + len({text for check in checks for text in check.texts})
    )
    done = 0

    def fraction() -> float:
        return done / max(1, total)

    with _bar(fraction) as bar:
        if bar is None:
            yield None
            return

        def show(_done: int, _n: int) -> None:
            nonlocal done
            done += 1
            bar.show(done, done)

        yield show


def _bar(fraction: Any) -> "AbstractContextManager[ProgressBar | None]":
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from sentire.cli.progress import ProgressBar

    return ProgressBar(fraction, n_before=0)
