"""What training and distillation have in common: options, data, and the bundle at the end.

Reads:   the options of a run
Gives:   its data, its network on disk with a history and a curve, its bundle
Never:   learns a text that the run is judged by, or draws on a terminal
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from sentire.errors import OptionError
from sentire.evaluation.datasets import Dataset, LabelledSource, read_dataset
from sentire.export.assemble import Assembled
from sentire.export.output import check_output
from sentire.io.protection import refuse_inputs
from sentire.jobs.bundles import BundleOptions, make_bundle
from sentire.jobs.sources import ReadOptions, is_table, labelled_sources, read_texts
from sentire.progress import StageProgress
from sentire.text.path import TextSettings
from sentire.training.finetune import StepReport
from sentire.training.history import History, plot
from sentire.training.mixture import TrainingSource
from sentire.training.run import Data, RunCallbacks, TrainingRun, gather
from sentire.training.schedule import Schedule
from sentire.training.splits import split
from sentire.training.trained import Trained


class RunOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every run of learning is told."""

    data: tuple[str, ...]
    """Labelled files, databases' URLs, or ``.toml`` files that list them."""
    output: Path
    """Folder of the bundle; the run's own files lie beside it, in ``OUTPUT.training``."""
    bundle: BundleOptions | None
    """None stops when the weights are trained."""
    reading: ReadOptions = ReadOptions()
    dev: tuple[str, ...] = ()
    """Labelled texts to be judged by; none holds a share of the data back."""
    dev_share: float = 0.1
    balance: float = 0.0
    """How far rare classes count more, 0 to 1; a source that says its own keeps it."""
    unlabelled: tuple[str, ...] = ()
    """Files of texts for a student to imitate its teachers on."""
    schedule: Schedule = Schedule()
    max_length: int = 128
    """Tokens read at once."""
    topic_rows: int = 60_000
    """Texts that the embedding learns topics from; 0 makes none."""
    layers: tuple[int, ...] | None = None
    """Layers of the backbone to keep; None keeps all."""
    vocabulary: int | None = None
    """Pieces of the backbone's vocabulary to keep; None keeps all."""
    resume: bool = False
    force: bool = False
    """Replace a bundle, or a run, that stands there."""

    @property
    def folder(self) -> Path:
        """Where the run keeps its own files."""
        return self.output.with_name(self.output.name + ".training")


class RunResult(NamedTuple):
    """What a run left behind."""

    folder: Path
    """Of the trained weights, the history and the curve."""
    trained: Trained
    bundle: Assembled | None
    """None where only the weights were asked for."""


def check_run(options: RunOptions, *, backbones: Sequence[str | None]) -> None:
    """Refuse an output that could not be written at the end, or would replace what is read.

    Parameters
    ----------
    options : RunOptions
    backbones : sequence of str or None
        Names and folders of what the run starts from and learns from beside its data.

    Raises
    ------
    OptionError, OutputError
        A name is not allowed, or there is something else at the output.
    """
    read = [*options.data, *options.dev, *options.unlabelled, *filter(None, backbones)]
    read += [source.file for source in _sources(options)]
    read += [source.file for source in _dev_sources(options)]
    refuse_inputs([options.output, options.folder], read)
    if options.bundle is not None:
        options.bundle.check()
        check_output(options.output, force=options.force)
    folder = options.folder
    if not (options.resume or options.force) and folder.is_dir() and any(folder.iterdir()):
        raise OptionError(
            f"{folder} holds an earlier run. Go on with it by --resume, replace it with --force, "
            "or name another bundle."
        )


def new_job(options: RunOptions, watch: RunCallbacks) -> TrainingRun:
    """Read the data of a run and put its job together.

    Parameters
    ----------
    options : RunOptions
    watch : RunCallbacks
        Told how many rows of each source are learned.

    Raises
    ------
    SourceError, OptionError
        An input can't be read, or its labels mean nothing certain.
    """
    data = _read_data(options)
    for use in data.used:
        watch.say(
            f"{use.name}: {use.n_rows:,} rows to learn from; left out: {use.n_held_out:,} that are "
            f"held back for development, {use.n_copies:,} copies"
        )
    return TrainingRun(
        data=data,
        text=TextSettings(max_length=options.max_length, overlap=options.max_length // 4),
        schedule=options.schedule,
        output=options.folder,
        resume=options.resume,
        topic_rows=options.topic_rows,
        watch=watch,
    )


def learn(job: TrainingRun, run: Callable[[TrainingRun], Trained]) -> Trained:
    """Run a job with a history, and draw its curve at the end.

    Parameters
    ----------
    job : TrainingRun
    run : function that trains

    Raises
    ------
    TrainingFailed, OutputError, Interrupted
        See :func:`~sentire.training.finetune.finetune`.
    """
    history = History(job.output, resume=job.resume)
    watch = job.watch

    def observe(report: StepReport) -> None:
        history.add(report)
        watch.observe(report)

    trained = run(job._replace(watch=watch._replace(observe=observe)))
    plot(history.points(), job.output / "curve.svg")
    return trained


def finish(
    job: TrainingRun, trained: Trained, options: RunOptions, progress: StageProgress
) -> RunResult:
    """Make the bundle, unless only the weights were asked for.

    Parameters
    ----------
    job, trained : TrainingRun, Trained
    options : RunOptions
    progress : function
        Told the stage, how much of it is done, and of how much.

    Raises
    ------
    BundleError, OutputError
        See :func:`~sentire.export.assemble.assemble`.
    """
    if options.bundle is None:
        return RunResult(job.output, trained, None)
    made = make_bundle(
        trained,
        options.output,
        options.bundle,
        force=options.force,
        dev=[each for each in job.data.dev if each.head in trained.encoder.n_labels],
        texts=[row.text for row in job.data.rows],
        progress=progress,
    )
    return RunResult(job.output, trained, made)


def _read_data(options: RunOptions) -> Data:
    given = [
        msgspec.structs.replace(source, balance=options.balance)
        if options.balance and not source.balance
        else source
        for source in _sources(options)
    ]
    seed = options.schedule.seed
    if options.dev:
        dev = [read_dataset(source) for source in _dev_sources(options)]
    else:
        dev = [_held_back(source, options) for source in given]
    texts = [text for name in options.unlabelled for text in read_texts(name)]
    return gather(given, dev, unlabelled=texts, seed=seed)


def _sources(options: RunOptions) -> list[TrainingSource]:
    return labelled_sources(options.data, TrainingSource, options.reading)


def _dev_sources(options: RunOptions) -> list[LabelledSource]:
    if not options.dev:
        return []
    reading = _reading_of(options.dev, options.reading)
    return labelled_sources(options.dev, LabelledSource, reading)


def _held_back(source: TrainingSource, options: RunOptions) -> Dataset:
    """The share of a source that a run is judged by."""
    return split(read_dataset(source), share=options.dev_share, seed=options.schedule.seed)[1]


def _reading_of(names: Sequence[str], reading: ReadOptions) -> ReadOptions:
    """The part of a reading that fits: single inputs' options don't go with tables alone."""
    if all(is_table(name) for name in names):
        return reading.for_tables()
    if not any(is_table(name) for name in names):
        return reading.for_inputs()
    return reading
