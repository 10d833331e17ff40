"""The work of ``sentire evaluate``: call the job, print and write its report."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from sentire.atomic import write_file
from sentire.cli.exits import say
from sentire.cli.figures import print_report
from sentire.cli.progress import ProgressBar
from sentire.errors import OptionError, OutputError
from sentire.evaluation.page.render import check_page, render_page
from sentire.evaluation.results import Report
from sentire.io.failures import unwritable
from sentire.io.protection import refuse_existing, refuse_inputs
from sentire.jobs.evaluation import EvaluateOptions, evaluation_sources
from sentire.jobs.evaluation import evaluate as run_evaluation
from sentire.jobs.sources import ReadOptions

ALL_SCORED, SOME_UNSCORED = 0, 3


def evaluate(
    bundle: str,
    data: tuple[str, ...],
    *,
    json_file: Path | None,
    html_file: Path | None,
    kind: str | None,
    force: bool,
    **options: Any,
) -> int:
    """Evaluate, print and write.

    Parameters
    ----------
    bundle : model's name, ``name@version``, or a bundle's folder
    data : names of labelled inputs
    json_file, html_file : where the report is written
    kind : "table" or "json" on standard output; None chooses by whether it is a terminal
    force : bool
        Replace reports that are there.
    **options : the others of ``sentire evaluate``

    Returns
    -------
    Exit code.

    Raises
    ------
    OptionError
        There is nothing to evaluate with.
    """
    if not data and not options["behaviour"]:
        raise OptionError(
            "nothing to evaluate with: name labelled data behind the model, or say --behaviour."
        )
    outputs = [path for path in (json_file, html_file) if path is not None]
    for path in outputs:
        _check_output(path)
    if html_file is not None:
        check_page()
    reading = ReadOptions(**{name: options.pop(name) for name in ReadOptions.__struct_fields__})
    evaluate_options = EvaluateOptions(bundle=bundle, data=data, reading=reading, **options)
    files = [source.file for source in evaluation_sources(evaluate_options)]
    refuse_inputs(outputs, [bundle, *filter(None, [evaluate_options.against]), *data, *files])
    for path in () if force else outputs:
        refuse_existing(path)
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise OptionError(f"--json and --html both name {outputs[0]}. Name two files.")
    with _progress() as progress:
        report = run_evaluation(evaluate_options, progress=progress)
    _print(report, kind)
    if json_file is not None:
        _write(json_file, _json(report))
    if html_file is not None:
        _write(html_file, render_page(report).encode())
    if outputs:
        say(f"written: {', '.join(map(str, outputs))}")
    return SOME_UNSCORED if any(s.reading.unscored for s in report.sets) else ALL_SCORED


def _json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def _print(report: Report, kind: str | None) -> None:
    if kind is None:
        kind = "table" if sys.stdout is not None and sys.stdout.isatty() else "json"
    if kind == "table":
        print_report(report)
    elif sys.stdout is not None:
        sys.stdout.write(_json(report).decode())


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
    try:
        write_file(path, data)
    except OSError as error:
        raise OutputError(unwritable(path, error)) from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar over all texts of all models, on a terminal only."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    share = 0.0
    with ProgressBar(lambda: share, n_before=0) as bar:

        def show(done: int, total: int) -> None:
            nonlocal share
            share = done / max(1, total)
            bar.show(done, done)

        yield show
