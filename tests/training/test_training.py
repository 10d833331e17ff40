import gzip
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import BertConfig

from sentire.errors import OptionError
from sentire.training.encoder import SentimentEncoder, take_layers
from sentire.training.examples import Example, Row, batches, crop, read_rows, text_key, without
from sentire.training.finetune import Schedule, collate, finetune, masked_loss
from sentire.training.vocabulary import prune
from tiny import tiny_tokenizer

CONFIG = BertConfig(
    vocab_size=60,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=64,
    pad_token_id=1,
)


def examples(n=48):
    """Token 10 means negative, 20 positive, anything else neutral."""
    generator = np.random.default_rng(1)
    made = []
    for number in range(n):
        label = number % 3
        ids = generator.integers(30, 60, generator.integers(3, 12)).astype(np.int32)
        ids[1] = (10, ids[1], 20)[label]
        made.append(Example(ids, label, binary=label != 1 and number % 4 == 0))
    return made


def model():
    torch.manual_seed(3)
    return SentimentEncoder(CONFIG, n_labels=3)


def weights(trained):
    return {name: tensor.clone() for name, tensor in trained.state_dict().items()}


def test_a_two_class_row_says_nothing_about_neutral():
    logits = torch.tensor([[1.0, 5.0, 2.0]], requires_grad=True)
    masked_loss(logits, torch.tensor([2]), torch.tensor([True])).backward()
    assert logits.grad[0, 1] == 0
    assert logits.grad[0, 2] < 0
    three = masked_loss(logits.detach(), torch.tensor([2]), torch.tensor([False]))
    assert three > masked_loss(logits.detach(), torch.tensor([2]), torch.tensor([True]))


def test_padding_changes_no_logit():
    rows = [Example(np.arange(5, 9, dtype=np.int32), 0, False), examples()[5]]
    generator = np.random.default_rng(0)
    alone, both = (collate(r, max_length=64, generator=generator) for r in (rows[:1], rows))
    net = model().eval()
    with torch.no_grad():
        one = net(alone["input_ids"], alone["attention_mask"])
        two = net(both["input_ids"], both["attention_mask"])
    torch.testing.assert_close(one[0], two[0], atol=1e-5, rtol=1e-4)


def test_training_learns(tmp_path):
    net = model()
    schedule = Schedule(epochs=30, learning_rate=5e-3, max_rows=16, max_length=32, seed=1)
    finetune(net, examples(), schedule, checkpoints=tmp_path, progress=lambda _: None)
    batch = collate(examples(), max_length=32, generator=np.random.default_rng(0))
    with torch.no_grad():
        found = net(batch["input_ids"], batch["attention_mask"]).argmax(1)
    assert (found == batch["labels"]).float().mean() > 0.9


class Stopped(Exception):
    pass


def test_a_run_stopped_and_resumed_ends_where_an_unbroken_one_does(tmp_path):
    schedule = Schedule(epochs=4, max_rows=8, max_length=32, checkpoint_s=0.0)
    whole, broken = model(), model()
    finetune(whole, examples(), schedule, checkpoints=tmp_path / "a", progress=lambda _: None)
    n_seen = 0

    def stop(_):
        nonlocal n_seen
        n_seen += 1
        if n_seen == 3:
            raise Stopped

    with pytest.raises(Stopped):
        finetune(
            broken, examples(), schedule, checkpoints=tmp_path / "b",
            progress=lambda _: None, evaluate=stop,
        )  # fmt: skip
    assert [file.name for file in (tmp_path / "b").iterdir()] == ["checkpoint.safetensors"]
    fresh = model()
    finetune(
        fresh, examples(), schedule, checkpoints=tmp_path / "b", resume=True,
        progress=lambda _: None,
    )  # fmt: skip
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(tensor, fresh.state_dict()[name], atol=1e-5, rtol=1e-4, msg=name)


def test_a_loss_that_is_not_finite_stops_and_leaves_the_last_checkpoint(tmp_path):
    net = model()
    net.classifier.bias.data[0] = math.nan
    with pytest.raises(FloatingPointError, match="last checkpoint is whole"):
        finetune(net, examples(), Schedule(), checkpoints=tmp_path, progress=lambda _: None)
    assert not (tmp_path / "checkpoint.safetensors").exists()


@given(st.lists(st.integers(1, 126), min_size=1, max_size=200), st.integers(128, 2048))
def test_an_epoch_holds_every_example_once_within_the_budget(lengths, budget):
    lengths = np.array(lengths)
    epoch = batches(lengths, max_tokens=budget, max_rows=32, generator=np.random.default_rng(0))
    assert sorted(i for batch in epoch for i in batch) == list(range(len(lengths)))
    assert all(len(b) <= 32 and len(b) * lengths[b].max() <= budget for b in epoch)


def test_long_texts_are_cropped_to_their_start_or_end():
    ids, generator = np.arange(50, dtype=np.int32), np.random.default_rng(0)
    crops = {tuple(crop(ids, limit=10, generator=generator)) for _ in range(50)}
    assert crops == {tuple(range(10)), tuple(range(40, 50))}


def test_texts_of_dev_files_and_copies_are_left_out(tmp_path):
    records = [
        {"text": "Great phone!", "label": "very positive"},
        {"text": "great  phone", "label": "positive"},
        {"text": "太差了", "label": "negative"},
        {"text": "!!!", "label": "neutral"},
    ]
    path = tmp_path / "some.train.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    kept = list(without(read_rows(path, binary=True), {text_key("太 差了。")}))
    assert kept == [Row("Great phone!", 2, True)]


def test_a_label_that_nothing_explains_is_refused(tmp_path):
    path = tmp_path / "some.train.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write('{"text": "x", "label": "LABEL_1"}')
    with pytest.raises(OptionError, match="'LABEL_1' is unknown"):
        list(read_rows(path, binary=True))


def test_pruning_keeps_what_the_texts_use_and_segments_it_as_before():
    texts = ["I love this", "服务太差", "good"]
    before = Tokenizer.from_str(tiny_tokenizer())
    pruned = prune(tiny_tokenizer(), texts, size=before.get_vocab_size() - 3)
    after = Tokenizer.from_str(pruned.tokenizer_json)
    assert after.get_vocab_size() == len(pruned.rows) < before.get_vocab_size()
    assert pruned.rows[:4] == [0, 1, 2, 3]
    for text in texts:
        assert before.encode(text).tokens == after.encode(text).tokens
        assert [pruned.rows[i] for i in after.encode(text).ids] == before.encode(text).ids


def test_a_vocabulary_that_is_not_unigram_is_refused():
    spec = json.loads(tiny_tokenizer())
    spec["model"] = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    with pytest.raises(ValueError, match="WordLevel"):
        prune(json.dumps(spec), ["a"], size=10)


def test_a_student_takes_the_named_layers_and_rows():
    teacher = model().bert.state_dict()
    taken = take_layers(teacher, [1], [0, 1, 2, 3, 9])
    name = "encoder.layer.{}.attention.self.query.weight"
    assert torch.equal(taken[name.format(0)], teacher[name.format(1)])
    assert name.format(1) not in taken
    embeddings = "embeddings.word_embeddings.weight"
    assert torch.equal(taken[embeddings][4], teacher[embeddings][9])
