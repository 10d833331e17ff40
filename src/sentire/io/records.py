"""How a row and its answer are written, in JSON Lines, CSV and TSV."""

import base64
import re
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import NamedTuple, Protocol

import msgspec

from sentire.io.columns import output_name
from sentire.io.rows import Row
from sentire.labels import POLARITY
from sentire.types import Answer, Unscored

Cell = str | float | bool | None

ERROR_COLUMNS = ("error", "error_message", "error_source")
"""Code, reason with the line's number, and the row as it stands where its cells could not be told
apart."""

_NUMBER = re.compile(r"[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A spreadsheet may run a cell that begins so; the wide ones in East Asian settings. Source: OWASP,
"CSV Injection"."""


class Layout(NamedTuple):
    """What the output holds beside the answers."""

    text_column: str
    columns: tuple[str, ...] | None = None
    """All input columns, in order; None where they are not known beforehand."""
    sentences: bool = False
    emotion: bool = False

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """Columns that every table gets."""
        asked = [name for name in ("emotion", "sentences") if getattr(self, name)]
        flat = ("mixed", "language", "truncated", "warnings", *ERROR_COLUMNS)
        return ("label", "score", *POLARITY, *flat, *asked)


class RecordEncoder(Protocol):
    """Turns rows into bytes."""

    def header(self) -> bytes:
        """Give what stands before the first record."""

    def encode(self, row: Row, answer: Answer) -> bytes:
        """Write one record."""


class JsonLinesEncoder:
    """The prediction's record, with the other columns under ``input``.

    A broken row stands as it is under ``error_source`` where its cells don't say everything.
    """

    def __init__(self, layout: Layout) -> None:
        self._text_column = layout.text_column
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def header(self) -> bytes:
        """Give nothing."""
        return b""

    def encode(self, row: Row, answer: Answer) -> bytes:
        """Write one line."""
        record = self._encoder.encode(answer)
        others = {name: value for name, value in row.fields.items() if name != self._text_column}
        more: dict[str, object] = {"input": others} if others else {}
        if row.source is not None:
            more["error_source"] = row.source
        if not more:
            return record + b"\n"
        return record[:-1] + b"," + self._encoder.encode(more)[1:] + b"\n"


class DelimitedEncoder:
    """The input's columns, then the answer's; cells that a spreadsheet would run are disarmed.

    Parameters
    ----------
    layout : Layout
    delimiter : str
        What stands between cells; those that hold it, a quote or a line end are quoted.
    """

    def __init__(self, layout: Layout, *, delimiter: str = ",") -> None:
        self._layout, self._delimiter = layout, delimiter
        self._quoted = re.compile(f'["{delimiter}\r\n]')
        self._columns = layout.columns or (layout.text_column,)

    def header(self) -> bytes:
        """Give the names of the columns."""
        answers = self._layout.answer_columns
        names = [_disarmed(output_name(column, answers)) for column in self._columns]
        return self._line([*names, *answers])

    def encode(self, row: Row, answer: Answer) -> bytes:
        """Write one record."""
        given = [_cell(row.fields.get(column)) for column in self._columns]
        answered = [_cell(value) for value in answer_values(row, answer, self._layout)]
        return self._line(given + answered)

    def _line(self, cells: Iterable[str]) -> bytes:
        # Python's own writer leaves a lone carriage return unquoted before 3.13.
        quoted = (
            '"' + cell.replace('"', '""') + '"' if self._quoted.search(cell) else cell
            for cell in cells
        )
        return (self._delimiter.join(quoted) + "\n").encode()


def answer_values(row: Row, answer: Answer, layout: Layout) -> list[Cell]:
    """Flatten an answer into the cells of ``layout.answer_columns``.

    Parameters
    ----------
    row : what was answered
    answer : its prediction, or why there is none
    layout : which columns are asked for
    """
    if isinstance(answer, Unscored):
        said = (answer.error.code, answer.error.message, row.source)
        values: dict[str, Cell] = dict(zip(ERROR_COLUMNS, said, strict=True))
        return [values.get(name) for name in layout.answer_columns]
    values = {
        "label": answer.label,
        "score": answer.score,
        **answer.probabilities,
        "mixed": answer.mixed,
        "language": answer.language.code,
        "truncated": answer.coverage.truncated,
        "warnings": " ".join(warning.code for warning in answer.warnings),
        "emotion": answer.emotion.label if answer.emotion else None,
        "sentences": msgspec.json.encode(answer.sentences or []).decode(),
    }
    return [values.get(name) for name in layout.answer_columns]


def as_text(value: object) -> str:
    """Write any value of an input as text: nested ones as JSON, bytes in base64."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict | list | tuple | set):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return _disarmed(value) if isinstance(value, str) else as_text(value)


def _disarmed(text: str) -> str:
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text
