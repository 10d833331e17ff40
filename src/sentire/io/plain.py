"""Plain text: one text a line, blank lines included, so that answers stand beside their lines."""

from collections.abc import Iterator

from sentire.io.lines import Line
from sentire.io.rows import Fields, broken_record
from sentire.types import RowError


class PlainReader:
    """Rows of a text stream."""

    columns = ("text",)

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[Fields | RowError]:
        for number, line in enumerate(self._lines, 1):
            fields: Fields = {"text": line.text.rstrip("\r\n")}
            if line.problem:
                yield broken_record(f"line {number} {line.problem}", fields)
            else:
                yield fields
