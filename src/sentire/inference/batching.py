"""Choose which waiting windows run together, and pad them.

Reads:   token counts of what waits, in which order it came, and for whom
Gives:   groups of similar length within a budget of padded tokens, as arrays
Never:   touches threads, clocks or the model; ``scheduler.py`` does that
"""

import heapq
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from sentire.inference.admission import FairQueue
from sentire.request_context import Client
from sentire.types import Batch

# OpenVINO keeps about 4 MB for every shape that it meets, and the first run of one takes 30 ms. So
# there are few: these widths, and numbers of rows that are powers of two. With multiples of 8 and
# any number of rows the process grew by 350 MB over 5,000 texts, so by 110 MB, and no slower: what
# padding costs is won back where nothing has to be made anew. Of rows of over 128 tokens one or two
# run at once, so steps of 32 cost few shapes there, and 3 to 7 % less is computed than with 64.
_WIDTH_STEPS = ((32, 8), (128, 16), (256, 32))
_WIDTH_STEP = 64

_CLOSE = 0.75
"""A shorter window joins a batch if padding at most a quarter of it is waste."""

_MAX_PAIRS = 512 * 128
"""Where the engine has no one kernel for it, attention holds a number for each pair of a row's
tokens, in every head: two rows of 256 tokens beside each other cost 45 MB more than one."""

_WORTHWHILE = 128
"""Padded tokens that are not divided further between runs: each run costs something by itself."""

Item = TypeVar("Item")


class Batching(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How waiting windows are put together. Larger budgets raise throughput and worsen latency."""

    max_tokens: Annotated[int, Meta(ge=1)] = 512
    """Padded tokens in one batch: rows times the longest row. Windows of over 160 run alone.
    OpenVINO is as fast with 512 as with 4096 here; the memory it holds grows with them."""
    max_rows: Annotated[int, Meta(ge=1)] = 32


def padded_width(n_tokens: int) -> int:
    """Width of the row that a window of ``n_tokens`` tokens takes.

    Examples
    --------
    >>> [padded_width(n) for n in (1, 20, 33, 100, 129)]
    [8, 24, 48, 112, 160]
    """
    step = next((step for end, step in _WIDTH_STEPS if n_tokens <= end), _WIDTH_STEP)
    return -(-n_tokens // step) * step


class LengthBuckets(Generic[Item]):
    """What waits, by padded width. Every batch holds the one whose turn it is: nothing starves.

    Parameters
    ----------
    batching : Batching
    n_runs : int
        Batches that run at once. What waits is divided between them, so that a long text neither
        leaves one of them idle nor keeps the next text waiting longer than it must.
    """

    def __init__(self, batching: Batching, *, n_runs: int = 1) -> None:
        self._batching, self._n_runs = batching, n_runs
        self._n_tokens = 0
        # Heaps of the start tag of each item, a number that no other has, and the item.
        self._buckets: dict[int, list[tuple[int, int, Item]]] = {}
        self._order = FairQueue()
        self._n_added = 0
        self._n_waiting = 0

    def __len__(self) -> int:
        return self._n_waiting

    def add(self, item: Item, n_tokens: int, client: Client = None) -> None:
        """Let ``item`` wait: behind what its client waits for, beside what others do.

        Parameters
        ----------
        item : what :meth:`take` gives back
        n_tokens : int
            Of its window, before padding.
        client : hashable or None
            Whom it is for; None where clients are not told apart.
        """
        width = padded_width(n_tokens)
        entry = (self._order.start_tag(width, client), self._n_added, item)
        heapq.heappush(self._buckets.setdefault(width, []), entry)
        self._n_added += 1
        self._n_waiting += 1
        self._n_tokens += width

    def take(self) -> list[Item]:
        """The item whose turn it is and those of similar length that fit beside it; [] if none."""
        if not self._buckets:
            return []
        first = min(self._buckets, key=lambda width: self._buckets[width][0])
        self._order.serve(self._buckets[first][0][0])
        near = sorted((w for w in self._buckets if _CLOSE * first <= w <= first), reverse=True)
        n_near = sum(len(self._buckets[width]) for width in near)
        fair = max(_WORTHWHILE, -(-self._n_tokens // self._n_runs))
        n_tokens = min(fair, self._batching.max_tokens)
        room = min(self._batching.max_rows, n_tokens // first, _MAX_PAIRS // first**2)
        n_rows = _few_shapes(min(room, n_near))
        taken: list[Item] = []
        for width in near:
            bucket = self._buckets[width]
            while bucket and len(taken) < n_rows:
                taken.append(heapq.heappop(bucket)[2])
                self._n_tokens -= width
            if not bucket:
                del self._buckets[width]
        self._n_waiting -= len(taken)
        if not self._n_waiting:
            self._order.clear()
        return taken

    def drain(self) -> list[Item]:
        """Everything that waits."""
        items = [item for bucket in self._buckets.values() for _, _, item in bucket]
        self._buckets.clear()
        self._order.clear()
        self._n_waiting = self._n_tokens = 0
        return items


def _few_shapes(n_rows: int) -> int:
    """The largest power of two within ``n_rows``, at least 1."""
    return 1 << max(0, n_rows.bit_length() - 1)


def pad(rows: Sequence[npt.NDArray[np.int32]], *, pad_id: int) -> Batch:
    """Rows of token ids as one rectangle.

    Parameters
    ----------
    rows : int32 arrays of shape (n_tokens,), at least one
    pad_id : int

    Returns
    -------
    Batch of shape (n_rows, padded width of the longest row)
    """
    width = padded_width(max(len(row) for row in rows))
    ids = np.full((len(rows), width), pad_id, np.int64)
    mask = np.zeros((len(rows), width), np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return Batch(ids, mask)
