"""Read and mend ONNX graphs.

Reads:   the FP32 graph, and the graph that quantization made of it
Gives:   word embeddings as INT8 rows; chosen layers back in FP32; names that people know
Never:   decides what to change; ``quantize.py`` and ``search.py`` do
"""

import ast
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sentire.errors import BackendError, OutputError
from sentire.io.failures import unwritable

_QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_SAME_IDS = frozenset({"Cast", "Identity", "Reshape", "Unsqueeze", "Squeeze", "Flatten"})
"""Nodes that token ids pass without becoming something else."""
_SCOPES = "pkg.torch.onnx.name_scopes"


def read_graph(path: Path) -> onnx.ModelProto:
    """Load an ONNX file.

    Raises
    ------
    BackendError
        It is none.
    """
    try:
        return onnx.load(path)
    except Exception as error:  # protobuf's decoder has errors of its own
        raise BackendError(f"{path} is no ONNX file that can be read: {error}") from None


def write_graph(model: onnx.ModelProto, path: Path) -> None:
    """Check a graph and save it.

    What the exporter noted about nodes is left out, but for the modules they come from: it quotes
    source code, and names folders of the machine that the graph was made on.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    for node in model.graph.node:
        noted = [entry for entry in node.metadata_props if entry.key == _SCOPES]
        del node.metadata_props[:]
        node.metadata_props.extend(noted)
        node.doc_string = ""
    onnx.checker.check_model(model)
    try:
        onnx.save(model, path)
    except OSError as error:
        raise OutputError(unwritable(path, error)) from None


def name_outputs(model: onnx.ModelProto, names: Sequence[str]) -> None:
    """Name the outputs; a tensor inside that has such a name already gives it up.

    PyTorch's exporter calls tensors after operators, such as ``embedding``, and does not look
    whether an output is called so.
    """
    outputs = [output.name for output in model.graph.output]
    new = {name: f"{name}.inside" for name in names} | dict(zip(outputs, names, strict=True))
    for node in model.graph.node:
        for tensors in (node.input, node.output):
            for at, tensor in enumerate(tensors):
                tensors[at] = new.get(tensor, tensor)
    for value in (*model.graph.output, *model.graph.value_info, *model.graph.initializer):
        value.name = new.get(value.name, value.name)


def is_quantized(model: onnx.ModelProto) -> bool:
    """Whether the graph holds INT8 nodes already."""
    return any(node.op_type in _QUANTIZERS for node in model.graph.node)


def word_gather(model: onnx.ModelProto) -> NodeProto | None:
    """The node that looks up word embeddings: a constant table, indexed by ``input_ids``.

    The largest table is not it where the vocabulary is smaller than the number of positions. None
    where the graph computes embeddings in another way.
    """
    tables = {tensor.name: tensor for tensor in model.graph.initializer}
    makers = {output: node for node in model.graph.node for output in node.output}
    node: NodeProto
    for node in model.graph.node:
        if node.op_type != "Gather" or node.input[0] not in tables:
            continue
        ids = node.input[1]
        while ids in makers and makers[ids].op_type in _SAME_IDS:
            ids = makers[ids].input[0]
        table = tables[node.input[0]]
        if ids == "input_ids" and len(table.dims) == 2 and _axis(node) == 0:
            return node
    return None


def quantize_rows(model: onnx.ModelProto, gather: NodeProto) -> None:
    """Replace a gathered table by INT8 rows and a scale each.

    The rows are gathered first and scaled after: a ``DequantizeLinear`` on the whole table would
    be folded back to FP32 when a session is made, which costs four times the memory.

    Parameters
    ----------
    model : ModelProto
        It is changed.
    gather : a ``Gather`` node of ``model`` on a 2-D FP32 initializer, along its first axis
    """
    [table] = [tensor for tensor in model.graph.initializer if tensor.name == gather.input[0]]
    values = numpy_helper.to_array(table).astype(np.float32)
    scales = np.maximum(np.abs(values).max(axis=1, keepdims=True) / 127, 1e-9).astype(np.float32)
    rows = np.clip(np.rint(values / scales), -127, 127).astype(np.int8)
    name, ids, output = table.name, gather.input[1], gather.output[0]
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
    drop_unused(model)


def quantized_layers(fp32: onnx.ModelProto, int8: onnx.ModelProto) -> dict[str, list[str]]:
    """Layers whose nodes read quantized values, in the order of the graph.

    Returns
    -------
    dict of layer name -> names of its nodes. Nodes that PyTorch's exporter ascribes to one module
    are one layer, such as ``encoder.layer.0.attention.self``; others are layers by themselves.
    """
    before = {node.name: node for node in fp32.graph.node}
    layers: dict[str, list[str]] = {}
    for node in int8.graph.node:
        original = before.get(node.name)
        if original is not None and list(original.input) != list(node.input):
            layers.setdefault(_module(original), []).append(node.name)
    return layers


def restore(
    fp32: onnx.ModelProto, int8: onnx.ModelProto, names: Collection[str]
) -> onnx.ModelProto:
    """Give some nodes of a quantized graph their FP32 inputs back.

    Quantization leaves the names of tensors as they were and puts its nodes between them, so a node
    that reads what it read before computes what it did before. The bias behind a restored node,
    which was corrected for the error of INT8, gets its old value as well.

    Parameters
    ----------
    fp32 : ModelProto
        The graph before.
    int8 : ModelProto
        The quantized graph; it is not changed.
    names : of nodes, as in :func:`quantized_layers`
    """
    mended = onnx.ModelProto()
    mended.CopyFrom(int8)
    before = {node.name: node for node in fp32.graph.node}
    constants = {tensor.name: tensor for tensor in fp32.graph.initializer}
    present = {tensor.name: tensor for tensor in mended.graph.initializer}
    outputs: set[str] = set()
    for node in mended.graph.node:
        if node.name in names:
            del node.input[:]
            node.input.extend(before[node.name].input)
            outputs.update(node.output)
            missing = [name for name in node.input if name in constants and name not in present]
            for name in missing:
                present[name] = mended.graph.initializer.add()
                present[name].CopyFrom(constants[name])
    for node in mended.graph.node:
        corrected = node.op_type == "Add" and outputs.intersection(node.input)
        for name in node.input if corrected or node.name in names else ():
            if name in constants:
                present[name].CopyFrom(constants[name])
    drop_unused(mended)
    return mended


def drop_unused(model: onnx.ModelProto) -> None:
    """Remove nodes and constants that nothing reads; they would only make the file larger."""
    wanted = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):  # ONNX wants makers before readers
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(kept))
    for tensor in [t for t in model.graph.initializer if t.name not in wanted]:
        model.graph.initializer.remove(tensor)
    del model.graph.value_info[:]


def _module(node: NodeProto) -> str:
    """The PyTorch module that a node was traced in, or the node's own name."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            scopes = [scope for scope in _strings(entry.value)[:-1] if scope]
            if scopes:
                return scopes[-1]
    return node.name


def _strings(written: str) -> list[str]:
    try:
        value = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return []
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []


def _axis(node: NodeProto) -> int:
    return next((int(a.i) for a in node.attribute if a.name == "axis"), 0)
