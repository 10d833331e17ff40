"""The end of learning: from an FP32 graph to a bundle that can be served and trusted.

Reads:   a folder with an FP32 ``model.onnx``, ``tokenizer.json`` and ``config.json``; what is known
         of the model; development sets; texts to calibrate with
Gives:   a bundle: quantized within the limits, calibrated, measured, self-tested
Never:   leaves half a bundle, or one that breaks a limit
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from sentire.bundle.manifest import Golden, Manifest
from sentire.bundle.store import MODEL_NAME, TOKENIZER_NAME, Bundle, read_bundle, write_bundle
from sentire.errors import BundleDamaged, SourceError
from sentire.evaluation.assessment import check_classes
from sentire.evaluation.datasets import Dataset
from sentire.evaluation.scores import check_head
from sentire.export.draft import CONFIG_NAME, open_draft
from sentire.export.figures import GraphMeasurements, evaluations
from sentire.export.gate import GateLimits, GateVerdict
from sentire.export.gated_quantization import (
    GatedGraph,
    QuantizationContext,
    quantize_within_limits,
)
from sentire.export.graph import is_quantized, read_graph
from sentire.export.output import finished, output_workspace
from sentire.export.probes import calibration_texts
from sentire.export.search import GateTrial
from sentire.export.temperature import fit_head
from sentire.inference.load import load
from sentire.labels import LABELS
from sentire.progress import StageProgress
from sentire.types import Prediction

_FILES = (MODEL_NAME, TOKENIZER_NAME, CONFIG_NAME)
_FILES_BESIDE = ("tokenizer_config.json", "LICENSE")


class AssemblyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a bundle is assembled."""

    limits: GateLimits = GateLimits()
    int8: bool = True
    """False leaves the graph in FP32, to be quantized later."""
    force: bool = False
    """Replace a bundle that stands at the output."""


class Assembled(NamedTuple):
    """A finished bundle and how it came about."""

    bundle: Bundle
    whole: GateVerdict | None
    """Of the graph with every layer in INT8; None where nothing was quantized."""
    trial: GateTrial | None
    """What was kept in FP32, and the verdict of the graph that is served."""


def assemble(
    folder: Path,
    manifest: Manifest,
    output: Path,
    *,
    dev: Sequence[Dataset] = (),
    calibration: Sequence[str] = (),
    options: AssemblyOptions | None = None,
    progress: StageProgress = lambda _stage, _done, _total: None,
) -> Assembled:
    """Quantize, calibrate, measure, write, and load what was written.

    Parameters
    ----------
    folder : Path
        With ``model.onnx`` in FP32, ``tokenizer.json``, ``config.json``, and perhaps
        ``tokenizer_config.json``. It is only read.
    manifest : Manifest
        As :func:`~sentire.export.draft.draft` makes it. Without development sets its temperatures
        are kept, and the bundle says that nobody has measured it.
    output : Path
        Folder of the new bundle.
    dev : labelled sets that the model was not trained on
    calibration : unlabelled texts like those that will be served; the packaged ones by default
    options : AssemblyOptions, optional
        The limits of INT8, and whether to make it; by default those of ``AssemblyOptions()``.
    progress : function
        Told the stage, how much of it is done, and how much there is; 0 where nobody knows.

    Raises
    ------
    BundleError
        INT8 loses more than the limits allow, or the engines disagree.
    OptionError, OutputError
        The bundle can't be written there.
    SourceError, UnsupportedRequest
        The folder lacks a file, or its graph is INT8 already, or a set does not fit the model.
    """
    options = options or AssemblyOptions()
    check_data(manifest, dev)
    with output_workspace(output, force=options.force) as workspace:
        fp32 = workspace / "fp32"
        _copy(folder, fp32)
        context = QuantizationContext(
            manifest,
            (fp32 / TOKENIZER_NAME).read_text(encoding="utf-8"),
            dev=dev,
            texts=list(calibration) or calibration_texts(manifest.languages),
            progress=progress,
        )
        full = context.measure(fp32, "measuring FP32")
        gated: GatedGraph | None = None
        served, measured = fp32, full
        if options.int8:
            gated = quantize_within_limits(fp32, full, context, options.limits, workspace=workspace)
            served, measured = gated.folder, gated.measured
        progress("proving", 0, 0)
        final = fitted(manifest, measured, full)
        _write(served, msgspec.structs.replace(final, quantization=gated and gated.record))
        served.rename(finished(workspace))
        proved = _prove(finished(workspace))
    return Assembled(proved._replace(path=output), gated and gated.whole, gated and gated.trial)


def check_data(manifest: Manifest, dev: Sequence[Dataset]) -> None:
    """Refuse sets that say nothing of this model, before any work is done.

    Raises
    ------
    UnsupportedRequest
        The model lacks the head.
    SourceError
        A set holds one label only.
    """
    for dataset in dev:
        check_head(manifest, dataset)
        labels = zip(LABELS[dataset.head], dataset.allowed, strict=True)
        check_classes(dataset.name, [label for label, occurs in labels if occurs])


def fitted(manifest: Manifest, served: GraphMeasurements, full: GraphMeasurements) -> Manifest:
    """Add temperatures, thresholds and figures; heads without a development set stay as they are.

    Parameters
    ----------
    manifest : Manifest
        As it was before anything was measured.
    served, full : what the graph that is served, and the FP32 graph, said at temperature 1
    """
    heads = dict(manifest.heads)
    for name in LABELS:
        sets = [scored for scored in served.sets if scored.dataset.head == name]
        if name in heads and sets:
            fit = fit_head(sets, heads[name].labels, manifest.languages)
            heads[name] = msgspec.structs.replace(
                heads[name],
                temperature=fit.temperature,
                calibration_error=fit.error,
                low_confidence=fit.low_confidence,
            )
    records = tuple(evaluations(full, served))
    return msgspec.structs.replace(manifest, heads=heads, evaluation=records)


def _copy(folder: Path, target: Path) -> None:
    """Copy what a bundle is made of; a graph that is INT8 already is refused."""
    for name in _FILES:
        if not (folder / name).is_file():
            raise SourceError(
                f"{folder} has no {name}. It must hold {', '.join(_FILES)}, the graph in FP32."
            )
    if is_quantized(read_graph(folder / MODEL_NAME)):
        raise SourceError(f"{folder / MODEL_NAME} is INT8 already. Give the FP32 graph.")
    target.mkdir()
    for name in (*_FILES, *_FILES_BESIDE):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)


def _write(folder: Path, manifest: Manifest) -> None:
    """Write the bundle with the golden answers that follow from its temperatures."""
    with open_draft(folder, manifest) as analyzer:
        answers = list(analyzer.analyze_many(golden.text for golden in manifest.golden))
    golden = tuple(
        Golden(text=answer.text, probabilities=answer.probabilities)
        for answer in answers
        if isinstance(answer, Prediction)
    )
    if not golden:
        raise BundleDamaged(folder, "the model answers none of the golden sentences")
    write_bundle(folder, msgspec.structs.replace(manifest, golden=golden))


def _prove(folder: Path) -> Bundle:
    """Load the bundle as a server would, on both engines, with every check there is."""
    for engine in ("openvino", "onnxruntime"):
        load(folder, engine=engine).close()
    return read_bundle(folder)
