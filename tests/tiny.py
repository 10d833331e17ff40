"""Write a bundle that loads at once: a small real tokenizer in front of the fake backend."""

import json
from pathlib import Path

import msgspec

from sentire.backends.fake import FakeBackend
from sentire.bundle.manifest import Golden, Head, Manifest
from sentire.bundle.store import Bundle, write_bundle
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler
from sentire.labels import EMOTIONS, POLARITY
from sentire.text.path import TextSettings

GOLDEN = ("I love this", "太差了", "The train leaves at nine.", "还行吧")


def tiny_tokenizer() -> str:
    """tokenizer.json of a Unigram model over single characters and a few words."""
    characters = [
        chr(code) for code in (*range(0x21, 0x7F), *range(0x4E00, 0x9FFF), 0x3002, 0xFF0C)
    ]
    words = ["▁the", "▁good", "▁bad", "▁I", "▁love", "▁this", "▁", "很好", "太差", "服务"]
    pieces = [*words, *(c for c in characters if c not in words)]
    vocab = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    vocab += [[piece, -8.0 if len(piece) > 1 else -10.0] for piece in pieces]
    special = [
        {"id": i, "content": vocab[i][0], "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for i in range(4)
    ]  # fmt: skip
    frame = {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}
    frame["</s>"] = {"id": "</s>", "ids": [2], "tokens": ["</s>"]}
    start, end = ({"SpecialToken": {"id": t, "type_id": 0}} for t in ("<s>", "</s>"))
    body, second = ({"Sequence": {"id": s, "type_id": 0}} for s in "AB")
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": None,
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [start, body, end],
                "pair": [start, body, end, second, end],
                "special_tokens": frame,
            },
            "decoder": None,
            "model": {"type": "Unigram", "unk_id": 3, "vocab": vocab, "byte_fallback": False},
        }
    )


def make_bundle(path: Path, *, version: str = "0.0.1", emotion: bool = True) -> Bundle:
    """Write a tiny bundle into ``path``, with golden answers that hold."""
    path.mkdir(parents=True)
    (path / "tokenizer.json").write_text(tiny_tokenizer(), encoding="utf-8")
    (path / "config.json").write_text("{}", encoding="utf-8")
    heads = {
        "polarity": Head(
            output="logits", labels=POLARITY, temperature={"*": 1.0}, low_confidence=0.5
        )
    }
    if emotion:
        heads["emotion"] = Head(
            output="emotion", labels=EMOTIONS, temperature={"*": 1.0}, low_confidence=0.0
        )
    manifest = Manifest(
        format=1,
        name="tiny",
        version=version,
        description="for tests",
        licence="Apache-2.0",
        languages=("zh", "en"),
        backend="fake",
        text=TextSettings(max_length=32, overlap=8),
        fingerprint="",
        heads=heads,
        golden=tuple(Golden(text=text, probabilities={}) for text in GOLDEN),
        golden_tolerance=0.01,
        files={},
    )
    draft = write_bundle(path, manifest)
    backend = FakeBackend({head.output: len(head.labels) for head in heads.values()})
    with Analyzer(
        draft, Scheduler(backend, pad_id=draft.text_path.pad_id), engine="fake"
    ) as analyzer:
        answers = [analyzer.analyze(text).probabilities for text in GOLDEN]
    golden = tuple(Golden(text=t, probabilities=a) for t, a in zip(GOLDEN, answers, strict=True))
    return write_bundle(path, msgspec.structs.replace(manifest, golden=golden))
