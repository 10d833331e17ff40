"""Make a bundle of somebody else's checkpoint.

Reads:   a sequence-classification checkpoint, labelled sets, texts to calibrate with
Gives:   a bundle, and the proofs of its labels
Never:   runs anything that comes with a checkpoint
"""

from pathlib import Path

import msgspec

from sentire.evaluation.datasets import LabelledSource, read_dataset
from sentire.export.checkpoint_import import (
    CheckpointOptions,
    ImportedCheckpoint,
)
from sentire.export.checkpoint_import import import_checkpoint as import_from
from sentire.export.output import check_output
from sentire.io.protection import refuse_inputs
from sentire.jobs.sources import labelled_sources, read_texts
from sentire.progress import StageProgress


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an import is told."""

    checkpoint: str
    """A folder in Hugging Face layout, or a name on the Hub."""
    output: Path
    """Folder of the new bundle."""
    checkpoint_options: CheckpointOptions = CheckpointOptions()
    data: tuple[str, ...] = ()
    """Labelled texts that the model has not learned from."""
    calibration: Path | None = None
    """Texts like those that will be served; None takes the packaged sentences."""


def import_checkpoint(
    options: ImportOptions, *, progress: StageProgress = lambda _stage, _done, _total: None
) -> ImportedCheckpoint:
    """Read, map, prove, export, compare, assemble.

    Parameters
    ----------
    options : ImportOptions
    progress : function, optional
        Told the stage, how much of it is done, and of how much.

    Raises
    ------
    LabelsUnproven
        What the labels mean is not clear, or clear sentences contradict it.
    OptionError, SourceError
        An option, the checkpoint or the data can't be used.
    BackendError, BundleError, OutputError
        The exported graph differs, loses too much in INT8, or can't be written.
    """
    check_output(options.output, force=options.checkpoint_options.assembly.force)
    sources = labelled_sources(options.data, LabelledSource)
    files = [options.checkpoint, *options.data, *(source.file for source in sources)]
    refuse_inputs([options.output], [*files, *filter(None, [options.calibration])])
    dev = [read_dataset(source) for source in sources]
    calibration = [] if options.calibration is None else read_texts(options.calibration)
    return import_from(
        options.checkpoint,
        options.output,
        options.checkpoint_options,
        dev=dev,
        calibration=calibration,
        progress=progress,
    )
