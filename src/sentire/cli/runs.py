"""One run of ``sentire train`` or ``sentire distill``, from its options to its bundle.

Reads:   the options, the signals
Gives:   a job for ``training``; progress on stderr; the history, its curve and the bundle on disk
Never:   learns a text that the run is judged by
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from sentire.cli.assembling import read_texts, report
from sentire.cli.bundling import Wanted, make_bundle
from sentire.cli.data import OPTIONS, sources
from sentire.cli.watching import Display, Stop
from sentire.errors import OptionError
from sentire.evaluation.datasets import Dataset, Source, read_dataset
from sentire.export.place import check_output
from sentire.io.protection import refuse_inputs
from sentire.text.path import TextSettings
from sentire.training.finetune import Interrupted
from sentire.training.history import History, plot
from sentire.training.mixture import TrainingSource
from sentire.training.run import Data, Job, Watch, gather
from sentire.training.schedule import Schedule
from sentire.training.splits import split
from sentire.training.trained import Trained

_SCHEDULE = {
    "epochs": "epochs",
    "learning_rate": "learning_rate",
    "layer_decay": "layer_decay",
    "batch_tokens": "max_tokens",
    "evaluations": "evaluations",
    "patience": "patience",
    "token_dropout": "token_dropout",
    "seed": "seed",
}
"""Option -> field of the schedule."""


def wanted_bundle(
    options: dict[str, Any], *, description: str, inputs: Sequence[str | None]
) -> Wanted:
    """The bundle that the options ask for; an output that can't be written is refused at once.

    Parameters
    ----------
    options : of the command line
    description : of the bundle, where the options have none
    inputs : what else than the data is read: backbones, teachers, further texts

    Raises
    ------
    OptionError, OutputError
        There is something else at the output, or what is read.
    """
    output: Path = options["output"]
    _refuse_inputs(output, [*filter(None, inputs), *options["dev"]])
    wanted = Wanted(
        output=output,
        name=options["name"] or output.absolute().name.lower(),
        version=options["bundle_version"],
        description=options["description"] or description,
        licence=options["licence"],
        force=options["force"],
    )
    wanted.check()
    if not options["no_bundle"]:
        check_output(output, force=wanted.force)
    folder = folder_of(output)
    if not (options["resume"] or wanted.force) and folder.is_dir() and any(folder.iterdir()):
        raise OptionError(
            f"{folder} holds an earlier run. Go on with it by --resume, replace it with --force, "
            "or name another bundle."
        )
    return wanted


def _refuse_inputs(output: Path, inputs: Sequence[str]) -> None:
    refuse_inputs([output, folder_of(output)], inputs)


def read_data(
    data: Sequence[str], options: dict[str, Any], *, unlabelled: Sequence[str] = ()
) -> Data:
    """What the run learns from, and what it is judged by.

    Raises
    ------
    SourceError, OptionError
        An input can't be read, or its labels mean nothing certain.
    """
    schedule = read_schedule(options)
    reading = {name: options[name] for name in OPTIONS}
    given = [
        msgspec.structs.replace(source, balance=options["balance"])
        if options.get("balance") and not source.balance
        else source
        for source in sources(data, TrainingSource, **reading)
    ]
    _refuse_inputs(options["output"], [*data, *(source.file for source in given)])
    named = options["dev"]
    if named:
        tables = [name for name in named if name.lower().endswith(".toml")]
        reading["data_root"] = options["data_root"] if tables else None
        listed = sources(named, Source, **_fitting(reading, named))
        _refuse_inputs(options["output"], [source.file for source in listed])
        dev = [read_dataset(source) for source in listed]
    else:
        dev = [
            split(read_dataset(source), share=options["dev_share"], seed=schedule.seed)[1]
            for source in given
        ]
    texts = [text for name in unlabelled for text in read_texts(Path(name))]
    found = gather(given, dev, unlabelled=texts, seed=schedule.seed)
    for use in found.used:
        click.echo(
            f"{use.name}: {use.n_rows:,} rows to learn from; left out: {use.n_held_out:,} that are "
            f"held back for development, {use.n_copies:,} copies",
            err=True,
        )
    return found


def _fitting(reading: dict[str, Any], named: Sequence[str]) -> dict[str, Any]:
    """Options of a single input don't go with tables."""
    if any(not name.lower().endswith(".toml") for name in named):
        return reading
    return dict.fromkeys(reading) | {"data_root": reading["data_root"]}


def read_schedule(options: dict[str, Any]) -> Schedule:
    """Schedule that the options mean.

    Raises
    ------
    OptionError
        A value is not allowed.
    """
    given = {
        field: options[option] for option, field in _SCHEDULE.items() if options[option] is not None
    }
    try:
        return msgspec.convert(given, Schedule)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        named = {value: key for key, value in _SCHEDULE.items()}.get(place.rstrip("`"), place)
        raise OptionError(f"--{named.replace('_', '-')}: {reason}") from None


def new_job(data: Data, options: dict[str, Any]) -> Job:
    """The job that the options mean."""
    length = options["max_length"]
    return Job(
        data=data,
        text=TextSettings(max_length=length, overlap=length // 4),
        schedule=read_schedule(options),
        output=folder_of(options["output"]),
        resume=options["resume"],
        topic_rows=options["topic_rows"],
    )


def folder_of(output: Path) -> Path:
    """Where a run keeps its own files: beside the bundle."""
    return output.with_name(output.name + ".training")


@contextmanager
def watched(job: Job) -> Iterator[Job]:
    """The job with a display, a history and a stop in good order; draws the curve at the end."""
    history = History(job.output, resume=job.resume)
    with Stop() as stop, Display(history) as display:
        try:
            yield job._replace(watch=Watch(display.show, stop, display.say))
        except Interrupted:
            display.say(
                f"stopped; the state is in {job.output}. "
                "Run the same command with --resume to go on."
            )
            raise
    plot(history.points(), job.output / "curve.svg")


def finish(trained: Trained, wanted: Wanted, data: Data, *, bundle: bool) -> None:
    """Make the bundle, unless only the weights were asked for."""
    if not bundle:
        click.echo(f"trained weights in {folder_of(wanted.output)}", err=True)
        return
    dev: list[Dataset] = [each for each in data.dev if each.head in trained.encoder.n_labels]
    made = make_bundle(trained, wanted, dev=dev, texts=[row.text for row in data.rows])
    click.echo(report(made))
