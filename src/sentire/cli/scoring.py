"""Run one ``sentire analyze``: open, load, score, sum up."""

import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, cast

from sentire.cli.interrupts import Interrupts, Stopped
from sentire.cli.main import INTERRUPTED, PIPE_CLOSED, TERMINATED, say
from sentire.io.checkpoint import Tally, partial_path
from sentire.io.job import Job
from sentire.io.names import InputFormat, OutputFormat
from sentire.io.protection import is_finished, refuse_existing, refuse_inputs, written_paths
from sentire.io.recordfile import Sink
from sentire.io.records import Layout
from sentire.io.rows import Row, broken
from sentire.io.sink import DELIMITERS, open_sink
from sentire.types import Answer, OnLong

if TYPE_CHECKING:
    from sentire.cli.progress import ProgressBar
    from sentire.io.source import Source

ALL_SCORED, SOME_ERRORS = 0, 3


class Request(NamedTuple):
    """What was asked for on the command line."""

    texts: tuple[str, ...]
    source: Path | str | None
    """A path, a database's URL, or None for standard input."""
    output: Path | None
    query: str | None
    text_column: str | None
    sentences: bool
    emotion: bool
    model: str | None
    engine: str
    on_long: OnLong
    kind: str
    resume: bool
    force: bool
    no_bom: bool
    encoding: str | None
    input_format: InputFormat | None
    sheet: str | None
    header: bool
    keep_na: bool


def score(request: Request) -> int:
    """Score all texts of a request.

    Returns
    -------
    Exit code.

    Raises
    ------
    SentireError
        The input, the model or the output can't be used.
    """
    began = time.monotonic()
    if _check_output(request):
        return ALL_SCORED
    job: Job | None = None
    try:
        with Interrupts() as interrupts, ExitStack() as opened:
            source = None if request.texts else opened.enter_context(_open_source(request))
            for note in source.notes if source else ():
                say(note)
            scorer = _Scorer(request)
            opened.push(scorer.closed_unless_stopped)
            sink = _open_sink(request, source, scorer)
            opened.callback(sink.close)
            rows = _argument_rows(request.texts) if source is None else source
            job = Job(rows, scorer, sink, unbroken=interrupts.held)
            with _progress(request, source, job) as bar:
                for _ in job.run():
                    if bar is not None:
                        bar.show(job.tally.rows, job.n_read)
    except BrokenPipeError:
        return PIPE_CLOSED  # whoever read the answers has enough of them
    except Stopped as stopped:
        say(_interrupted(job, request))
        return TERMINATED if stopped.number == signal.SIGTERM else INTERRUPTED
    for note in sink.notes:
        say(f"{request.output}: {note}")
    if request.source is not None:
        say(_summary(job.tally, request, time.monotonic() - began))
    return SOME_ERRORS if job.tally.errors else ALL_SCORED


def _check_output(request: Request) -> bool:
    """Refuse an output whose place is taken; whether a run to resume has ended already."""
    refuse_inputs(written_paths(request.output), () if request.texts else (request.source,))
    if request.output is None or request.force:
        return False
    if not request.resume:
        refuse_existing(request.output)
    elif is_finished(request.output):
        say(f"{request.output} is done: nothing is left to resume. --force would score anew")
        return True
    return False


