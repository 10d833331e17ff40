"""The work of ``sentire analyze``: read its options, call the job, show how it goes, sum up."""

import shlex
import signal
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import click

from sentire.cli.exits import INTERRUPTED, PIPE_CLOSED, TERMINATED, say
from sentire.cli.interrupts import Interrupts, Stopped
from sentire.cli.progress import ProgressBar
from sentire.cli.terminal import TerminalTable
from sentire.errors import OptionError
from sentire.io.checkpoint import Tally
from sentire.io.inputs import InputOptions
from sentire.io.names import (
    OutputFormat,
    has_known_extension,
    is_data_file,
    is_lone_url,
    is_url,
)
from sentire.io.sink import choose_format
from sentire.jobs.scoring import ScoreOptions, Scoring, is_done, is_resumable, open_scoring

ALL_SCORED, SOME_ERRORS = 0, 3
_TABLE = "table"
_SAME = ("output", "sentences", "emotion", "on_long", "model", "engine", "resume", "force")
"""Options that are fields of the run."""
_OF_INPUTS = (
    *("query", "text_column", "encoding", "input_format", "sheet", "no_header", "keep_na"),
    "resume",
)


def analyze(texts: tuple[str, ...], given: str | None, kind: str | None, **options: Any) -> int:
    """Score with the options of the command line, and print what came of it.

    Parameters
    ----------
    texts : what stands on the command line: texts, or the name of an input
    given : name of an input, or None
    kind : format of the output; None chooses one
    **options : the others of ``sentire analyze``

    Returns
    -------
    Exit code.

    Raises
    ------
    OptionError, click.UsageError
        Options don't fit each other, or there is nothing to score.
    """
    texts, given = _inputs_of(texts, given, named=options["input_format"] is not None)
    output: Path | None = options["output"]
    kind = _format_of(kind, output, options)
    _check(texts, options)
    score_options = ScoreOptions(
        texts=texts,
        source=_source_of(given),
        reading=_reading(options),
        byte_order_mark=not options["no_bom"],
        format=cast("OutputFormat", "jsonl" if kind == _TABLE else kind),
        **{name: options[name] for name in _SAME},
    )
    if is_done(score_options):
        say(f"{output} is done: nothing is left to resume. --force would score anew")
        return ALL_SCORED
    sink = TerminalTable(emotion=score_options.emotion) if kind == _TABLE else None
    return _run(score_options, sink)


def _run(options: ScoreOptions, sink: TerminalTable | None) -> int:
    began = time.monotonic()
    scoring: Scoring | None = None
    try:
        with (
            Interrupts() as interrupts,
            open_scoring(options, sink=sink, say=say, unbroken=interrupts.held) as scoring,
            _progress(options, scoring, shown=sink is None) as bar,
        ):
            for _ in scoring:
                if bar is not None:
                    bar.show(scoring.tally.rows, scoring.n_read)
    except BrokenPipeError:
        return PIPE_CLOSED  # whoever read the answers has enough of them
    except Stopped as stopped:
        say(_interrupted(scoring, options))
        return TERMINATED if stopped.number == signal.SIGTERM else INTERRUPTED
    for note in scoring.notes:
        say(f"{options.output}: {note}")
    if options.source is not None:
        say(_summary(scoring.tally, options, time.monotonic() - began))
    return SOME_ERRORS if scoring.tally.errors else ALL_SCORED


def _inputs_of(
    texts: tuple[str, ...], given: str | None, *, named: bool
) -> tuple[tuple[str, ...], str | None]:
    """Texts, or the name of an input."""
    if texts and given is not None:
        raise click.UsageError("give texts or -i, not both.", click.get_current_context())
    if given is None:
        texts, given = _input_among(texts, named=named)
    if texts or given is not None:
        return texts, given
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError(
            "nothing to analyze: give a text, name a file with -i, or pipe text in.",
            click.get_current_context(),
        )
    return (), "-"


