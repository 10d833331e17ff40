"""The work of ``sentire train`` and ``sentire distill``."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click
import msgspec

from sentire.cli.bundle_report import report
from sentire.cli.stages import Stages
from sentire.cli.training_display import Display, Stop
from sentire.errors import OptionError
from sentire.jobs.bundles import BundleOptions
from sentire.jobs.distillation import DistillOptions
from sentire.jobs.distillation import distill as run_distillation
from sentire.jobs.runs import RunOptions, RunResult
from sentire.jobs.sources import ReadOptions
from sentire.jobs.training import TrainOptions
from sentire.jobs.training import train as run_training
from sentire.progress import StageProgress
from sentire.training.distill import Distillation
from sentire.training.finetune import Interrupted
from sentire.training.run import RunCallbacks
from sentire.training.schedule import Schedule

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
_SAME = ("dev", "dev_share", "max_length", "topic_rows", "vocabulary", "resume", "force")
"""Options that are fields of the run."""
_DISTILLATION = ("temperature", "hard", "hidden")


def train(data: tuple[str, ...], **options: Any) -> None:
    """Train with the options of the command line, and print what came of it.

    Parameters
    ----------
    data : names of the labelled inputs
    **options : those of ``sentire train``

    Raises
    ------
    OptionError
        An option has a value that is not allowed.
    """
    train_options = TrainOptions(
        **_of_run(data, options, f"Trained from {options['backbone']}."),
        backbone=options["backbone"],
        balance=options["balance"],
    )
    with _terminal(train_options) as (watch, progress):
        done = run_training(train_options, watch=watch, progress=progress)
    _print(done)


def distill(data: tuple[str, ...], **options: Any) -> None:
    """Distil with the options of the command line, and print what came of it.

    Parameters
    ----------
    data : names of the labelled inputs
    **options : those of ``sentire distill``

    Raises
    ------
    OptionError
        An option has a value that is not allowed.
    """
    weights = {key: options[key] for key in _DISTILLATION if options[key] is not None}
    try:
        distillation = msgspec.convert(weights, Distillation)
    except msgspec.ValidationError as error:
        raise OptionError(f"--temperature, --hard, --hidden: {error}") from None
    distill_options = DistillOptions(
        **_of_run(data, options, "Distilled."),
        teachers=options["teachers"],
        backbone=options["backbone"],
        topics=options["topics"],
        unlabelled=options["unlabelled"],
        distillation=distillation,
    )
    with _terminal(distill_options) as (watch, progress):
        done = run_distillation(distill_options, watch=watch, progress=progress)
    _print(done)


def _of_run(data: tuple[str, ...], options: dict[str, Any], description: str) -> dict[str, Any]:
    """The fields of a run's options that both commands have."""
    output = options["output"]
    bundle = BundleOptions(
        name=options["name"] or output.absolute().name.lower(),
        version=options["bundle_version"],
        description=options["description"] or description,
        licence=options["licence"],
    )
    return {
        "data": data,
        "output": output,
        "bundle": None if options["no_bundle"] else bundle,
        "reading": ReadOptions(**{name: options[name] for name in ReadOptions.__struct_fields__}),
        "layers": _numbers("--layers", options["layers"]),
        "schedule": _schedule(options),
        **{name: options[name] for name in _SAME},
    }


def _schedule(options: dict[str, Any]) -> Schedule:
    """Schedule that the options mean; a value that is not allowed is named by its option."""
    given = {
        field: options[option] for option, field in _SCHEDULE.items() if options[option] is not None
    }
    try:
        return msgspec.convert(given, Schedule)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        named = {value: key for key, value in _SCHEDULE.items()}.get(place.rstrip("`"), place)
        raise OptionError(f"--{named.replace('_', '-')}: {reason}") from None


def _numbers(option: str, given: str | None) -> tuple[int, ...] | None:
    if given is None:
        return None
    try:
        return tuple(int(part) for part in given.split(","))
    except ValueError:
        raise OptionError(f"{option} {given}: write numbers and commas, such as 0,2,4") from None


@contextmanager
def _terminal(options: RunOptions) -> Iterator[tuple[RunCallbacks, StageProgress]]:
    """Show a run's learning, then the making of its bundle; Ctrl-C ends it in good order."""
    stages: Stages | None = None
    with Stop() as stop, ExitStack() as shown:
        display = shown.enter_context(Display())

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal stages
            if stages is None:
                stop.is_learning = False
                shown.close()  # one bar at a time
                stages = shown.enter_context(Stages())
            stages(stage, done, total)

        try:
            yield RunCallbacks(display.show, stop, display.say), progress
        except Interrupted:
            display.say(
                f"stopped; the state is in {options.folder}. "
                "Run the same command with --resume to go on."
            )
            raise


def _print(done: RunResult) -> None:
    if done.bundle is None:
        click.echo(f"trained weights in {done.folder}", err=True)
    else:
        click.echo(report(done.bundle))