class _Scorer:
    """The loaded model, asked for what the request wants."""

    def __init__(self, request: Request) -> None:
        import sentire

        self._analyzer = sentire.load(request.model, engine=request.engine)
        self.digest = self._analyzer.info.digest
        self._request = request
        try:
            self([])  # refuses what the model does not have, before an output is begun
        except BaseException:
            self._analyzer.close()
            raise

    def __call__(self, texts: Iterable[object]) -> Iterator[Answer]:
        return self._analyzer.analyze_many(
            texts,
            sentences=self._request.sentences,
            emotion=self._request.emotion,
            on_long=self._request.on_long,
        )

    def closed_unless_stopped(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Close the model; not for one who waits for the end, as it first answers what waits."""
        if kind is None or not issubclass(kind, Stopped | BrokenPipeError):
            self._analyzer.close()


def _open_source(request: Request) -> "Source":
    from sentire.io.inputs import Wanted, open_source

    return open_source(
        request.source,
        Wanted(
            format=request.input_format,
            encoding=request.encoding,
            text_column=request.text_column,
            query=request.query,
            sheet=request.sheet,
            header=request.header,
            keep_na=request.keep_na,
            all_columns=request.kind in DELIMITERS,
        ),
    )


def _open_sink(request: Request, source: "Source | None", scorer: _Scorer) -> Sink:
    if request.kind == "table":
        from sentire.cli.terminal import TerminalTable

        return TerminalTable(emotion=request.emotion)
    layout = Layout(
        text_column="text" if source is None else source.text_column,
        columns=("text",) if source is None else source.columns,
        sentences=request.sentences,
        emotion=request.emotion,
    )
    job = {
        **({"input": "arguments"} if source is None else source.identity),
        "text column": layout.text_column,
        "--sentences": str(request.sentences),
        "--emotion": str(request.emotion),
        "--on-long": request.on_long,
        "--format": request.kind,
        **({"--no-bom": "True"} if request.no_bom else {}),
        "model": scorer.digest,
    }
    unfinished = [] if request.output is None else written_paths(request.output)[1:]
    if not request.resume and any(path is not None and path.exists() for path in unfinished):
        say("starting from the beginning; what an interrupted run left behind is replaced")
    sink = open_sink(
        request.output,
        cast("OutputFormat", request.kind),
        layout,
        types=None if source is None else source.types,
        job=job,
        resume=request.resume,
        force=request.force,
        mark=not request.no_bom,
    )
    if request.resume:
        done = sink.checkpoint.tally.rows if sink.checkpoint else 0
        say(
            f"resuming after {done:,} rows"
            if done
            else f"nothing to resume for {request.output}; starting from the beginning"
        )
    return sink


def _argument_rows(texts: Sequence[str]) -> Iterator[Row]:
    for number, text in enumerate(texts, 1):
        try:
            text.encode()
        except UnicodeEncodeError:
            kept = text.encode(errors="surrogateescape").decode(errors="replace")
            error = broken(f"argument {number} is not valid UTF-8")
            yield Row(number, kept, {"text": kept}, error)
        else:
            yield Row(number, text, {"text": text})


def _progress(
    request: Request, source: "Source | None", job: Job
) -> "AbstractContextManager[ProgressBar | None]":
    """Make a bar for a file or a database whose answers don't go to the same terminal."""
    shown = sys.stderr is not None and sys.stderr.isatty() and request.kind != "table"
    if source is None or request.source is None or not shown:
        return nullcontext()
    from sentire.cli.progress import ProgressBar

    return ProgressBar(source.fraction_read, n_before=job.tally.rows)


def _summary(tally: Tally, request: Request, seconds: float) -> str:
    """Sum a run up in one line."""
    outcome = ", ".join(f"{n:,} {label}" for label, n in sorted(tally.labels.items()))
    line = f"{tally.rows:,} rows in {seconds:.1f} s"
    line += f": {outcome}" if outcome else ""
    if tally.errors:
        n_errors = sum(tally.errors.values())
        codes = ", ".join(f"{n:,} {code}" for code, n in sorted(tally.errors.items()))
        line += f"; {n_errors:,} without an answer: {codes}"
    return line + (f" -> {request.output}" if request.output else "")


def _interrupted(job: Job | None, request: Request) -> str:
    if job is None:
        return "interrupted"
    line = f"interrupted after {job.tally.rows:,} rows"
    resumable = request.output and partial_path(request.output.resolve()).exists()
    return line + ("; continue with --resume" if resumable else "")
