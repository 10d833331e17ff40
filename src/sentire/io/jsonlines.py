"""JSON Lines: one object a line; a line that is none breaks one row.

Reads:   decoded lines
Gives:   one record a line; blank lines are no rows, as in every reader of this format
Never:   takes a whole file for one document
"""

import json
import re
from collections.abc import Iterable, Iterator

import msgspec

from sentire.errors import SourceError
from sentire.io.lines import Line
from sentire.io.rows import Fields, broken_record
from sentire.types import RowError

TEXT = "text"
"""Column of a line that is a bare string."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonLinesReader:
    """Rows of a JSON Lines stream. A line that is a bare JSON string is a text without columns."""

    columns = None

    def __init__(self, lines: Iterator[Line], *, name: str) -> None:
        self._lines = lines
        self._name = name

    def __iter__(self) -> Iterator[Fields | RowError]:
        for number, line in enumerate(self._lines, 1):
            text = line.text.strip()
            if number == 1 and (text == "{" or text.startswith("[")):
                raise SourceError(
                    f"{self._name} holds one JSON document, not one object a line. "
                    "If it is a list, say --input-format json; else take the list out, for "
                    "example with: jq '.data' file.json > list.json"
                )
            if line.problem:
                place = f"line {number}"
                reason, read = f"{place} {line.problem}", read_record(place, text)
                if isinstance(read, RowError):
                    yield broken_record(reason, {}, text)
                else:
                    yield broken_record(reason, read)
            elif text:
                yield read_record(f"line {number}", text)


def read_record(place: str, text: str) -> Fields | RowError:
    """Read one JSON value as a row: an object, or a string, which is a text without columns.

    Parameters
    ----------
    place : str
        Where it stands, for messages, such as ``line 7``.
    text : str
        One JSON value and nothing else.
    """
    try:
        value = _decode(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return broken_record(f"{place} is no JSON: {reason}", {}, text)
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {TEXT: value}
    return broken_record(f"{place} is a JSON {type(value).__name__}, not an object", {}, text)


def _decode(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        # What other writers call JSON: NaN, and half of an escaped surrogate pair.
        value = json.loads(text)
        if "\\u" not in text:
            return value
        return json.loads(_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))


def columns_of(records: Iterable[Fields | RowError]) -> list[str]:
    """All columns of JSON records, in the order in which they first appear.

    Parameters
    ----------
    records : what a reader of JSON gives
    """
    columns: dict[str, None] = {}
    for record in records:
        if isinstance(record, dict):
            columns.update(dict.fromkeys(record))
    return list(columns)
