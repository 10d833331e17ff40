"""Which column holds the text, and what the columns of an output are called.

Reads:   column names and a few rows
Gives:   the one obvious column, or an error that lists them
Never:   guesses between two
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from sentire.errors import SourceError
from sentire.io.rows import Fields

_LATIN = "text texts review reviews content comment comments sentence body message tweet"
_CHINESE = "文本 内容 评论 评价 正文 句子 评论内容 评价内容"
_WELL_KNOWN = frozenset(f"{_LATIN} {_CHINESE}".split())

_NUMBER = re.compile(r"\s*[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*%?\s*")
_SHOWN = 30
"""Columns listed in a message."""

Evidence = Literal["text", "other", "none"]
"""What the values of a column look like; "none" where all are missing."""


def find_text_column(
    columns: Sequence[str], evidence: dict[str, Evidence], *, asked: str | None, name: str
) -> str:
    """Choose the column to score.

    Parameters
    ----------
    asked : the column the user named, if any
    name : what the input is called in messages

    Raises
    ------
    SourceError
        The named column is missing, or no column is obvious.
    """
    listed = ", ".join(columns[:_SHOWN]) + (", …" if len(columns) > _SHOWN else "")
    if asked is not None:
        if asked not in columns:
            raise SourceError(
                f"{name} has no column {asked!r}. It has: {listed}. "
                "Name one of these with --text-column."
            )
        return asked
    known = [
        column
        for column in columns
        if column.strip().casefold() in _WELL_KNOWN and evidence[column] != "other"
    ]
    textual = [column for column in columns if evidence[column] == "text"]
    for candidates in (known, textual, columns):
        if len(candidates) == 1 and evidence[candidates[0]] != "other":
            return candidates[0]
    raise SourceError(
        f"{name}: which column holds the text is not obvious. It has: {listed}. "
        "Name one with --text-column."
    )


def weigh_values(columns: Iterable[str], rows: Sequence[Fields]) -> dict[str, Evidence]:
    """Weigh what a few rows say about each column; text that only spells numbers is no evidence."""
    return {column: _weigh([row.get(column) for row in rows]) for column in columns}


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Give the second of two equal names a number: ``a, a`` becomes ``a, a_2``."""
    taken: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.append(unique)
    return tuple(taken)


def output_name(column: str, answers: Collection[str]) -> str:
    """Name under which an input column is carried beside the answer's columns.

    The rule looks at no other column, so that every part of a long job follows it alike, and no two
    columns end under one name.

    Examples
    --------
    >>> [output_name(name, ["label"]) for name in ("id", "label", "input_label")]
    ['id', 'input_label', 'input_input_label']
    """
    return f"input_{column}" if re.sub("^(?:input_)+", "", column) in answers else column


def _weigh(values: Sequence[object]) -> Evidence:
    given = [value for value in values if value is not None and value != ""]
    if not given:
        return "none"
    strings = [value for value in given if isinstance(value, str)]
    if 2 * len(strings) <= len(given) or all(map(_NUMBER.fullmatch, strings)):
        return "other"
    return "text"  # a stray number among strings breaks its own row
