"""Write a trained network as ONNX.

Reads:   a PyTorch module that takes ``input_ids`` and ``attention_mask`` and gives logits
Gives:   an FP32 ONNX file with rows and tokens as free dimensions
Never:   quantizes; ``quantize.py`` does
"""

import warnings
from pathlib import Path

import torch
from torch import nn

OPSET = 20
INPUTS = ("input_ids", "attention_mask")
OUTPUT = "logits"


def export_onnx(model: nn.Module, path: Path, *, max_length: int) -> None:
    """Trace ``model`` and write it to ``path``.

    Parameters
    ----------
    model : module
        Called with int64 tensors ``input_ids`` and ``attention_mask`` of shape (n_texts, n_tokens);
        gives float32 logits of shape (n_texts, n_labels).
    max_length : int
        Longest row in tokens.
    """
    model.eval()
    example = torch.full((2, 16), 5, dtype=torch.int64)
    free = {0: torch.export.Dim("rows", max=4096), 1: torch.export.Dim("tokens", max=max_length)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            model,
            (example, torch.ones_like(example)),
            dynamo=True,
            verbose=False,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_shapes=dict.fromkeys(INPUTS, free),
            opset_version=OPSET,
            external_data=False,
        )
    if program is None:  # the old exporter's return value; ``dynamo=True`` always gives a program
        raise RuntimeError("PyTorch gave no ONNX program")
    program.save(str(path))
