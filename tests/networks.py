"""Small real networks, and labelled texts that they can learn in seconds."""

import csv

import msgspec
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import BertConfig

from sentire.evaluation.datasets import Dataset
from sentire.labels import LABELS
from sentire.text.path import TextSettings
from sentire.text.tokenize import TextTokenizer
from sentire.training.encoder import Encoder
from sentire.training.examples import Collator, Example
from sentire.training.mixture import Target
from sentire.training.schedule import Schedule
from tiny import tiny_tokenizer

TOKENIZER = tiny_tokenizer()
TEXT = TextSettings(max_length=32, overlap=8)
QUICK = Schedule(epochs=4, learning_rate=5e-3, max_rows=16, max_tokens=512, token_dropout=0.0)

_GOOD = ["很好", "love", "good", "喜欢", "great"]
_BAD = ["太差", "bad", "hate", "讨厌", "awful"]
_PLAIN = ["会议", "train", "明天", "nine", "电话"]


def config(n_layers=2, vocabulary=None):
    return BertConfig(
        vocab_size=vocabulary or len(msgspec.json.decode(TOKENIZER)["model"]["vocab"]),
        hidden_size=32,
        num_hidden_layers=n_layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def encoder(*, heads=None, embedding=None, seed=3, n_layers=2):
    torch.manual_seed(seed)
    return Encoder(config(n_layers), heads=heads or {"polarity": 3}, embedding=embedding)


def collator(heads=None, **options):
    tokenizer = TextTokenizer(TOKENIZER)
    return Collator(tokenizer, max_length=32, heads=heads or {"polarity": 3}, **options)


def target(label, head="polarity", *, allowed=None, weight=1.0):
    gold = np.zeros(len(LABELS[head]), np.float32)
    gold[label] = 1
    mask = np.ones(len(gold), np.bool_) if allowed is None else np.array(allowed)
    return Target(gold, mask, weight)


def examples(n=48):
    """Token 10 means negative, 20 positive, anything else neutral; some rows know no neutral."""
    generator = np.random.default_rng(1)
    made = []
    for number in range(n):
        label = number % 3
        ids = generator.integers(30, 60, generator.integers(3, 12)).astype(np.int32)
        ids[1] = (10, ids[1], 20)[label]
        two = [True, False, True] if label != 1 and number % 4 == 0 else None
        made.append(Example(ids, {"polarity": target(label, allowed=two)}))
    return made


def sentences(n, *, seed=0):
    """Texts that a word tells the class of, in both languages, and their labels."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        label = ("negative", "neutral", "positive")[number % 3]
        words = (_BAD, _PLAIN, _GOOD)[number % 3]
        chosen = generator.choice(words, 2)
        rows.append((f"{chosen[0]} 服务 {number} this {chosen[1]}", label))
    return rows


def dataset(rows, name="made", head="polarity", groups=None):
    labels = LABELS[head]
    gold = np.zeros((len(rows), len(labels)), np.float32)
    for place, (_, label) in enumerate(rows):
        gold[place, labels.index(label)] = 1
    return Dataset(name, head, [text for text, _ in rows], gold, groups, 0)


def write_csv(path, rows, header=("text", "label")):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_checkpoint(folder, *, n_layers=2, seed=3):
    """A pretrained encoder in Hugging Face layout."""
    folder.mkdir()
    made = encoder(seed=seed, n_layers=n_layers)
    made.config.save_pretrained(folder)
    weights = {f"bert.{k}": v.contiguous() for k, v in made.base.state_dict().items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "tokenizer.json").write_text(TOKENIZER, encoding="utf-8")
    return folder
