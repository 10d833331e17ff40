"""Make an FP32 model INT8, within measured limits.

Reads:   a bundle or a folder whose graph is FP32, labelled sets, texts to calibrate with
Gives:   a bundle
Never:   leaves half a bundle, or one that breaks a limit
"""

from pathlib import Path

import msgspec

from sentire.evaluation.datasets import LabelledSource, read_dataset
from sentire.export.assemble import Assembled, AssemblyOptions, assemble
from sentire.export.folder import Naming, draft_of
from sentire.export.output import check_output
from sentire.io.protection import refuse_inputs
from sentire.jobs.sources import ReadOptions, labelled_sources, read_texts
from sentire.progress import StageProgress


class QuantizeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a quantization is told."""

    source: Path
    """A bundle's folder, or one with ``model.onnx``, ``tokenizer.json`` and ``config.json``."""
    output: Path
    """Folder of the new bundle."""
    data: tuple[str, ...] = ()
    """Labelled texts that the model has not learned from."""
    reading: ReadOptions = ReadOptions()
    calibration: Path | None = None
    """Texts like those that will be served; None takes the packaged sentences."""
    naming: Naming = Naming()
    assembly: AssemblyOptions = AssemblyOptions()


def quantize(
    options: QuantizeOptions, *, progress: StageProgress = lambda _stage, _done, _total: None
) -> Assembled:
    """Quantize, calibrate, measure, write.

    Parameters
    ----------
    options : QuantizeOptions
    progress : function, optional
        Told the stage, how much of it is done, and of how much.

    Raises
    ------
    OptionError, SourceError
        An option, the source or the data can't be used.
    BundleError, OutputError
        INT8 loses more than the limits allow, or the bundle can't be written.
    """
    check_output(options.output, force=options.assembly.force)
    sources = labelled_sources(options.data, LabelledSource, options.reading)
    files = [*options.data, *(source.file for source in sources)]
    refuse_inputs([options.output], [options.source, *files, *filter(None, [options.calibration])])
    dev = [read_dataset(source) for source in sources]
    calibration = [] if options.calibration is None else read_texts(options.calibration)
    return assemble(
        options.source,
        draft_of(options.source, options.naming),
        options.output,
        dev=dev,
        calibration=calibration,
        options=options.assembly,
        progress=progress,
    )
