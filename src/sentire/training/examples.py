"""Labelled texts as token ids, grouped into batches of similar length.

Reads:   gzip JSON Lines with ``text`` and ``label``
Gives:   examples without dev texts and duplicates, and an order of batches for each epoch
Never:   trains on a text that stands in a dev file
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentire.errors import OptionError
from sentire.labels import POLARITY, polarity_of


class Row(NamedTuple):
    """One labelled text of a source; ``binary`` sources have no neutral class."""

    text: str
    label: int
    binary: bool


class Example(NamedTuple):
    """A row after tokenization, without the special tokens."""

    ids: npt.NDArray[np.int32]
    label: int
    binary: bool


def read_rows(path: Path, *, binary: bool) -> Iterator[Row]:
    """Rows of one file, in its order."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield Row(record["text"], label_id(record["label"]), binary)


def label_id(name: str) -> int:
    """Place of a label in the contract, whatever it is called in the file.

    Raises
    ------
    OptionError
        Nothing tells what the name means.
    """
    label = polarity_of(name)
    if label is None:
        raise OptionError(
            f"label {name!r} is unknown; rename it to one of {', '.join(POLARITY)}, "
            "or a name that means one, such as '5 stars' or '正面'"
        )
    return POLARITY.index(label)


def text_key(text: str) -> str:
    """What two copies of a text share: letters and digits, lower case."""
    return re.sub(r"[\W_]+", "", text).lower()


def without(rows: Iterable[Row], keys: set[str]) -> Iterator[Row]:
    """Rows whose text is not in ``keys``; each text once, and ``keys`` grows by what is given."""
    for row in rows:
        key = text_key(row.text)
        if key and key not in keys:
            keys.add(key)
            yield row


def crop(
    ids: npt.NDArray[np.int32], *, limit: int, generator: np.random.Generator
) -> npt.NDArray[np.int32]:
    """A stretch of at most ``limit`` tokens; as often the end, since verdicts close texts."""
    if len(ids) <= limit:
        return ids
    return ids[-limit:] if generator.random() < 0.5 else ids[:limit]


def batches(
    lengths: npt.NDArray[np.int64],
    *,
    max_tokens: int,
    max_rows: int,
    generator: np.random.Generator,
) -> list[npt.NDArray[np.int64]]:
    """Indices of each batch of one epoch: similar lengths together, batches in random order.

    Parameters
    ----------
    lengths : int64 array of shape (n_examples,)
    max_tokens : int
        Padded tokens of a batch: rows times the longest row.
    """
    noisy = lengths * generator.uniform(0.9, 1.1, len(lengths))
    order = np.argsort(noisy, kind="stable")
    found: list[npt.NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        stop = start
        longest = 0
        while stop < len(order) and stop - start < max_rows:
            longest = max(longest, int(lengths[order[stop]]))
            if (stop - start + 1) * longest > max_tokens and stop > start:
                break
            stop += 1
        found.append(order[start:stop])
        start = stop
    generator.shuffle(found)
    return found
