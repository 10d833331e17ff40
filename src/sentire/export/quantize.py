"""Make an FP32 ONNX file INT8.

Reads:   an FP32 ONNX file and token ids to calibrate with
Gives:   one file in which linear layers are QDQ nodes and the word embeddings are INT8 rows
Never:   judges the result; the recipe's gate does, on the served graph
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from sentire.optional import import_nncf

Inputs = dict[str, npt.NDArray[np.int64]]


def quantize(
    source: Path, target: Path, calibration: Sequence[Inputs], *, keep: Sequence[str] = ()
) -> None:
    """Post-training static quantization.

    Activations and weights of the linear layers become INT8 by NNCF's transformer preset
    (asymmetric activations, SmoothQuant); the embedding table becomes INT8 with one scale a row.

    Parameters
    ----------
    calibration : sequence of {"input_ids", "attention_mask"}
        Each int64 of shape (n_texts, n_tokens).
    keep : node names that stay in FP32
    """
    nncf = import_nncf()
    model = onnx.load(source)
    quantize_embedding(model)
    quantized = nncf.quantize(
        model,
        nncf.Dataset(list(calibration)),
        subset_size=len(calibration),
        preset=nncf.QuantizationPreset.MIXED,
        model_type=nncf.ModelType.TRANSFORMER,
        target_device=nncf.TargetDevice.CPU,
        ignored_scope=nncf.IgnoredScope(names=list(keep)) if keep else None,
    )
    _drop_unused(quantized)
    onnx.checker.check_model(quantized)
    onnx.save(quantized, target)


def quantize_embedding(model: onnx.ModelProto) -> None:
    """Replace the largest gathered table by INT8 rows and a scale each.

    The rows are gathered first and scaled after: a ``DequantizeLinear`` on the whole table would
    be folded back to FP32 when a session is made, which costs four times the memory.
    """
    tables = {tensor.name: tensor for tensor in model.graph.initializer}
    gathers = [node for node in model.graph.node if node.op_type == "Gather"]
    gather = max(
        (node for node in gathers if node.input[0] in tables),
        key=lambda node: int(np.prod(tables[node.input[0]].dims)),
    )
    table = tables[gather.input[0]]
    values = numpy_helper.to_array(table).astype(np.float32)
    scales = np.maximum(np.abs(values).max(axis=1, keepdims=True) / 127, 1e-9).astype(np.float32)
    rows = np.clip(np.rint(values / scales), -127, 127).astype(np.int8)
    name, ids, output = table.name, gather.input[1], gather.output[0]
    model.graph.initializer.remove(table)
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(rows, f"{name}.int8"),
            numpy_helper.from_array(scales, f"{name}.scale"),
        ]
    )
    nodes = [
        helper.make_node("Gather", [f"{name}.int8", ids], [f"{name}.rows"], f"{name}.gather"),
        helper.make_node(
            "Cast", [f"{name}.rows"], [f"{name}.wide"], f"{name}.cast", to=TensorProto.FLOAT
        ),
        helper.make_node(
            "Gather", [f"{name}.scale", ids], [f"{name}.scales"], f"{name}.gather_scale"
        ),
        helper.make_node("Mul", [f"{name}.wide", f"{name}.scales"], [output], f"{name}.mul"),
    ]
    at = list(model.graph.node).index(gather)
    model.graph.node.remove(gather)
    for offset, node in enumerate(nodes):
        model.graph.node.insert(at + offset, node)


def _drop_unused(model: onnx.ModelProto) -> None:
    """Initializers that no node reads any more would only make the file larger."""
    read = {name for node in model.graph.node for name in node.input}
    for tensor in [t for t in model.graph.initializer if t.name not in read]:
        model.graph.initializer.remove(tensor)
    del model.graph.value_info[:]
