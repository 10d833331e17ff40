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
    """What could be read of it where there is an ``error``; empty where nothing could."""
    fields: Fields
    """All columns; those that could be told apart where the row is broken."""
    error: RowError | None = None
    source: str | None = None
    """A broken row as it stands in the input, where its fields don't say everything."""
    missing: bool = False
    """Whether the error is that nothing stands where the text should."""


class BrokenRecord(RowError, frozen=True):
    """Why a reader can't read a record, with what it could read of it."""

    fields: Fields
    """Cells that could be told apart, under the columns at whose places they stand."""
    source: str | None = None
    """The record as it stands in the input, where ``fields`` don't say everything."""


class Undecodable(NamedTuple):
    """Stands for a text that is not UTF-8."""

    text: str
    """With U+FFFD in the places of what is not."""


def readable(fields: Fields, number: int) -> Fields | RowError:
    """Give a row as it is, or as broken where a value of it is undecodable.

    Parameters
    ----------
    fields : dict of column name -> value
    number : int
        Of the row, 1 for the first.
    """
    if not any(isinstance(value, Undecodable) for value in fields.values()):
        return fields
    kept = {n: v.text if isinstance(v, Undecodable) else v for n, v in fields.items()}
    return broken_record(f"row {number} holds bytes that are not valid UTF-8", kept)


def broken(message: str) -> RowError:
    """Make the record in the place of a row that could not be read."""
    return RowError(BrokenRow.code, message)


def broken_record(message: str, fields: Fields, source: str | None = None) -> BrokenRecord:
    """Make what a reader gives in the place of a record that it can't read, or not wholly.

    Parameters
    ----------
    message : str
        Names the line or the row, and says what is wrong with it.
    fields : dict of column name -> value
        What could be told apart.
    source : str, optional
        The record as it stands in the input, where ``fields`` don't say everything.
    """
    return BrokenRecord(BrokenRow.code, message, fields, source)
