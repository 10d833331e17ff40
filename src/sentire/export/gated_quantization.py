"""Make the INT8 graph that holds the limits.

Reads:   a folder with the FP32 graph, what that graph says, texts to calibrate with
Gives:   a folder with the INT8 graph, as few of its layers in FP32 as the limits take
Never:   judges by another way of running than the one that serves
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentire.arrays import TokenIds
from sentire.backends.base import Logits
from sentire.backends.onnxruntime import OnnxRuntimeBackend
from sentire.backends.openvino import OpenVinoBackend
from sentire.bundle.manifest import MANIFEST_NAME, KeptLayer, Manifest, Quantization
from sentire.bundle.store import CARD_NAME, MODEL_NAME
from sentire.errors import BundleError
from sentire.evaluation.datasets import Dataset
from sentire.export.draft import open_draft, uncalibrated
from sentire.export.engines import largest_difference
from sentire.export.figures import GraphMeasurements, losses, measure_graph, shifts
from sentire.export.gate import GateLimits, GateVerdict, judge
from sentire.export.graph import write_graph
from sentire.export.quantize import Inputs, Quantized
from sentire.export.search import GateTrial, fewest
from sentire.export.sensitivity import Cost, layer_costs
from sentire.inference.postprocess import probabilities
from sentire.labels import LABELS
from sentire.progress import StageProgress
from sentire.text.path import TextPath
from sentire.threads import available_threads
from sentire.types import Document

"""Called with the name of a stage, how much of it is done, and how much there is; 0 of 0 where a
stage can't tell."""

MOST_CALIBRATION = 300
"""Texts that ranges of activations are taken from; more change nothing that can be measured."""

_MOST_GAP = 0.1
"""Largest accepted difference of a probability between two engines, over all of those texts: the
least sure of hundreds moves further than a golden sentence. That of zh-en 1.0.0 is 0.023."""


