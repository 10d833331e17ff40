import json

import numpy as np
import pytest
import torch

from networks import QUICK, TEXT, TOKENIZER, collator, encoder, examples, write_checkpoint
from sentire.bundle.builtin import find_bundle
from sentire.errors import MissingBackbone, OptionError
from sentire.inference.load import load
from sentire.training.backbone import open_backbone
from sentire.training.record import TrainingRecord
from sentire.training.trained import Trained, load_trained, new_encoder, save_trained


def test_a_checkpoint_s_encoder_is_taken_and_its_head_is_not(tmp_path):
    backbone = open_backbone(str(write_checkpoint(tmp_path / "checkpoint")))
    made = new_encoder(backbone, {"polarity": 3}, seed=1)
    same = encoder(seed=3)
    for name, tensor in same.base.state_dict().items():
        torch.testing.assert_close(made.base.state_dict()[name], tensor)
    assert backbone.tokenizer_json == TOKENIZER


def test_layers_and_pieces_can_be_left_out(tmp_path):
    backbone = open_backbone(str(write_checkpoint(tmp_path / "checkpoint", n_layers=4)))
    small, pruned = backbone.shrink([0, 3], None).prune(["服务太差", "good"], size=21_000)
    made = new_encoder(small, {"polarity": 3}, seed=1)
    assert len(made.base.encoder.layer) == 2
    assert made.base.embeddings.word_embeddings.num_embeddings == len(pruned.rows)


@pytest.mark.parametrize("layers", [[], [1, 0], [0, 2], [-1, 0]], ids=str)
def test_layers_that_are_not_there_are_refused(tmp_path, layers):
    backbone = open_backbone(str(write_checkpoint(tmp_path / "checkpoint")))
    with pytest.raises(OptionError, match="rising numbers from 0 to 1"):
        backbone.shrink(layers, None)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        pytest.param("model.safetensors", "has no model.safetensors.*convert it", id="weights"),
        pytest.param("tokenizer.json", "has no tokenizer.json", id="tokenizer"),
        pytest.param("config.json", "has no config.json", id="config"),
    ],
)
def test_what_a_folder_lacks_is_named(tmp_path, missing, message):
    folder = write_checkpoint(tmp_path / "checkpoint")
    (folder / missing).unlink()
    with pytest.raises(MissingBackbone, match=message):
        open_backbone(str(folder))


def test_weights_of_another_shape_are_refused(tmp_path):
    folder = write_checkpoint(tmp_path / "checkpoint", n_layers=2)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(MissingBackbone, match="lacks 16 tensors"):
        new_encoder(open_backbone(str(folder)), {"polarity": 3}, seed=1)


def test_a_served_bundle_gives_its_weights_back():
    """Recovered weights with the bundle's own head answer as the INT8 graph does."""
    backbone = open_backbone("zh-en")
    made = new_encoder(backbone, {"polarity": 3}, seed=1).eval()
    head = made.heads["polarity"]
    named = {**backbone.weights, **backbone.heads}
    prefix = "heads.polarity" if "heads.polarity.weight" in named else "classifier"
    head.weight.data, head.bias.data = named[f"{prefix}.weight"], named[f"{prefix}.bias"]
    with load(find_bundle()) as analyzer:
        texts = ["服务太差了，不会再来", "I love it", "The train leaves at nine.", "还行吧"]
        documents = analyzer._text_path.prepare(texts)
        for text, document in zip(texts, documents, strict=True):
            ids = torch.from_numpy(document.windows[0].ids.astype(np.int64))[None]
            with torch.no_grad():
                logits = made(ids, torch.ones_like(ids))["logits"]
            language = document.language.code
            temperatures = analyzer.manifest.heads["polarity"].temperature
            shares = torch.softmax(logits[0] / temperatures[language], 0).numpy()
            served = list(analyzer.analyze(text).probabilities.values())
            np.testing.assert_allclose(shares, served, atol=0.15)
            assert shares.argmax() == np.argmax(served)


def test_a_trained_network_is_read_back(tmp_path):
    net = encoder(heads={"polarity": 3, "emotion": 7}, embedding=8).eval()
    record = TrainingRecord(backbone="made", text=TEXT, schedule=QUICK, training=())
    save_trained(tmp_path / "net", Trained(net, TOKENIZER, record))
    again = load_trained(tmp_path / "net")
    assert again.record == record
    batch = collator()(examples(), np.arange(4), ends=np.zeros(4, bool))
    with torch.no_grad():
        one, two = (n(batch.input_ids, batch.attention_mask) for n in (net, again.encoder))
    assert list(one) == list(two) == ["logits", "emotion", "embedding"]
    for name in one:
        torch.testing.assert_close(one[name], two[name])


def test_a_folder_that_nobody_trained_is_no_teacher(tmp_path):
    with pytest.raises(MissingBackbone, match=r"training\.json"):
        load_trained(write_checkpoint(tmp_path / "checkpoint"))


@pytest.mark.parametrize("name", ["tokenizer.json", "training.json"])
def test_a_file_that_is_not_utf_8_is_named(tmp_path, name):
    folder = write_checkpoint(tmp_path / "checkpoint")
    (folder / name).write_bytes('{"a": "很好"}'.encode("gb18030"))
    with pytest.raises(MissingBackbone, match=name):
        open_backbone(str(folder))
