"""Score a file, a database or some texts into an output.

Reads:   the options of a run: what is read, what is asked of each text, where the answers go
Gives:   a run that is open: its answers one by one, its tally, its share that is done
Never:   replaces what is read or stands there unasked; leaves half a record
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import msgspec

from sentire.inference.analyzer import Analyzer
from sentire.io.checkpoint import Tally, partial_path
from sentire.io.inputs import InputOptions, open_input
from sentire.io.job import ScoringJob
from sentire.io.names import OutputFormat
from sentire.io.protection import is_finished, refuse_existing, refuse_inputs, written_paths
from sentire.io.recordfile import Sink
from sentire.io.records import Layout
from sentire.io.rows import Row, broken
from sentire.io.sink import DELIMITERS, open_sink
from sentire.io.source import RowSource
from sentire.jobs.analyzer import open_analyzer
from sentire.types import Answer, Engine, OnLong


class ScoreOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run of scoring is told."""

    texts: tuple[str, ...] = ()
    """Texts themselves; where there are some, nothing is read."""
    source: Path | str | None = None
    """A path, a database's URL, or None for standard input."""
    reading: InputOptions = InputOptions()
    output: Path | None = None
    """None is standard output."""
    format: OutputFormat = "jsonl"
    sentences: bool = False
    emotion: bool = False
    on_long: OnLong = "window"
    model: str | None = None
    """A model's name, ``name@version``, or a bundle's folder; None is the packaged one."""
    engine: Engine = "openvino"
    resume: bool = False
    """Go on where an interrupted run stopped."""
    force: bool = False
    """Replace an output that is there."""
    byte_order_mark: bool = True
    """Begin CSV and TSV that are not ASCII with the mark that Excel needs."""


class Scoring:
    """A run that is open; made by :func:`open_scoring`.

    Parameters
    ----------
    job : ScoringJob
    sink : Sink
        Where the job writes.
    source : RowSource or None
        Where its rows come from; None where texts were given.
    """

    def __init__(self, job: ScoringJob, sink: Sink, source: RowSource | None) -> None:
        self._job, self._sink, self._source = job, sink, source

    def __iter__(self) -> Iterator[Answer]:
        """Give each answer once it is written; the output is in its place when this ends."""
        return self._job.run()

    @property
    def tally(self) -> Tally:
        """Rows written, those of an earlier run included."""
        return self._job.tally

    @property
    def n_read(self) -> int:
        """Rows read; a little ahead of those written."""
        return self._job.n_read

    @property
    def notes(self) -> tuple[str, ...]:
        """What the output had to do with what it was given."""
        return self._sink.notes

    def fraction_read(self) -> float | None:
        """Share of the input that was read, 0 to 1; None where its size is not known."""
        return None if self._source is None else self._source.fraction_read()


def is_done(options: ScoreOptions) -> bool:
    """Refuse an output whose place is taken; tell whether the run to resume has ended already.

    Parameters
    ----------
    options : ScoreOptions

    Raises
    ------
    OptionError
        The output is what is read, or is there and may not be replaced.
    """
    read = () if options.texts else (options.source,)
    refuse_inputs(written_paths(options.output), read)
    if options.output is None or options.force:
        return False
    if not options.resume:
        refuse_existing(options.output)
        return False
    return is_finished(options.output)


def is_resumable(options: ScoreOptions) -> bool:
    """Whether a run with these options left something that a next one can go on with.

    Parameters
    ----------
    options : ScoreOptions
    """
    return options.output is not None and partial_path(options.output.resolve()).exists()


@contextmanager
def open_scoring(
    options: ScoreOptions,
    *,
    sink: Sink | None = None,
    say: Callable[[str], None] = lambda _: None,
    unbroken: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Iterator[Scoring]:
    """Open the input, the model and the output of a run, and close them at its end.

    Parameters
    ----------
    options : ScoreOptions
    sink : Sink, optional
        Takes the answers in place of the output.
    say : function, optional
        Told what was chosen where there was a choice, and where a run goes on.
    unbroken : function, optional
        Gives a context in which the run must not be interrupted: a record and its count are one.

    Raises
    ------
    SentireError
        The input, the model or the output can't be used.
    """
    with ExitStack() as opened:
        source = None if options.texts else opened.enter_context(_open_source(options))
        for note in source.notes if source else ():
            say(note)
        analyzer = opened.enter_context(open_analyzer(options.model, engine=options.engine))
        score = _scorer(analyzer, options)
        if sink is None:
            sink = _open_sink(options, source, analyzer.info.digest, say)
        opened.callback(sink.close)
        rows = _rows_of(options.texts) if source is None else source
        yield Scoring(ScoringJob(rows, score, sink, unbroken=unbroken), sink, source)


def _scorer(
    analyzer: Analyzer, options: ScoreOptions
) -> Callable[[Iterable[object]], Iterator[Answer]]:
    def score(texts: Iterable[object]) -> Iterator[Answer]:
        return analyzer.analyze_many(
            texts,
            sentences=options.sentences,
            emotion=options.emotion,
            on_long=options.on_long,
        )

    score([])  # refuses what the model does not have, before an output is begun
    return score


def _open_source(options: ScoreOptions) -> RowSource:
    wanted = options.reading._replace(all_columns=options.format in DELIMITERS)
    return open_input(options.source, wanted)


def _open_sink(
    options: ScoreOptions, source: RowSource | None, digest: str, say: Callable[[str], None]
) -> Sink:
    layout = Layout(
        text_column="text" if source is None else source.text_column,
        columns=("text",) if source is None else source.columns,
        sentences=options.sentences,
        emotion=options.emotion,
    )
    job = {
        **({"input": "arguments"} if source is None else source.identity),
        "text column": layout.text_column,
        "--sentences": str(options.sentences),
        "--emotion": str(options.emotion),
        "--on-long": options.on_long,
        "--format": options.format,
        **({} if options.byte_order_mark else {"--no-bom": "True"}),
        "model": digest,
    }
    unfinished = [] if options.output is None else written_paths(options.output)[1:]
    if not options.resume and any(path is not None and path.exists() for path in unfinished):
        say("starting from the beginning; what an interrupted run left behind is replaced")
    sink = open_sink(
        options.output,
        options.format,
        layout,
        types=None if source is None else source.types,
        job=job,
        resume=options.resume,
        force=options.force,
        mark=options.byte_order_mark,
    )
    if options.resume:
        done = sink.checkpoint.tally.rows if sink.checkpoint else 0
        say(
            f"resuming after {done:,} rows"
            if done
            else f"nothing to resume for {options.output}; starting from the beginning"
        )
    return sink


def _rows_of(texts: Sequence[str]) -> Iterator[Row]:
    for number, text in enumerate(texts, 1):
        try:
            text.encode()
        except UnicodeEncodeError:
            kept = text.encode(errors="surrogateescape").decode(errors="replace")
            error = broken(f"argument {number} is not valid UTF-8")
            yield Row(number, kept, {"text": kept}, error)
        else:
            yield Row(number, text, {"text": text})
