"""JSON Lines: one object a line; a line that is none breaks one row.

Reads:   decoded lines
Gives:   one record a line; blank lines are no rows, as in every reader of this format
Never:   takes a whole file for one document
"""

import json
import re
from collections.abc import Iterator

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
                    "Rewrite it, for example with: jq -c '.[]' file.json > file.jsonl"
                )
            if line.problem:
                reason, read = f"line {number} {line.problem}", _record(number, text)
                if isinstance(read, RowError):
                    yield broken_record(reason, {}, text)
                else:
                    yield broken_record(reason, read)
            elif text:
                yield _record(number, text)


def _record(number: int, text: str) -> Fields | RowError:
    try:
        value = _decode(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return broken_record(f"line {number} is no JSON: {reason}", {}, text)
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {TEXT: value}
    reason = f"line {number} is a JSON {type(value).__name__}, not an object"
    return broken_record(reason, {}, text)


def _decode(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        # What other writers call JSON: NaN, and half of an escaped surrogate pair.
        value = json.loads(text)
        if "\\u" not in text:
            return value
        return json.loads(_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))


def columns_of(lines: Iterator[Line], *, name: str) -> list[str]:
    """All columns of a JSON Lines stream, in the order in which they first appear."""
    columns: dict[str, None] = {}
    for record in JsonLinesReader(lines, name=name):
        if isinstance(record, dict):
            columns.update(dict.fromkeys(record))
    return list(columns)
