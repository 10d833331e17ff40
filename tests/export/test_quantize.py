"""A small network goes the whole way: PyTorch, ONNX, INT8, both engines."""

import numpy as np
import onnx
import pytest
import torch
from transformers import BertConfig

from sentire.backends.onnxruntime import OnnxRuntimeBackend
from sentire.backends.openvino import OpenVinoBackend
from sentire.export.onnx import export_onnx
from sentire.export.quantize import quantize
from sentire.training.encoder import SentimentEncoder
from sentire.types import Batch

CONFIG = BertConfig(
    vocab_size=500,
    hidden_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=64,
    pad_token_id=1,
)

# PyTorch's exporter and NNCF warn of their own deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")


def batch(n_rows, n_tokens, *, seed=0):
    ids = np.random.default_rng(seed).integers(4, 500, (n_rows, n_tokens))
    mask = np.ones_like(ids)
    mask[0, n_tokens // 2 :] = 0
    return Batch(ids, mask)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(2)
    return SentimentEncoder(CONFIG, n_labels=3).eval()


@pytest.fixture(scope="module")
def files(net, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    export_onnx(net, folder / "fp32.onnx", max_length=64)
    inputs = [
        {"input_ids": b.input_ids, "attention_mask": b.attention_mask}
        for b in (batch(1, 12, seed=s) for s in range(16))
    ]
    quantize(folder / "fp32.onnx", folder / "int8.onnx", inputs)
    return folder


def reference(net, rows):
    with torch.no_grad():
        return net(torch.from_numpy(rows.input_ids), torch.from_numpy(rows.attention_mask)).numpy()


@pytest.mark.parametrize("shape", [(1, 2), (3, 17), (5, 64)], ids=str)
@pytest.mark.parametrize("engine", [OpenVinoBackend, OnnxRuntimeBackend], ids=["ov", "ort"])
def test_the_exported_graph_computes_what_pytorch_does(net, files, engine, shape):
    backend = engine(files / "fp32.onnx", threads=1)
    rows = batch(*shape)
    np.testing.assert_allclose(backend.run(rows)["logits"], reference(net, rows), atol=2e-3)
    backend.close()


@pytest.mark.parametrize("engine", [OpenVinoBackend, OnnxRuntimeBackend], ids=["ov", "ort"])
def test_int8_stays_near_and_runs_on_both_engines(net, files, engine):
    backend = engine(files / "int8.onnx", threads=1)
    rows = batch(8, 20)
    expected = reference(net, rows)
    found = backend.run(rows)["logits"]
    assert np.abs(found - expected).mean() < 0.1 * (expected.max() - expected.min())
    backend.close()


def test_weights_are_int8_in_the_file(files):
    graph = onnx.load(files / "int8.onnx").graph
    sizes = {
        kind: sum(int(np.prod(t.dims)) for t in graph.initializer if t.data_type == kind)
        for kind in (onnx.TensorProto.INT8, onnx.TensorProto.FLOAT)
    }
    assert sizes[onnx.TensorProto.INT8] >= 500 * 32 + 4 * 32 * 32
    assert sizes[onnx.TensorProto.FLOAT] < 0.3 * sizes[onnx.TensorProto.INT8]
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in graph.node}
