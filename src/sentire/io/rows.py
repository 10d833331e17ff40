"""One row of an input, whatever it came from."""

from typing import NamedTuple

from sentire.errors import BrokenRow
from sentire.types import RowError

Fields = dict[str, object]
"""The columns of a row, in order, with the text among them."""


class Row(NamedTuple):
    """A row, or the place of one that could not be read."""

    number: int
    """1 for the first row."""
    text: str
    """Empty where there is an ``error``."""
    fields: Fields
    """All columns; empty when the row could not be taken apart."""
    error: RowError | None = None
    missing: bool = False
    """Whether the error is that nothing stands where the text should."""


def broken(message: str) -> RowError:
    """Make the record in the place of a row that could not be read."""
    return RowError(BrokenRow.code, message)
