"""A JSON document that is one list: each element is a row.

Reads:   bytes and the name of their encoding
Gives:   one record an element, as it comes
Never:   holds more than a few elements; goes on behind what is no JSON, for nothing tells where
         the next element begins
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from sentire.errors import SourceError
from sentire.io.jsonlines import read_record
from sentire.io.lines import LONGEST
from sentire.io.rows import Fields, broken
from sentire.types import RowError

_CHUNK = 1 << 16
_BLANK = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, or a byte that could not be decoded."""


class JsonArrayReader:
    """Rows of a JSON list of objects or strings.

    Parameters
    ----------
    stream : bytes, decompressed
    encoding : a codec's name
    name : what the stream is called in messages

    Raises
    ------
    SourceError
        The document is no list, or ends or breaks inside it, while it is iterated.
    """

    columns = None

    def __init__(self, stream: BinaryIO, encoding: str, *, name: str) -> None:
        self._stream, self._encoding, self._name = stream, encoding, name
        wide = len("\n".encode(encoding)) > 1 and encoding != "utf-8-sig"
        self._decoder = codecs.getincrementaldecoder(encoding)(
            "surrogatepass" if wide else "surrogateescape"
        )
        self._buffer, self._at, self._ended = "", 0, False

    def __iter__(self) -> Iterator[Fields | RowError]:
        if self._next_character() != "[":
            raise SourceError(
                f"{self._name} is no JSON list. Inputs are a list of objects or strings, or one "
                "object a line. Take the list out, for example with: "
                "jq '.data' file.json > list.json"
            )
        self._at += 1
        number = 0
        if self._next_character() == "]":
            self._at += 1
            self._check_end()
            return
        while True:
            number += 1
            self._next_character()
            yield self._element(number)
            divider = self._next_character()
            self._at += 1
            if divider == "]":
                self._check_end()
                return
            if divider != ",":
                raise self._broken(number, "a comma or ] is missing behind it")

    def _element(self, number: int) -> Fields | RowError:
        """Read the element that begins here, and more of the stream until it ends."""
        size = _CHUNK
        while True:
            try:
                end = _end_of_value(self._buffer, self._at)
            except RecursionError:
                raise self._broken(number, "it is nested too deeply") from None
            except ValueError as error:
                problem = str(error).partition(": line")[0]
            else:
                # A number may go on behind the end of what was read.
                if end < len(self._buffer) or self._ended:
                    text = self._buffer[self._at : end]
                    self._at = end
                    if _SURROGATE.search(text):
                        return broken(f"element {number} is not valid {self._encoding}")
                    return read_record(f"element {number}", text)
                problem = "it does not end"
            if self._ended:
                raise self._broken(number, problem)
            if len(self._buffer) - self._at > LONGEST:
                raise self._broken(number, f"{problem} within {LONGEST >> 20} Mi characters")
            self._read(size)
            size *= 2  # so that a long element is not parsed once for each small piece

    def _next_character(self) -> str:
        """Go to the next character that is no blank; empty at the end."""
        while True:
            match = _BLANK.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if self._ended:
                return ""
            self._read(_CHUNK)

    def _read(self, size: int) -> None:
        try:
            data = self._stream.read(size)
            more = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{self._name} is not valid {self._encoding}: {error.reason}. "
                "Name another with --encoding."
            ) from None
        self._ended = not data
        rest = self._buffer[self._at :]
        self._buffer = (rest + more) if rest or self._at else more.removeprefix("\ufeff")
        self._at = 0

    def _check_end(self) -> None:
        if self._next_character():
            raise SourceError(
                f"{self._name}: something stands behind the end of the list. Take it away, or, if "
                "it is one object a line, say --input-format jsonl."
            )

    def _broken(self, number: int, reason: str) -> SourceError:
        return SourceError(
            f"{self._name} breaks at element {number}: {reason}. Nothing tells where the next one "
            "begins. Mend the file; as JSON Lines, one object a line, it would lose this row alone."
        )


def _end_of_value(text: str, start: int) -> int:
    return json.JSONDecoder().raw_decode(text, start)[1]
