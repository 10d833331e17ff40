"""Run rows of token ids on an engine, and compare two engines.

Reads:   token ids of texts
Gives:   padded batches; the largest difference of what two engines make of them
Never:   decides how large a difference may be
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sentire.arrays import TokenIds
from sentire.backends.base import Backend, Logits
from sentire.inference.batching import pad
from sentire.types import Batch

"""Token ids of one row with special tokens, shape (n_tokens,)."""

_ROWS = 8


def batches(rows: Sequence[TokenIds], pad_id: int) -> Iterator[tuple[Batch, range]]:
    """Rows in their order, eight to a padded batch, with their places."""
    for start in range(0, len(rows), _ROWS):
        places = range(start, min(start + _ROWS, len(rows)))
        yield pad([rows[place] for place in places], pad_id=pad_id), places


def largest_difference(
    left: Backend,
    right: Backend,
    rows: Sequence[TokenIds],
    *,
    pad_id: int,
    reading: Callable[[Logits], Logits],
) -> float:
    """Largest difference between two engines on padded batches.

    Parameters
    ----------
    left, right : Backend
    rows : int32 arrays of token ids, with special tokens
    pad_id : int
        Of the tokenizer.
    reading : what is made of the outputs before they are compared, such as probabilities
    """
    worst = 0.0
    for batch, _ in batches(rows, pad_id):
        one, other = reading(left.run(batch)), reading(right.run(batch))
        worst = max(worst, *(float(np.abs(one[name] - other[name]).max()) for name in one))
    return worst
