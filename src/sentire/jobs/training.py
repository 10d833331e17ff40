"""Fine-tune a backbone on labelled texts, into a bundle.

Reads:   the options of a run
Gives:   trained weights with their history, and a bundle of them
Never:   learns a text that the run is judged by
"""

from sentire.jobs.runs import RunOptions, RunResult, check_run, finish, learn, new_job
from sentire.progress import StageProgress
from sentire.training.backbone import open_backbone
from sentire.training.run import RunCallbacks, prune_vocabulary
from sentire.training.run import train as run_training


class TrainOptions(RunOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a fine-tuning run is told."""

    backbone: str = "zh-en"
    """Where learning starts: ``e5-small``, a bundle's name or folder, a folder in Hugging Face
    layout, or a name on the Hub."""


def train(
    options: TrainOptions,
    *,
    watch: RunCallbacks | None = None,
    progress: StageProgress = lambda _stage, _done, _total: None,
) -> RunResult:
    """Train, export, quantize, calibrate, measure, write.

    Parameters
    ----------
    options : TrainOptions
    watch : RunCallbacks, optional
        Told of every step and every message of the run; says when to stop.
    progress : function, optional
        Told the stage of the bundle's making, how much of it is done, and of how much.

    Raises
    ------
    OptionError, SourceError
        An option, an input or its labels can't be used.
    TrainingFailed, Interrupted
        See :func:`~sentire.training.finetune.finetune`.
    BundleError, OutputError
        The bundle can't be made or written.
    """
    check_run(options, backbones=[options.backbone])
    watch = watch or RunCallbacks()
    backbone = open_backbone(options.backbone).shrink(options.layers, None)
    job = new_job(options, watch)
    if options.vocabulary is not None:
        backbone, pruned = prune_vocabulary(
            backbone, job.data.rows, job.text, size=options.vocabulary
        )
        watch.say(pruned.summary())
    trained = learn(job, lambda job: run_training(job, backbone, name=options.backbone))
    return finish(job, trained, options, progress)