class QuantizationContext:
    """A draft, and everything that its graphs are examined with.

    Parameters
    ----------
    manifest : Manifest
        The draft.
    tokenizer_json : str
    dev : labelled sets
    texts : sequence of str
        To calibrate with; a sample is taken.
    progress : function
        Told the stage, how much of it is done, and how much there is.

    Attributes
    ----------
    texts : list of str
        To calibrate with, and to compare answers on: a sample of those that were given.
    rows : list of int32 array of shape (n_tokens,)
        Their token ids, with special tokens.
    """

    def __init__(
        self,
        manifest: Manifest,
        tokenizer_json: str,
        *,
        dev: Sequence[Dataset],
        texts: Sequence[str],
        progress: StageProgress,
    ) -> None:
        path = TextPath(tokenizer_json, manifest.text)
        step = -(-len(texts) // MOST_CALIBRATION)
        self.manifest, self.dev, self.texts = manifest, dev, list(texts[::step])
        self.progress = progress
        self.pad_id = path.pad_id
        documents = path.prepare(self.texts, on_long="truncate")
        self.rows: list[TokenIds] = [d.windows[0].ids for d in documents if isinstance(d, Document)]
        self.heads = [name for name in LABELS if name in manifest.heads]
        self.outputs = [manifest.heads[name].output for name in self.heads]

    def measure(self, folder: Path, stage: str) -> GraphMeasurements:
        """Score everything with the graph of a folder, at temperature 1."""
        with open_draft(folder, uncalibrated(self.manifest)) as analyzer:
            return measure_graph(
                analyzer,
                self.dev,
                self.texts,
                progress=lambda done, total: self.progress(stage, done, total),
            )

    def inputs(self) -> list[Inputs]:
        """What quantization is calibrated with: one row a batch, as a lone text would run."""
        return [
            {
                "input_ids": ids[None].astype(np.int64),
                "attention_mask": np.ones((1, ids.size), np.int64),
            }
            for ids in self.rows
        ]


class GatedGraph(NamedTuple):
    """An INT8 graph that holds its limits."""

    folder: Path
    measured: GraphMeasurements
    whole: GateVerdict
    """Of the graph with every layer in INT8."""
    trial: GateTrial
    """What was kept in FP32, and the verdict of this graph."""
    record: Quantization


def quantize_within_limits(
    fp32: Path,
    full: GraphMeasurements,
    context: QuantizationContext,
    limits: GateLimits,
    *,
    workspace: Path,
) -> GatedGraph:
    """Quantize; where a limit breaks, find the layers that hurt and keep them in FP32.

    Parameters
    ----------
    fp32 : folder with the FP32 graph and the files beside it
    full : what that graph says
    context : QuantizationContext
        The draft, and the texts to try graphs on.
    limits : GateLimits
    workspace : folder in which the graphs are tried

    Raises
    ------
    BundleError
        The limits don't hold even with the most layers kept, or the engines read the graph
        differently.
    """
    context.progress("quantizing", 0, 0)
    quantized = Quantized(fp32 / MODEL_NAME, context.inputs())
    tried: dict[int, tuple[Path, GraphMeasurements]] = {}

    def try_out(costs: Sequence[Cost]) -> GateVerdict:
        folder = workspace / f"int8-{len(costs)}"
        _copy_beside(fp32, folder)
        write_graph(quantized.graph([cost.layer for cost in costs]), folder / MODEL_NAME)
        stage = "measuring INT8" + (f", {len(costs)} layers in FP32" if costs else "")
        measured = context.measure(folder, stage)
        tried[len(costs)] = folder, measured
        languages = context.manifest.languages
        return judge(
            losses(full, measured, languages),
            shifts(full, measured, context.heads, languages),
            limits,
        )

    def rank(kept: Sequence[Cost]) -> list[Cost]:
        return layer_costs(
            quantized,
            context.rows,
            kept=[cost.layer for cost in kept],
            heads=context.outputs,
            pad_id=context.pad_id,
            threads=available_threads(),
            progress=lambda done, total: context.progress("finding what hurts", done, total),
        )

    whole = try_out([])
    trial = GateTrial([], whole)
    most = int(limits.most_kept * len(quantized.layers))
    if not whole.holds and most:
        trial = fewest(rank, try_out, most=most)
    if not trial.verdict.holds:
        raise BundleError(
            context.manifest.name,
            f"INT8 loses too much, even with {len(trial.kept)} of {len(quantized.layers)} layers "
            f"in FP32: {'; '.join(trial.verdict.broken)}. Nothing was written. Give calibration "
            "texts like those that will be served (--calibration), or allow more (--gate).",
        )
    folder, measured = tried[len(trial.kept)]
    record = _record(fp32, folder, context, trial, len(quantized.layers))
    return GatedGraph(folder, measured, whole, trial, record)


def engine_difference(model: Path, context: QuantizationContext) -> float:
    """Largest difference of a probability between OpenVINO and ONNX Runtime."""

    def read(logits: Logits) -> Logits:
        return {name: probabilities(logits[name]) for name in context.outputs}

    openvino = OpenVinoBackend(model, threads=available_threads())
    runtime = OnnxRuntimeBackend(model, threads=available_threads())
    try:
        return largest_difference(
            openvino, runtime, context.rows, pad_id=context.pad_id, reading=read
        )
    finally:
        openvino.close()
        runtime.close()


def _record(
    fp32: Path, int8: Path, context: QuantizationContext, trial: GateTrial, n_layers: int
) -> Quantization:
    gap = engine_difference(int8 / MODEL_NAME, context)
    if gap > _MOST_GAP:
        raise BundleError(
            context.manifest.name,
            f"OpenVINO and ONNX Runtime differ by {gap:.3f} in a probability, at most "
            f"{_MOST_GAP:g} is accepted. Nothing was written.",
        )
    polarity = [shift for shift in trial.verdict.shifts if shift.head == "polarity"]
    return Quantization(
        layers=n_layers,
        kept=tuple(
            KeptLayer(name=cost.layer, cost=round(cost.divergence, 7), bytes=cost.n_bytes)
            for cost in trial.kept
        ),
        calibration_texts=len(context.inputs()),
        fp32_bytes=(fp32 / MODEL_NAME).stat().st_size,
        int8_bytes=(int8 / MODEL_NAME).stat().st_size,
        shift={shift.language: round(shift.distance, 4) for shift in polarity},
        changed={shift.language: round(shift.changed, 4) for shift in polarity},
        engines=round(gap, 4),
    )


def _copy_beside(source: Path, target: Path) -> None:
    target.mkdir()
    for file in source.iterdir():
        if file.name not in {MODEL_NAME, CARD_NAME, MANIFEST_NAME}:
            shutil.copyfile(file, target / file.name)
