"""Weights out of a served graph, so that learning can go on from a bundle.

Reads:   an ONNX file, in FP32 or with INT8 layers as ``export`` makes them
Gives:   the encoder's tensors under the names they were trained with
Never:   runs the graph; what INT8 rounded away stays lost, which fine-tuning makes good
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from sentire.arrays import Float32Array
from sentire.errors import MissingBackbone
from sentire.optional import import_extra

_SMOOTHED = "nncf_smooth_quant"
_WORDS = "embeddings.word_embeddings.weight"


def recover_weights(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of an encoder and its heads that a graph holds.

    A linear layer is found by its bias, which keeps its name; its matrix is dequantized, and the
    scales that smoothed its input are put back into it.

    Returns
    -------
    dict of float32 tensors, matrices of shape (n_out, n_in)

    Raises
    ------
    MissingBackbone
        The graph has no such layers.
    """
    onnx = import_extra("onnx", extra="training", purpose="learning from a bundle")
    graph = _Graph(onnx.load(path).graph, onnx.numpy_helper.to_array)
    tensors: dict[str, Float32Array] = dict(graph.plain())
    for bias, matrix in graph.linears():
        tensors[f"{bias.removesuffix('.bias')}.weight"] = matrix
    tensors.update(graph.tables())
    if not any(name.endswith(_WORDS) for name in tensors):
        raise MissingBackbone(f"{path} holds no encoder whose weights have names")
    return {
        name: torch.from_numpy(np.array(array, np.float32, order="C"))
        for name, array in tensors.items()
    }


class _Graph:
    """A graph's constants and who makes what."""

    def __init__(self, graph: Any, to_array: Any) -> None:
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._to_array = to_array
        self._nodes = list(graph.node)
        self._makers = {output: node for node in self._nodes for output in node.output}

    def plain(self) -> list[tuple[str, Float32Array]]:
        """Constants that kept their names: biases, norms, and whatever stayed in FP32."""
        return [
            (name, self._to_array(tensor))
            for name, tensor in self._constants.items()
            if name.endswith((".weight", ".bias"))
        ]

    def linears(self) -> list[tuple[str, Float32Array]]:
        """Name of the bias and matrix of each linear layer."""
        found = []
        for node in self._nodes:
            bias = next((name for name in node.input if name.endswith(".bias")), None)
            if node.op_type == "Gemm" and bias is not None:
                matrix = self._value(node.input[1])
                flipped = any(a.name == "transB" and a.i for a in node.attribute)
                if matrix is not None:
                    found.append((bias, matrix if flipped else matrix.T))
            product = self._product(node) if node.op_type == "Add" and bias is not None else None
            matrix = None if product is None else self._value(product.input[1])
            if product is not None and matrix is not None and bias is not None:
                found.append((bias, (matrix * self._smoothing(product.input[0])).T))
        return found

    def tables(self) -> list[tuple[str, Float32Array]]:
        """Embedding tables, which are gathered: INT8 rows with scales, or dequantized."""
        found = []
        for node in self._nodes:
            if node.op_type != "Gather":
                continue
            name = node.input[0]
            if name.endswith(f"{_WORDS}.int8"):
                whole = name.removesuffix(".int8")
                scales = self._find(f"{whole}.scale")
                if scales is not None:
                    found.append((whole, self._to_array(self._constants[name]) * scales))
            elif name.startswith("dq_output_") and name.endswith("embeddings.weight_1"):
                table = self._value(name)
                if table is not None:
                    found.append((name.removeprefix("dq_output_").removesuffix("_1"), table))
        return found

    def _find(self, name: str) -> Float32Array | None:
        """A constant, as it stands or dequantized."""
        for given in (name, f"dq_output_{name}_1"):
            value = self._value(given)
            if value is not None:
                return value
        return None

    def _product(self, add: Any) -> Any | None:
        """The matrix product that an addition adds a bias to."""
        makers = (self._makers.get(name) for name in add.input)
        return next(
            (node for node in makers if node is not None and node.op_type == "MatMul"), None
        )

    def _value(self, name: str) -> Float32Array | None:
        """A constant, dequantized if it has to be; None for what depends on the input."""
        if name in self._constants:
            return np.asarray(self._to_array(self._constants[name]))
        node = self._makers.get(name)
        if node is None:
            return None
        inputs = [self._value(each) for each in node.input]
        if any(each is None for each in inputs):
            return None
        if node.op_type == "Transpose":
            return np.asarray(inputs[0]).T
        if node.op_type != "DequantizeLinear":
            return None
        quantized, scale, *zero = (np.asarray(each) for each in inputs)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        shape = [1] * quantized.ndim
        if scale.ndim:
            shape[axis] = -1
        offset = zero[0].astype(np.float32).reshape(shape) if zero else 0.0
        return np.asarray(
            (quantized.astype(np.float32) - offset) * scale.reshape(shape), np.float32
        )

    def _smoothing(self, name: str) -> Float32Array:
        """Scales on the input of a product, shape (n_in, 1), which its matrix was divided by."""
        node = self._makers.get(name)
        while node is not None and node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            node = self._makers.get(node.input[0])
        if node is not None and node.op_type == "Mul" and _SMOOTHED in node.name:
            for each in node.input:
                if each in self._constants:
                    return np.asarray(self._to_array(self._constants[each])).reshape(-1, 1)
        return np.ones((1, 1), np.float32)
