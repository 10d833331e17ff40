"""The texts that every server is asked about, and the request bodies made of them.

Reads:   files of texts, or ``corpus.py`` where none are named
Gives:   texts in a fixed random order, as files of one request body a line
Never:   sends anything
"""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from corpus import texts as corpus_texts

from sentire.text.path import TextPath
from sentire.types import Document

N_TEXTS = 12_000
SHORT_TOKENS = (6, 14)
"""Tokens of a short text, special ones included: a sentence or a title."""


class Texts(NamedTuple):
    """What is sent."""

    mix: list[str]
    """One window each, so that servers which cut and servers which read on do the same work."""
    short: list[str]
    whole: list[str]
    """The mix before it was cut."""
    about: dict[str, Any]


def read_texts(files: Sequence[Path], text_path: TextPath) -> Texts:
    """Texts in equal parts from files, or from our own corpus, in a fixed random order."""
    found = list(dict.fromkeys(_mixed(files) if files else corpus_texts(N_TEXTS)))
    generator = np.random.default_rng(7)
    found = [found[i] for i in generator.permutation(len(found))]
    documents = text_path.prepare(found)
    whole, mix, lengths, n_cut = [], [], [], 0
    for text, document in zip(found, documents, strict=True):
        if not isinstance(document, Document):
            continue
        fitting, read = _cut(text, document, text_path)
        whole.append(text)
        mix.append(fitting)
        lengths.append(len(read.windows[0].ids))
        n_cut += fitting is not text
    low, high = SHORT_TOKENS
    short = [text for text, n in zip(mix, lengths, strict=True) if low <= n <= high]
    about = {
        "from": ", ".join(file.name for file in files) or "benchmarks/corpus.py",
        "n": len(mix),
        "cut": n_cut,
        "mean_tokens": round(float(np.mean(lengths)), 1),
        "tokens": {str(p): int(np.percentile(lengths, p)) for p in (10, 50, 90, 99)},
        "n_short": len(short),
    }
    return Texts(mix, short, whole, about)


def _cut(text: str, document: Document, text_path: TextPath) -> tuple[str, Document]:
    """A text as far as it fits into one window."""
    while len(document.windows) > 1:
        # Characters that fill a window; a little less, for cutting makes tokens anew.
        share = text_path.settings.max_length / document.coverage.tokens
        text = text[: max(1, int(len(text) * 0.95 * share))]
        again = text_path.prepare([text])[0]
        assert isinstance(again, Document)
        document = again
    return text, document


def _mixed(files: Sequence[Path]) -> Iterator[str]:
    generator = np.random.default_rng(7)
    for file in files:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        lines = data.decode("utf-8").split("\n")
        found = [text for line in lines if line and (text := json.loads(line)["text"]).strip()]
        kept = generator.permutation(len(found))[: -(-N_TEXTS // len(files))]
        yield from (found[i] for i in kept)


def distinct(texts: Sequence[str], n: int) -> Iterator[str]:
    """``n`` different texts: from the second round on with a number behind them."""
    for number in range(n):
        round_, place = divmod(number, len(texts))
        yield f"{texts[place]} {round_}" if round_ else texts[place]


def write_bodies(path: Path, texts: Sequence[str], body: Callable[[str], Any]) -> Path:
    """One request a line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(body(text), ensure_ascii=False) + "\n" for text in texts)
    return path


def write_batches(path: Path, texts: Sequence[str], *, size: int) -> Path:
    """Requests of ``size`` texts in sentire's own dialect."""
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, len(texts) - size + 1, size):
            batch = {"texts": texts[start : start + size]}
            file.write(json.dumps(batch, ensure_ascii=False) + "\n")
    return path


def write_texts(path: Path, texts: Sequence[str]) -> Path:
    """JSON Lines, as ``bare.py`` reads them."""
    return write_bodies(path, texts, lambda text: {"text": text})