def _input_among(texts: tuple[str, ...], *, named: bool) -> tuple[tuple[str, ...], str | None]:
    """Tell an input from texts; ``named`` says whether its format was given.

    Raises
    ------
    OptionError
        Several arguments are files, or one is whose format nothing tells.
    """
    files = [text for text in texts if _is_file(text)]
    if len(texts) == 1:
        lone = texts[0]
        if files and not named and not has_known_extension(lone):
            raise OptionError(
                f"{lone} is a file. To read it, name its format: -i {shlex.quote(lone)} "
                "--input-format lines. To score its name, pipe that in."
            )
        is_input = files or lone == "-" or is_data_file(lone) or is_lone_url(lone)
        return ((), lone) if is_input else (texts, None)
    if files or (texts and all(map(is_data_file, texts))):
        listed = " ".join(shlex.quote(text) for text in files or texts)
        raise OptionError(
            f"{listed}: these are files, and one run reads one. Read them in turn: "
            f'for f in {listed}; do sentire analyze -i "$f" -o "$f.scored.jsonl"; done'
        )
    return texts, None


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # a long text is no file's name
        return False


def _format_of(kind: str | None, output: Path | None, options: dict[str, Any]) -> str:
    """Format of the output, which must fit where it goes."""
    if kind is None:
        if output is not None:
            kind = choose_format(output)
        else:
            kind = _TABLE if sys.stdout is not None and sys.stdout.isatty() else "jsonl"
    elif kind == _TABLE and output is not None:
        raise OptionError("--format table goes to a terminal; with -o choose another")
    if options["no_bom"] and kind not in {"csv", "tsv"}:
        raise OptionError("--no-bom goes with CSV and TSV, which alone have such a mark")
    return kind


def _check(texts: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse options that have nothing to act on."""
    for name in _OF_INPUTS if texts else ():
        if options[name]:
            raise OptionError(f"--{name.replace('_', '-')} goes with -i, not with texts")
    for name in ("resume", "force"):
        if options[name] and options["output"] is None:
            raise OptionError(f"--{name} needs an output file: name it with -o")


def _source_of(given: str | None) -> Path | str | None:
    if given is None or given == "-":
        return None
    return given if is_url(given) else Path(given)


def _reading(options: dict[str, Any]) -> InputOptions:
    return InputOptions(
        format=options["input_format"],
        encoding=options["encoding"],
        text_column=options["text_column"],
        query=options["query"],
        sheet=options["sheet"],
        header=not options["no_header"],
        keep_na=options["keep_na"],
    )


def _progress(
    options: ScoreOptions, scoring: Scoring, *, shown: bool
) -> AbstractContextManager[ProgressBar | None]:
    """Make a bar for a file or a database whose answers don't go to the same terminal."""
    is_seen = sys.stderr is not None and sys.stderr.isatty()
    if options.source is None or not shown or not is_seen:
        return nullcontext()
    return ProgressBar(scoring.fraction_read, n_before=scoring.tally.rows)


def _summary(tally: Tally, options: ScoreOptions, seconds: float) -> str:
    """Sum a run up in one line."""
    outcome = ", ".join(f"{n:,} {label}" for label, n in sorted(tally.labels.items()))
    line = f"{tally.rows:,} rows in {seconds:.1f} s"
    line += f": {outcome}" if outcome else ""
    if tally.errors:
        n_errors = sum(tally.errors.values())
        codes = ", ".join(f"{n:,} {code}" for code, n in sorted(tally.errors.items()))
        line += f"; {n_errors:,} without an answer: {codes}"
    return line + (f" -> {options.output}" if options.output else "")


def _interrupted(scoring: Scoring | None, options: ScoreOptions) -> str:
    if scoring is None:
        return "interrupted"
    line = f"interrupted after {scoring.tally.rows:,} rows"
    return line + ("; continue with --resume" if is_resumable(options) else "")
