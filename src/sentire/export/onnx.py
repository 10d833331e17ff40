"""Write a trained network as ONNX.

Reads:   a PyTorch module that takes ``input_ids`` and ``attention_mask`` and gives named outputs
Gives:   an FP32 ONNX file with rows and tokens as free dimensions
Never:   quantizes; ``quantize.py`` does
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from sentire.errors import OutputError
from sentire.export.graph import name_outputs, write_graph

OPSET = 20
INPUTS = ("input_ids", "attention_mask")

_MOST_BYTES = 2_000_000_000
"""One ONNX file is one protocol buffer, which ends at 2 GiB."""
_ROWS, _TOKENS = 2, 16


def export_onnx(model: nn.Module, path: Path, *, max_length: int) -> None:
    """Trace ``model`` and write it to ``path``.

    Parameters
    ----------
    model : module
        Called with int64 tensors ``input_ids`` and ``attention_mask`` of shape (n_texts, n_tokens);
        gives a dict of output name -> float32 tensor of shape (n_texts, width). The graph's outputs
        have its names and its order.
    path : Path
        The file to write.
    max_length : int
        Longest row in tokens.

    Raises
    ------
    OutputError
        The weights don't fit into one ONNX file, or the file can't be written.
    RuntimeError
        PyTorch gave no graph, which is a fault of its version.
    """
    n_bytes = sum(tensor.numel() for tensor in model.parameters()) * 4
    if n_bytes > _MOST_BYTES:
        raise OutputError(
            f"the model has {n_bytes / 1e9:.1f} GB of weights in FP32; one ONNX file holds "
            f"{_MOST_BYTES / 1e9:.0f} GB. Choose a smaller model, or distill this one first."
        )
    model.eval()
    width = min(_TOKENS, max_length)
    example = torch.full((_ROWS, width), 5, dtype=torch.int64)
    mask = torch.ones_like(example)
    with torch.no_grad():
        names = list(model(example, mask))
    free = {0: torch.export.Dim("rows", max=4096), 1: torch.export.Dim("tokens", max=max_length)}
    with _quiet():
        program = torch.onnx.export(
            model,
            (example, mask),
            dynamo=True,
            verbose=False,
            input_names=list(INPUTS),
            output_names=[f"output.{name}" for name in names],
            dynamic_shapes=dict.fromkeys(INPUTS, free),
            opset_version=OPSET,
            external_data=False,
        )
    if program is None:  # the old exporter's return value; ``dynamo=True`` always gives a program
        raise RuntimeError("PyTorch gave no ONNX program")
    graph = program.model_proto
    name_outputs(graph, names)
    write_graph(graph, path)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of its own deprecations and of libraries that it does not need."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
