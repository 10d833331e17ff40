"""INT8 graphs: what is in the file, that both engines read it alike, and what can be undone."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    RobertaConfig,
)

from sentire.backends.onnxruntime import OnnxRuntimeBackend
from sentire.backends.openvino import OpenVinoBackend
from sentire.errors import BackendError
from sentire.export.engines import largest_difference
from sentire.export.graph import read_graph, word_gather, write_graph
from sentire.export.label_adapter import LabelAdapter
from sentire.export.onnx import export_onnx
from sentire.export.quantize import Quantized
from sentire.export.sensitivity import layer_costs
from sentire.inference.batching import pad

SHAPE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "max_position_embeddings": 66,
    "vocab_size": 300,
    "num_labels": 3,
}
CONFIGS = {
    "bert": BertConfig(**SHAPE, pad_token_id=0),
    "more positions than words": BertConfig(
        **{**SHAPE, "vocab_size": 50, "max_position_embeddings": 512}, pad_token_id=0
    ),
    "roberta": RobertaConfig(**SHAPE, pad_token_id=1),
    "electra": ElectraConfig(**SHAPE, embedding_size=32, pad_token_id=0),
    "distilbert": DistilBertConfig(
        vocab_size=300, dim=64, n_layers=2, n_heads=2, hidden_dim=128, max_position_embeddings=66,
        num_labels=3, pad_token_id=0,
    ),
}  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore")


def make(name, path, *, spoil=None):
    """Export a network of random weights whose answers differ from text to text."""
    torch.manual_seed(4)
    model = AutoModelForSequenceClassification.from_config(CONFIGS[name]).eval()
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.15)
    if spoil is not None:
        spoil(model)
    export_onnx(LabelAdapter(model, {"a": [0], "b": [1], "c": [2]}), path, max_length=64)


def rows(n=24, most=50):
    generator = np.random.default_rng(1)
    return [
        generator.integers(5, most, generator.integers(3, 60)).astype(np.int32) for _ in range(n)
    ]


def inputs():
    return [
        {
            "input_ids": ids[None].astype(np.int64),
            "attention_mask": np.ones((1, ids.size), np.int64),
        }
        for ids in rows()
    ]


@pytest.fixture(scope="module", params=list(CONFIGS))
def quantized(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "fp32.onnx"
    make(request.param, path)
    return Quantized(path, inputs())


@pytest.fixture(scope="module")
def files(quantized, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    write_graph(quantized.fp32, folder / "fp32.onnx")
    write_graph(quantized.graph(), folder / "int8.onnx")
    write_graph(quantized.graph(list(quantized.layers)), folder / "restored.onnx")
    return folder


def logits(path, engine=OnnxRuntimeBackend):
    backend = engine(path, threads=1)
    found = backend.run(pad(rows(), pad_id=0))["logits"]
    backend.close()
    return found


def test_the_words_embeddings_are_int8_rows_also_where_another_table_is_larger(quantized, files):
    graph = onnx.load(files / "int8.onnx").graph
    sizes = {tensor.name: tensor for tensor in graph.initializer}
    table = sizes[f"{quantized.embedding}.int8"]
    assert "word_embeddings" in quantized.embedding
    assert table.data_type == TensorProto.INT8
    assert table.dims[0] in {300, 50}
    assert quantized.embedding not in sizes


def test_linear_layers_are_qdq_and_the_file_is_small(files):
    graph = onnx.load(files / "int8.onnx").graph
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in graph.node}
    large = [t for t in graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) == 2]
    assert all(min(tensor.dims) == 1 for tensor in large), "every matrix is INT8"


def test_both_engines_read_an_int8_file_alike_and_near_the_network(files):
    expected = logits(files / "fp32.onnx")
    spread = expected.max() - expected.min()
    one, other = (logits(files / "int8.onnx", e) for e in (OpenVinoBackend, OnnxRuntimeBackend))
    assert np.abs(one - expected).mean() < 0.05 * spread
    assert np.abs(one - other).max() < 0.03 * spread


def test_engines_are_compared_in_batches(files):
    backends = [e(files / "int8.onnx", threads=1) for e in (OpenVinoBackend, OnnxRuntimeBackend)]
    gap = largest_difference(*backends, rows(), pad_id=0, reading=lambda outputs: outputs)
    assert 0 <= gap < 0.3
    for backend in backends:
        backend.close()


def test_layers_that_are_given_back_compute_what_they_did(quantized, files):
    expected = logits(files / "fp32.onnx")
    whole, restored = (
        np.abs(logits(files / f"{n}.onnx") - expected).max() for n in ("int8", "restored")
    )
    assert restored < 0.25 * whole, "what is left is the embeddings' rounding"
    left = onnx.load(files / "restored.onnx").graph.node
    assert not [node for node in left if node.op_type == "QuantizeLinear"]


def test_layers_are_called_as_in_the_network(quantized):
    assert any(
        name.endswith(("attention.self.query", "attention.q_lin")) for name in quantized.layers
    )


def test_one_layer_in_fp32_leaves_the_others_in_int8(quantized):
    layer = next(name for name in quantized.layers if name.endswith((".dense", ".lin1")))
    whole, without = (quantized.graph(kept) for kept in ([], [layer]))
    n_quantizers = [
        sum(node.op_type == "DequantizeLinear" for node in model.graph.node)
        for model in (whole, without)
    ]
    assert 0 < n_quantizers[0] - n_quantizers[1] <= 4
    assert without.ByteSize() > whole.ByteSize()


def test_what_is_int8_already_is_refused(files):
    with pytest.raises(BackendError, match="quantized already"):
        Quantized(files / "int8.onnx", inputs())


def test_what_is_no_onnx_file_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(BackendError, match="no ONNX file"):
        read_graph(tmp_path / "model.onnx")


def spoil_one_layer(model):
    """Values of two channels a thousand times the others: INT8 has no steps left for the rest.

    What reads them gives them almost no weight, so that FP32 loses nothing.
    """
    attention = model.bert.encoder.layer[0].attention
    with torch.no_grad():
        attention.self.value.weight[:2] *= 1000
        attention.output.dense.weight[:, :2] /= 10_000


def test_the_layer_that_hurts_is_found(tmp_path):
    make("bert", tmp_path / "fp32.onnx", spoil=spoil_one_layer)
    quantized = Quantized(tmp_path / "fp32.onnx", inputs())
    seen = []
    costs = layer_costs(
        quantized, rows(), heads=["logits"], pad_id=0, threads=1,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert costs[0].layer == "model.bert.encoder.layer.0.attention.self"
    assert costs[0].divergence > 5 * abs(costs[1].divergence)
    assert seen[-1] == (len(quantized.layers), len(quantized.layers))


def test_a_graph_without_a_table_of_words_has_no_word_gather(tmp_path):
    node = onnx.helper.make_node("Cast", ["input_ids"], ["out"], to=TensorProto.FLOAT)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "g", [value("input_ids", TensorProto.INT64, ["n", "m"])],
        [value("out", TensorProto.FLOAT, ["n", "m"])],
    )  # fmt: skip
    assert word_gather(onnx.helper.make_model(graph)) is None
