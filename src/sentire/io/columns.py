"""Which column holds the text, and what the columns of an output are called.

Reads:   column names and a few rows
Gives:   the one obvious column, or an error that lists them
Never:   guesses between two
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from sentire.errors import SourceError
from sentire.io.missing_values import is_missing
from sentire.io.rows import Fields

_LATIN = "text texts review reviews content comment comments sentence body message tweet"
_CHINESE = "文本 内容 评论 评价 正文 句子 评论内容 评价内容"
_WELL_KNOWN = frozenset(f"{_LATIN} {_CHINESE}".split())

_NUMBER = re.compile(r"\s*[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*%?\s*")
_DATE = re.compile(
    r"\s*(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]+\d{1,2}:\d\d\S*)?|\d{1,2}:\d\d(?::\d\d\S*)?)\s*"
)
_SHOWN = 30
"""Columns listed in a message."""
_SHOWN_CHARACTERS = 40

Evidence = Literal["text", "other", "none"]
"""What the values of a column look like; "none" where all are missing."""


def find_text_column(
    columns: Sequence[str], evidence: dict[str, Evidence], *, asked: str | None, name: str
) -> str:
    """Choose the column to score.

    Parameters
    ----------
    columns : all columns of the input
    evidence : what the values of each look like
    asked : the column the user named, if any
    name : what the input is called in messages

    Raises
    ------
    SourceError
        The named column is missing, or no column is obvious.
    """
    if asked is not None:
        if asked not in columns:
            raise SourceError(
                f"{name} has no column {asked!r}. It has: {_listed(columns)}. "
                "Name one of these with --text-column."
            )
        return asked
    known = [column for column in columns if is_well_known(column) and evidence[column] != "other"]
    textual = [column for column in columns if evidence[column] == "text"]
    for candidates in (known, textual, columns):
        if len(candidates) == 1 and evidence[candidates[0]] != "other":
            return candidates[0]
    raise SourceError(
        f"{name}: which column holds the text is not obvious. It has: {_listed(columns)}. "
        "Name one with --text-column."
    )


def is_well_known(column: str) -> bool:
    """Whether a column is called as columns of texts often are."""
    return column.strip().casefold() in _WELL_KNOWN


def describe_choice(
    chosen: str, evidence: dict[str, Evidence], *, name: str, header: bool
) -> str | None:
    """Say which column was taken where it could have been another; None where it could not.

    Parameters
    ----------
    chosen : the column that was taken as the text without being asked for
    evidence : what the values of each column look like
    name : what the input is called in messages
    header : whether the first row was taken as the names of the columns and might be none
    """
    others = [column for column, kind in evidence.items() if kind == "text" and column != chosen]
    doubtful = header and not is_well_known(chosen)
    if not others and not doubtful:
        return None
    note = f"{name}: column {_shown(chosen)} is taken as the text"
    if others:
        note += f"; {_listed(list(map(_shown, others)))} may be too. --text-column names another"
    if doubtful:
        note += ". Line 1 is taken as the names of columns; if it is a text, say --no-header"
    return note


def weigh_values(columns: Iterable[str], rows: Sequence[Fields]) -> dict[str, Evidence]:
    """Weigh what a few rows say about each column; numbers and dates in text are no evidence."""
    return {column: _weigh([row.get(column) for row in rows]) for column in columns}


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """Give the second of two equal names a number: ``a, a`` becomes ``a, a_2``."""
    taken: dict[str, int] = {}  # name -> the last number that was given to it
    for name in names:
        unique = name
        while unique in taken:
            taken[name] += 1
            unique = f"{name}_{taken[name]}"
        taken[unique] = 1
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


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:_SHOWN]) + (", …" if len(columns) > _SHOWN else "")


def _shown(column: str) -> str:
    """A column's name in one line; it may be a text, where a file has no header."""
    return repr(column if len(column) <= _SHOWN_CHARACTERS else column[:_SHOWN_CHARACTERS] + "…")


def _weigh(values: Sequence[object]) -> Evidence:
    given = [
        value
        for value in values
        if value is not None and not (isinstance(value, str) and (value == "" or is_missing(value)))
    ]
    if not given:
        return "none"
    strings = [value for value in given if isinstance(value, str)]
    if 2 * len(strings) <= len(given) or all(map(_is_figure, strings)):
        return "other"
    return "text"  # a stray number among strings breaks its own row


def _is_figure(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None or _DATE.fullmatch(text) is not None
