"""Find the layers that INT8 hurts, cheaply.

Reads:   a quantized network, a few rows of token ids
Gives:   for each layer, how much nearer the answers come to FP32 when it is kept in FP32
Never:   needs a label
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx

from sentire.arrays import TokenIds
from sentire.backends.base import Logits
from sentire.backends.onnxruntime import OnnxRuntimeBackend
from sentire.export.engines import batches
from sentire.export.graph import write_graph
from sentire.export.quantize import Quantized
from sentire.inference.postprocess import probabilities
from sentire.progress import Progress

N_ROWS = 48
"""Rows on which a layer is judged: its order settles, and 45 layers take about a minute."""


class Cost(NamedTuple):
    """What quantizing one layer costs, and what keeping it in FP32 would."""

    layer: str
    divergence: float
    """Nats of mean divergence from the FP32 answers that go away when the layer is kept; below 0
    where its error happens to undo another's."""
    n_bytes: int
    """How much larger the file is with the layer in FP32."""


def layer_costs(
    quantized: Quantized,
    rows: Sequence[TokenIds],
    *,
    kept: Sequence[str] = (),
    heads: Sequence[str],
    pad_id: int,
    threads: int,
    progress: Progress,
) -> list[Cost]:
    """Keep each layer in turn and see what it mends; the costliest first.

    Parameters
    ----------
    quantized : Quantized
        The graph in FP32 and in INT8.
    rows : int32 arrays of token ids with special tokens; :data:`N_ROWS` of them are used
    kept : layers that are in FP32 anyway; what they hid of others shows only then
    heads : names of the outputs that are logits; other outputs are compared by their angle
    pad_id : int
        Of the tokenizer.
    threads : int
        CPUs to use.
    progress : called with how many layers are done, and how many there are
    """
    step = max(1, len(rows) // N_ROWS)
    rows = sorted(rows[::step][:N_ROWS], key=len)
    with tempfile.TemporaryDirectory() as folder:

        def outputs_of(model: onnx.ModelProto) -> Logits:
            return _run(model, Path(folder, "model.onnx"), rows, pad_id, threads)

        reference = outputs_of(quantized.fp32)
        before = quantized.graph(kept)
        base = divergence(reference, outputs_of(before), heads)
        costs = []
        others = [layer for layer in quantized.layers if layer not in kept]
        for done, layer in enumerate(others, 1):
            model = quantized.graph([*kept, layer])
            gained = base - divergence(reference, outputs_of(model), heads)
            costs.append(Cost(layer, gained, model.ByteSize() - before.ByteSize()))
            progress(done, len(others))
    return sorted(costs, key=lambda cost: cost.divergence, reverse=True)


def divergence(expected: Logits, found: Logits, heads: Sequence[str]) -> float:
    """Mean Kullback-Leibler divergence over the heads, in nats, and 1 - cosine over the others.

    Parameters
    ----------
    expected, found : output name -> float32 array of shape (n_texts, width)
    heads : names of the outputs that are logits
    """
    total = 0.0
    for name, want in expected.items():
        left, right = np.asarray(want, np.float64), found[name].astype(np.float64)
        if name in heads:
            p, q = probabilities(left.astype(np.float32)), probabilities(right.astype(np.float32))
            total += float((p * (np.log(p + 1e-9) - np.log(q + 1e-9))).sum(axis=1).mean())
        else:
            norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
            total += float((1 - (left * right).sum(axis=1) / np.maximum(norms, 1e-9)).mean())
    return total


def _run(
    model: onnx.ModelProto, path: Path, rows: Sequence[TokenIds], pad_id: int, threads: int
) -> Logits:
    write_graph(model, path)
    backend = OnnxRuntimeBackend(path, threads=threads)
    try:
        parts = [backend.run(batch) for batch, _ in batches(rows, pad_id)]
    finally:
        backend.close()
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
