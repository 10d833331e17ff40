"""Rows as token ids, grouped into batches of similar length.

Reads:   rows of text, a tokenizer
Gives:   examples, an order of batches for each epoch, padded tensors
Never:   reads texts in another way than serving does: same normalizer, same tokenizer
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from sentire.arrays import TokenIds
from sentire.text.normalize import NormalizationSettings, Normalizer
from sentire.text.tokenize import TextTokenizer
from sentire.training.mixture import Target, TrainingRow

_CHUNK = 1000
_WIDTH_STEP = 16
"""Widths are multiples of this; memory grows with every new shape otherwise."""


class Example(NamedTuple):
    """A row after tokenization, without the special tokens."""

    ids: TokenIds
    targets: dict[str, Target]


class HeadTargets(NamedTuple):
    """Targets of one head in a batch; rows that say nothing about it weigh 0."""

    gold: torch.Tensor
    """float32, shape (n_texts, n_labels)."""
    allowed: torch.Tensor
    """bool, shape (n_texts, n_labels)."""
    weights: torch.Tensor
    """float32, shape (n_texts,)."""


class TensorBatch(NamedTuple):
    """Padded rows to learn from."""

    input_ids: torch.Tensor
    """int64, shape (n_texts, n_tokens)."""
    attention_mask: torch.Tensor
    """int64, shape (n_texts, n_tokens)."""
    targets: dict[str, HeadTargets]
    indices: npt.NDArray[np.int64]
    """Places of the rows among all examples, shape (n_texts,)."""
    ends: npt.NDArray[np.bool_]
    """Rows of which the end was read, where a text was too long, shape (n_texts,)."""


def encode(
    rows: Sequence[TrainingRow], tokenizer: TextTokenizer, normalization: NormalizationSettings
) -> list[Example]:
    """Token ids of each row; one that normalization leaves nothing of keeps no tokens.

    Parameters
    ----------
    rows : sequence of Row
    tokenizer : TextTokenizer
    normalization : NormalizationSettings
    """
    normalize = Normalizer(normalization)
    examples = []
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        for row, ids in zip(part, tokenizer([normalize(r.text).text for r in part]), strict=True):
            examples.append(Example(np.array(ids, np.int32), row.targets))
    return examples


def crop(ids: TokenIds, *, limit: int, end: bool) -> TokenIds:
    """A stretch of at most ``limit`` tokens: the end or the beginning.

    Parameters
    ----------
    ids : int32 array of shape (n_tokens,)
        Without special tokens.
    limit : int
        Tokens to keep at most.
    end : bool
        Whether to keep the end.
    """
    if len(ids) <= limit:
        return ids
    return ids[-limit:] if end else ids[:limit]


def batches(
    lengths: npt.NDArray[np.int64],
    *,
    max_tokens: int,
    max_rows: int,
    generator: np.random.Generator,
) -> list[npt.NDArray[np.int64]]:
    """Indices of each batch of one epoch: equal widths together, batches in random order.

    All batches of a width but the last have the same number of rows, so that shapes are few:
    memory grows with every new one.

    Parameters
    ----------
    lengths : int64 array of shape (n_examples,)
        Tokens of each example, special ones included.
    max_tokens : int
        Padded tokens of a batch: rows times its width, a multiple of 16.
    max_rows : int
        Rows of a batch, however short they are.
    generator : Generator
        Decides the order.
    """
    widths = padded_width(lengths)
    found: list[npt.NDArray[np.int64]] = []
    for width in np.unique(widths):
        places = generator.permutation(np.flatnonzero(widths == width))
        n_rows = int(max(1, min(max_rows, max_tokens // width)))
        found += [places[start : start + n_rows] for start in range(0, len(places), n_rows)]
    generator.shuffle(found)
    return found


def padded_width(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Lengths rounded up to the width that rows of them are padded to."""
    return -(-lengths // _WIDTH_STEP) * _WIDTH_STEP


class Collator:
    """Makes tensors of examples.

    Parameters
    ----------
    tokenizer : TextTokenizer
    max_length : int
        Tokens of a row, special ones included, at most.
    heads : head -> number of labels
    token_dropout : float
        Share of tokens replaced by the unknown one, as typing errors and unseen words are.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        *,
        max_length: int,
        heads: Mapping[str, int],
        token_dropout: float = 0.0,
    ) -> None:
        self._tokenizer, self._heads, self.max_length = tokenizer, heads, max_length
        self._room = tokenizer.room(max_length)
        self._dropout = token_dropout if tokenizer.unknown_id is not None else 0.0

    def __call__(
        self,
        examples: Sequence[Example],
        indices: npt.NDArray[np.int64],
        *,
        ends: npt.NDArray[np.bool_],
        generator: np.random.Generator | None = None,
    ) -> TensorBatch:
        """Pad the examples at ``indices`` to a multiple of 16 tokens.

        Parameters
        ----------
        examples : those of the whole data
        indices : int64 array of shape (n_texts,)
        ends : bool array of shape (n_texts,)
            Whether to read the end of a text that is too long; verdicts often close texts.
        generator : Generator, optional
            Draws the tokens to drop; None drops none.
        """
        chosen = [examples[i] for i in indices]
        rows = [
            self._row(crop(example.ids, limit=self._room, end=bool(end)), generator)
            for example, end in zip(chosen, ends, strict=True)
        ]
        width = int(padded_width(np.array([len(row) for row in rows])).max())
        ids = np.full((len(rows), width), self._tokenizer.pad_id, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        targets = {name: self._targets(chosen, name, n) for name, n in self._heads.items()}
        return TensorBatch(torch.from_numpy(ids), torch.from_numpy(mask), targets, indices, ends)

    def _row(self, ids: TokenIds, generator: np.random.Generator | None) -> list[int]:
        if generator is not None and self._dropout:
            dropped = generator.random(len(ids)) < self._dropout
            ids = np.where(dropped, np.int32(self._tokenizer.unknown_id or 0), ids)
        return [*self._tokenizer.prefix, *ids.tolist(), *self._tokenizer.suffix]

    @staticmethod
    def _targets(examples: Sequence[Example], head: str, n_labels: int) -> HeadTargets:
        gold = np.zeros((len(examples), n_labels), np.float32)
        allowed = np.ones((len(examples), n_labels), np.bool_)
        weights = np.zeros(len(examples), np.float32)
        for place, example in enumerate(examples):
            target = example.targets.get(head)
            if target is not None:
                gold[place], allowed[place] = target.gold, target.allowed
                weights[place] = target.weight
        return HeadTargets(*(torch.from_numpy(array) for array in (gold, allowed, weights)))
