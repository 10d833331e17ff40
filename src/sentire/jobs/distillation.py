"""Distil trained networks into a small one, into a bundle.

Reads:   the options of a run
Gives:   a trained student with its history, and a bundle of it
Never:   asks a teacher about a language that it was not named for
"""

from pathlib import Path

from sentire.errors import OptionError
from sentire.jobs.runs import RunOptions, RunResult, check_run, finish, learn, new_job
from sentire.progress import StageProgress
from sentire.training.backbone import open_backbone
from sentire.training.distill import Distillation
from sentire.training.run import RunCallbacks, prune_vocabulary
from sentire.training.students import Teacher, layers_of
from sentire.training.students import distill as run_distillation
from sentire.training.trained import load_trained


class DistillOptions(RunOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a distillation run is told."""

    teachers: tuple[str, ...]
    """``FOLDER`` or ``FOLDER=LANGUAGES``: a trained network, and the languages it teaches, such as
    ``zh,en``; all by default."""
    backbone: str | None = None
    """Where the student starts; None is the first teacher's layers."""
    topics: str | None = None
    """Backbone whose idea of topics the embedding imitates; None makes no embedding."""
    distillation: Distillation = Distillation()


def distill(
    options: DistillOptions,
    *,
    watch: RunCallbacks | None = None,
    progress: StageProgress = lambda _stage, _done, _total: None,
) -> RunResult:
    """Train a student to answer as its teachers do, and make a bundle of it.

    Parameters
    ----------
    options : DistillOptions
    watch, progress : as :func:`~sentire.jobs.training.train` takes them

    Raises
    ------
    OptionError, SourceError
        An option, an input or a teacher can't be used.
    TrainingFailed, Interrupted
        See :func:`~sentire.training.finetune.finetune`.
    BundleError, OutputError
        The bundle can't be made or written.
    """
    taught = [given.partition("=")[0] for given in options.teachers]
    check_run(options, backbones=[*taught, options.backbone, options.topics])
    if options.backbone is None and options.vocabulary is not None:
        raise OptionError(
            "--vocabulary goes with --backbone; a teacher's layers keep its vocabulary"
        )
    watch = watch or RunCallbacks()
    teachers = [_teacher(given) for given in options.teachers]
    first = teachers[0].trained
    student = (
        layers_of(first, options.layers)
        if options.backbone is None
        else open_backbone(options.backbone).shrink(options.layers, None)
    )
    job = new_job(options, watch)
    if options.vocabulary is not None:
        student, pruned = prune_vocabulary(
            student, job.data.rows, job.text, size=options.vocabulary
        )
        watch.say(pruned.summary())
    topics = None if options.topics is None else open_backbone(options.topics)
    trained = learn(
        job,
        lambda job: run_distillation(
            job,
            student,
            teachers,
            options.distillation,
            name=options.backbone or first.record.backbone,
            topics_from=topics,
        ),
    )
    return finish(job, trained, options, progress)


def _teacher(given: str) -> Teacher:
    folder, _, languages = given.partition("=")
    return Teacher(load_trained(Path(folder)), tuple(languages.split(",")) if languages else ())
