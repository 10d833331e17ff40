"""Choose which waiting windows run together, and pad them.

Reads:   token counts of what waits, and the order in which it came
Gives:   groups of similar length within a budget of padded tokens, as arrays
Never:   touches threads, clocks or the model; ``scheduler.py`` does that
"""

from collections import deque
from collections.abc import Sequence
from typing import Annotated, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from sentire.types import Batch

WIDTH_STEP = 8
"""Rows are padded to a multiple of this, so that an engine meets few shapes."""

_CLOSE = 0.75
"""A shorter window joins a batch if padding at most a quarter of it is waste."""

Item = TypeVar("Item")


class Batching(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How waiting windows are put together. Larger budgets raise throughput and worsen latency."""

    max_tokens: Annotated[int, Meta(ge=1)] = 768
    """Padded tokens in one batch: rows times the longest row. One longer window runs alone.
    OpenVINO is as fast with 512 as with 4096 here; the memory it holds grows with them."""
    max_rows: Annotated[int, Meta(ge=1)] = 32


def padded_width(n_tokens: int) -> int:
    """Width of the row that a window of ``n_tokens`` tokens takes."""
    return -(-n_tokens // WIDTH_STEP) * WIDTH_STEP


class _Waiting(NamedTuple, Generic[Item]):
    order: int
    item: Item


class LengthBuckets(Generic[Item]):
    """What waits, by padded width. Every batch holds the oldest, so nothing starves."""

    def __init__(self, batching: Batching) -> None:
        self._batching = batching
        self._buckets: dict[int, deque[_Waiting[Item]]] = {}
        self._n_added = 0
        self._n_waiting = 0

    def __len__(self) -> int:
        return self._n_waiting

    def add(self, item: Item, n_tokens: int) -> None:
        """Let ``item`` wait."""
        bucket = self._buckets.setdefault(padded_width(n_tokens), deque())
        bucket.append(_Waiting(self._n_added, item))
        self._n_added += 1
        self._n_waiting += 1

    def take(self) -> list[Item]:
        """The oldest item and those of similar length that fit beside it; [] if nothing waits."""
        if not self._buckets:
            return []
        oldest = min(self._buckets, key=lambda width: self._buckets[width][0].order)
        room = max(1, min(self._batching.max_rows, self._batching.max_tokens // oldest))
        near = sorted((w for w in self._buckets if _CLOSE * oldest <= w <= oldest), reverse=True)
        taken: list[Item] = []
        for width in near:
            bucket = self._buckets[width]
            while bucket and len(taken) < room:
                taken.append(bucket.popleft().item)
            if not bucket:
                del self._buckets[width]
        self._n_waiting -= len(taken)
        return taken

    def drain(self) -> list[Item]:
        """Everything that waits."""
        items = [waiting.item for bucket in self._buckets.values() for waiting in bucket]
        self._buckets.clear()
        self._n_waiting = 0
        return items


def pad(rows: Sequence[npt.NDArray[np.int32]], *, pad_id: int) -> Batch:
    """Rows of token ids as one rectangle.

    Parameters
    ----------
    rows : int32 arrays of shape (n_tokens,), at least one
    pad_id : int

    Returns
    -------
    Batch of shape (n_rows, longest row rounded up to ``WIDTH_STEP``)
    """
    width = padded_width(max(len(row) for row in rows))
    ids = np.full((len(rows), width), pad_id, np.int64)
    mask = np.zeros((len(rows), width), np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return Batch(ids, mask)
