"""Whether a column of texts, as CSV has, holds numbers that can be read without any loss.

Reads:   the cells of a column
Gives:   int64, float64 or string
Never:   takes for numbers what numbers could not be written back as: leading zeros, plus signs,
         more digits than a float keeps, 1.5 beside 1.50
"""

import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

_NUMERAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.([0-9]+))?(e[+-][0-9]+)?", re.ASCII)
_DIGITS = 15
"""A float of 64 bits keeps every number of so many decimal digits; Excel keeps no more."""


class Numerals:
    """How the cells of one column are spelled; ask for ``kind`` when all were seen.

    A cell may be spelled in several ways: ``4`` is an integer, and a short number as ``4.5`` is;
    ``4.5`` is short, and a number of one decimal as ``4.0`` is. A column is one of numbers where
    all its cells are spelled in one of these ways, for then each could be written back.
    """

    def __init__(self) -> None:
        self._spellings: set[str] | None = None

    def add(self, cells: Iterable[object]) -> None:
        """Look at some cells; missing and empty ones say nothing."""
        for cell in cells:
            if cell is None or cell == "":
                continue
            spellings = _spellings(cell) if isinstance(cell, str) else set()
            self._spellings = spellings if self._spellings is None else self._spellings & spellings
            if not self._spellings:
                return

    @property
    def kind(self) -> Any:
        """The column's type in Arrow."""
        if not self._spellings:
            return pa.string()
        return pa.int64() if "integer" in self._spellings else pa.float64()


def read_numbers(cells: Iterable[object], kind: Any) -> pa.Array:
    """Cells as an array of int64 or float64; those that are no such numeral become null.

    Parameters
    ----------
    cells : iterable of str or None
    kind : pyarrow.int64() or pyarrow.float64()
    """
    whole = kind == pa.int64()
    number = int if whole else float
    numbers = [
        number(cell) if isinstance(cell, str) and _is_numeral(cell, whole=whole) else None
        for cell in cells
    ]
    return pa.array(numbers, type=kind)


def _is_numeral(cell: str, *, whole: bool) -> bool:
    spellings = _spellings(cell)
    return "integer" in spellings if whole else bool(spellings)


def _spellings(cell: str) -> set[str]:
    """Ways in which a cell is the spelling of a number that can be told from the number again."""
    found = _NUMERAL.fullmatch(cell)
    if found is None or cell == "-0":
        return set()
    decimals, exponent = found.groups()
    few = sum(character.isdigit() for character in cell) <= _DIGITS
    spellings = {"as Python writes it"} if repr(float(cell)) == cell else set()
    if exponent:
        return spellings
    if few:
        spellings.add("integer" if decimals is None else f"{len(decimals)} decimals")
    if (few or spellings) and not (decimals or "").endswith("0"):
        spellings.add("short")
    return spellings
