"""What to learn from: labelled sources, joined so that no text counts twice.

Reads:   labelled inputs, and the texts that must not be learned
Gives:   rows with a target for each head that says something about them
Never:   learns a text that is held out, or the same text twice for one head
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sentire.arrays import Float32Array
from sentire.errors import SourceError
from sentire.evaluation.datasets import Dataset, LabelledSource


class TrainingSource(LabelledSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A labelled input to learn from, and what a model card says about it."""

    weight: float = 1.0
    """Of each row's loss; below 1 for labels that are not quite trusted."""
    balance: float = 0.0
    """0 to 1: how far rare classes count more. At 1 each class of the source counts the same."""
    limit: int = 0
    """At most so many rows, drawn at random; 0 for all."""
    language: str = ""
    read_from: str = ""
    terms: str = ""


class Target(NamedTuple):
    """What a row says about one head."""

    gold: npt.NDArray[np.float32]
    """Share of each label, shape (n_labels,)."""
    allowed: npt.NDArray[np.bool_]
    """Labels of the row's source, shape (n_labels,); it says nothing about the others."""
    weight: float


class TrainingRow(NamedTuple):
    """A text and its targets by head; none where the text is there to be imitated only."""

    text: str
    targets: dict[str, Target]
    group: str | None


class SourceUsage(NamedTuple):
    """What became of a source."""

    name: str
    n_rows: int
    n_held_out: int
    """Rows whose text is held out."""
    n_copies: int
    """Rows whose text had a target for this head already."""


def text_key(text: str) -> str:
    """What two copies of a text share: letters and digits, lower case; else the text itself."""
    return re.sub(r"[\W_]+", "", text).lower() or text.strip()


def join(
    parts: Iterable[tuple[Dataset, TrainingSource]], *, held_out: set[str], seed: int = 7
) -> tuple[list[TrainingRow], list[SourceUsage]]:
    """Join sources; a text that stands in several keeps the first target for each head.

    Parameters
    ----------
    parts : iterable of pairs of Dataset and TrainingSource
        What was read of each source, and how it counts.
    held_out : keys of texts to leave out, see :func:`text_key`
    seed : decides which rows a ``limit`` keeps

    Raises
    ------
    SourceError
        A source has one class only, or nothing is left of it.
    """
    rows: dict[str, TrainingRow] = {}
    used = []
    for data, source in parts:
        allowed = data.allowed
        if allowed.sum() < 2:
            raise SourceError(
                f"{source.file} has one class only; a model learns from at least two. "
                "Add the other classes, or another file."
            )
        keys = [text_key(text) for text in data.texts]
        fresh = [i for i, key in enumerate(keys) if key not in held_out]
        first: dict[str, int] = {}
        for i in fresh:
            if keys[i] not in rows or data.head not in rows[keys[i]].targets:
                first.setdefault(keys[i], i)
        chosen = _draw(list(first.values()), source.limit, seed=seed)
        weights = class_weights(data.gold[chosen], balance=source.balance) * source.weight
        for i, weight in zip(chosen, weights.tolist(), strict=True):
            before = rows.get(keys[i])
            group = data.groups[i] if data.groups is not None else None
            targets = {} if before is None else before.targets
            target = Target(data.gold[i], allowed, weight)
            rows[keys[i]] = TrainingRow(
                data.texts[i] if before is None else before.text,
                {**targets, data.head: target},
                group if before is None else before.group,
            )
        used.append(
            SourceUsage(data.name, len(chosen), len(keys) - len(fresh), len(fresh) - len(first))
        )
        if not chosen:
            raise SourceError(
                f"nothing is left of {source.file}: {len(keys) - len(fresh)} of its "
                f"{len(keys)} rows are held out, the others are copies. Give other texts."
            )
    return list(rows.values()), used


def class_weights(gold: Float32Array, *, balance: float) -> npt.NDArray[np.float64]:
    """Weight of each row by how rare its classes are; the mean over all rows is 1.

    Parameters
    ----------
    gold : float32 array of shape (n_texts, n_labels)
    balance : float
        0 weighs all rows the same, 1 all classes.
    """
    counts = gold.sum(axis=0)
    rarity = np.where(counts > 0, 1 / np.maximum(counts, 1), 0.0) ** balance
    weights = gold @ rarity
    return np.asarray(weights / weights.mean() if len(weights) else weights, np.float64)


def _draw(places: Sequence[int], limit: int, *, seed: int) -> list[int]:
    if not limit or limit >= len(places):
        return list(places)
    order = np.random.default_rng(seed).permutation(len(places))[:limit]
    return [places[i] for i in sorted(order)]
