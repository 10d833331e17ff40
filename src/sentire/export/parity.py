"""See that a graph computes what the network does, on both engines.

Reads:   a PyTorch module, an ONNX file, token ids of real texts
Gives:   the largest difference on each engine
Never:   compares padded with padded only: PyTorch reads each row alone, the engines also in a batch
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from sentire.arrays import TokenIds
from sentire.backends.base import Backend, Logits
from sentire.backends.onnxruntime import OnnxRuntimeBackend
from sentire.backends.openvino import OpenVinoBackend
from sentire.errors import BackendError
from sentire.export.engines import batches
from sentire.types import Batch

PARITY_TOLERANCE = 2e-3
"""Largest accepted difference of FP32 outputs, relative to the largest output where that is above
1. Kernels add in other orders: a 12-layer encoder differs by about 1e-4; a wrong mask, a wrong
position or a lost layer by 0.01 and more."""


class Parity(NamedTuple):
    """How far an engine is from the network."""

    engine: str
    alone: float
    """Largest difference, each row by itself."""
    batched: float
    """Largest difference, rows of different lengths padded together."""


def check_parity(
    model: nn.Module, graph: Path, rows: Sequence[TokenIds], *, pad_id: int, threads: int = 2
) -> list[Parity]:
    """Compare OpenVINO and ONNX Runtime with PyTorch.

    Parameters
    ----------
    model : module that gives a dict of output name -> tensor of shape (n_texts, width)
    graph : Path
        The FP32 ONNX file that was written of it.
    rows : int32 arrays of shape (n_tokens,), with special tokens, of several lengths
    pad_id : int
        Of the tokenizer.
    threads : int
        CPUs that each engine may use.

    Raises
    ------
    BackendError
        A difference is above :data:`PARITY_TOLERANCE`, or an engine can't run the graph.
    """
    expected = [_reference(model, ids) for ids in rows]
    found = [
        _compare(OpenVinoBackend(graph, threads=threads), expected, rows, pad_id),
        _compare(OnnxRuntimeBackend(graph, threads=threads), expected, rows, pad_id),
    ]
    for parity in found:
        worst = max(parity.alone, parity.batched)
        if not worst <= PARITY_TOLERANCE:
            raise BackendError(
                f"the ONNX graph on {parity.engine} differs from PyTorch by {worst:.2g}; at most "
                f"{PARITY_TOLERANCE:g} is accepted. This network can't be exported faithfully."
            )
    return found


def _reference(model: nn.Module, ids: TokenIds) -> Logits:
    row = torch.from_numpy(ids.astype(np.int64))[None]
    with torch.no_grad():
        outputs = model(row, torch.ones_like(row))
    return {name: tensor.float().numpy()[0] for name, tensor in outputs.items()}


def _compare(
    backend: Backend, expected: Sequence[Logits], rows: Sequence[TokenIds], pad_id: int
) -> Parity:
    try:
        alone = [backend.run(Batch(ids[None].astype(np.int64), np.ones((1, len(ids)), np.int64)))
                 for ids in rows]  # fmt: skip
        by_itself = max(
            _difference(want, {name: values[0] for name, values in got.items()})
            for want, got in zip(expected, alone, strict=True)
        )
        together = 0.0
        for batch, places in batches(rows, pad_id):
            outputs = backend.run(batch)
            for at, place in enumerate(places):
                got = {name: values[at] for name, values in outputs.items()}
                together = max(together, _difference(expected[place], got))
        return Parity(backend.name, by_itself, together)
    finally:
        backend.close()


def _difference(expected: Logits, found: Logits) -> float:
    """Largest difference of any output; infinite where names differ or a value is not finite."""
    if expected.keys() != found.keys():
        return float("inf")
    worst = 0.0
    for name, want in expected.items():
        gap = float(np.abs(found[name] - want).max()) / max(1.0, float(np.abs(want).max()))
        worst = max(worst, gap if np.isfinite(gap) else float("inf"))
    return worst
