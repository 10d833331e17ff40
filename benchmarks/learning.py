"""Training speed: tokens a second of ``sentire train`` beside ``transformers.Trainer``.

Same texts, same backbone (the shipped model's weights), same classes, same machine; each in a
process of its own, in turns. Trainer runs with its defaults: FP32, eight texts a batch in random
order, padded to the longest. Tokens are those of the texts, without padding.

    python benchmarks/learning.py ours|theirs      one measurement, tokens/s on stdout
"""

import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from corpus import texts
from tokenizers import Tokenizer
from transformers import (
    BertForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from sentire.labels import POLARITY
from sentire.text.normalize import NormalizationSettings
from sentire.text.tokenize import TextTokenizer
from sentire.threads import available_threads
from sentire.training.backbone import open_backbone
from sentire.training.encoder import Encoder
from sentire.training.examples import Collator, TensorBatch, encode
from sentire.training.finetune import finetune
from sentire.training.losses import supervised
from sentire.training.mixture import Target, TrainingRow
from sentire.training.schedule import Schedule
from sentire.training.trained import new_encoder

N_TEXTS, N_WARM = 1200, 200
MAX_LENGTH = 128


def rows() -> list[TrainingRow]:
    """Texts with labels that mean nothing: speed does not depend on them."""
    everything = np.ones(len(POLARITY), np.bool_)
    gold = np.eye(len(POLARITY), dtype=np.float32)
    return [
        TrainingRow(text, {"polarity": Target(gold[n % 3], everything, 1.0)}, None)
        for n, text in enumerate(texts(N_TEXTS))
    ]


def ours() -> float:
    """Tokens a second of our loop, from the end of the warm-up on."""
    backbone = open_backbone("zh-en")
    tokenizer = TextTokenizer(backbone.tokenizer_json)
    model = new_encoder(backbone, {"polarity": 3}, embedding=None, seed=1)
    examples = encode(rows(), tokenizer, NormalizationSettings())
    collate = Collator(tokenizer, max_length=MAX_LENGTH, heads={"polarity": 3}, token_dropout=0.05)
    seen: list[tuple[float, int]] = []

    def objective(encoder: Encoder, batch: TensorBatch) -> torch.Tensor:
        seen.append((time.perf_counter(), int(batch.attention_mask.sum())))
        return supervised(encoder(batch.input_ids, batch.attention_mask), batch.targets)

    with tempfile.TemporaryDirectory() as folder:
        finetune(
            model,
            examples,
            Schedule(epochs=1),
            collate=collate,
            objective=objective,
            folder=Path(folder),
            digest="",
        )
        ended = time.perf_counter()
    done = np.cumsum([n for _, n in seen])
    first = int(np.searchsorted(done, done[-1] * N_WARM / N_TEXTS)) + 1
    return float((done[-1] - done[first - 1]) / (ended - seen[first][0]))


def theirs() -> float:
    """Tokens a second of ``transformers.Trainer``, from the end of the warm-up on."""
    torch.set_num_threads(available_threads())
    backbone = open_backbone("zh-en")
    backbone.config.num_labels = 3
    model = BertForSequenceClassification(backbone.config)
    model.bert.load_state_dict(backbone.weights, strict=False)
    tokenizer = TextTokenizer(backbone.tokenizer_json)
    room = tokenizer.room(MAX_LENGTH)
    data = [
        {
            "input_ids": [*tokenizer.prefix, *example.ids[:room].tolist(), *tokenizer.suffix],
            "labels": n % 3,
        }
        for n, example in enumerate(encode(rows(), tokenizer, NormalizationSettings()))
    ]
    for row in data:
        row["attention_mask"] = [1] * len(row["input_ids"])
    clock: list[float] = []

    class Clock(TrainerCallback):
        """Notes when each step ended."""

        def on_step_end(self, *_: object, **__: object) -> None:
            clock.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_train_epochs=1, report_to=[], save_strategy="no",
            disable_tqdm=True, logging_strategy="no", seed=7,
        )  # fmt: skip
        fast = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer.from_str(backbone.tokenizer_json),
            pad_token="<pad>",
            unk_token="<unk>",
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=data,
            data_collator=DataCollatorWithPadding(fast),
            callbacks=[Clock()],
        )
        trainer.train()
    # Steps are in random order, so any stretch of them has the same mean length.
    first = N_WARM // arguments.per_device_train_batch_size
    mean = sum(len(row["input_ids"]) for row in data) / len(clock)
    return mean * (len(clock) - first) / (clock[-1] - clock[first - 1])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print(f"{(ours if sys.argv[1] == 'ours' else theirs)():.1f}")
