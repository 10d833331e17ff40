"""A network of several outputs becomes one graph that computes the same on both engines."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from transformers import BertConfig

from sentire.errors import BackendError, OutputError
from sentire.export.onnx import export_onnx
from sentire.export.parity import PARITY_TOLERANCE, check_parity
from sentire.training.encoder import Encoder

CONFIG = BertConfig(
    vocab_size=500,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=64,
    pad_token_id=1,
)
ROWS = [
    np.random.default_rng(n).integers(4, 500, n).astype(np.int32) for n in (1, 2, 5, 17, 40, 63, 64)
]

pytestmark = pytest.mark.filterwarnings("ignore")


def encoder(seed=2):
    torch.manual_seed(seed)
    net = Encoder(CONFIG, heads={"polarity": 3, "emotion": 7}, embedding=16).eval()
    for head in net.heads.values():
        nn.init.normal_(head.weight)  # outputs of a size at which a difference would show
    return net


@pytest.fixture(scope="module")
def net():
    return encoder()


@pytest.fixture(scope="module")
def graph(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(net, path, max_length=64)
    return path


def test_outputs_keep_their_names_and_order(graph):
    assert [output.name for output in onnx.load(graph).graph.output] == [
        "logits",
        "emotion",
        "embedding",
    ]


def test_both_engines_compute_what_pytorch_does_alone_and_in_a_batch(net, graph):
    found = check_parity(net, graph, ROWS, pad_id=1)
    assert [parity.engine for parity in found] == ["openvino", "onnxruntime"]
    assert all(0 < max(p.alone, p.batched) < PARITY_TOLERANCE for p in found)


def test_a_graph_of_another_network_is_refused(graph):
    with pytest.raises(BackendError, match="differs from PyTorch"):
        check_parity(encoder(seed=3), graph, ROWS, pad_id=1)


class Careless(nn.Module):
    """Reads the padding like a text."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, input_ids, attention_mask):
        return self.net(input_ids, torch.ones_like(attention_mask) + 0 * attention_mask)


def test_a_graph_that_reads_the_padding_is_refused(net, tmp_path):
    export_onnx(Careless(net), tmp_path / "model.onnx", max_length=64)
    with pytest.raises(BackendError, match="can't be exported faithfully"):
        check_parity(net, tmp_path / "model.onnx", ROWS, pad_id=1)


def test_the_file_names_no_folder_of_the_machine(graph):
    data = graph.read_bytes()
    assert b"site-packages" not in data
    assert b".py" not in data


def test_weights_that_one_file_can_t_hold_are_refused(tmp_path):
    large = nn.Embedding(600_000, 1024, device="meta")
    with pytest.raises(OutputError, match=r"2\.5 GB of weights"):
        export_onnx(large, tmp_path / "model.onnx", max_length=64)
    assert not list(tmp_path.iterdir())


def test_a_disk_without_space_is_said(net):
    with pytest.raises(OutputError, match="no space is left"):
        export_onnx(net, Path("/dev/full"), max_length=64)
