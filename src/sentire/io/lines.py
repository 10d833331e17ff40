"""Decoded lines of a byte stream; a line that can't be decoded harms no other.

Reads:   bytes and the name of their encoding
Gives:   lines with their line ends, each with what is wrong with it
Never:   holds more than one line, or a line longer than a bound
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from sentire.errors import SourceError

LONGEST = 32 << 20
"""Bytes of the longest line that is read; a longer one breaks, in its own place."""
_TOO_LONG = f"is longer than {LONGEST >> 20} MiB"


class Line(NamedTuple):
    """A line, with its end. Where there is a ``problem`` the text is a stand-in."""

    text: str
    problem: str | None = None


def read_lines(stream: BinaryIO, encoding: str, *, name: str) -> Iterator[Line]:
    """Read a stream line by line.

    Parameters
    ----------
    stream : binary stream
    encoding : a codec's name, with "utf-8-sig" and "utf-16" reading the byte-order mark
    name : what the stream is called in messages

    Raises
    ------
    SourceError
        The bytes can't be told apart into lines at all.
    """
    wide = len("\n".encode(encoding)) > 1 and encoding != "utf-8-sig"
    lines = _wide(stream, encoding, name) if wide else _narrow(stream, encoding)
    first = next(lines, None)
    if first is not None:
        first = first._replace(text=first.text.removeprefix("\ufeff"))
        if first.text or first.problem:
            yield first
    yield from lines


def _narrow(stream: BinaryIO, encoding: str) -> Iterator[Line]:
    """Lines of an encoding in which byte 10 is a line end and nothing else."""
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    while raw := stream.readline(LONGEST):
        if len(raw) == LONGEST and not raw.endswith(b"\n"):
            while (rest := stream.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
            yield Line("\n", _TOO_LONG)
            continue
        try:
            yield Line(raw.decode(encoding))
        except UnicodeDecodeError as error:
            problem = f"is not valid {encoding} at its byte {error.start + 1}"
            yield Line(raw.decode(encoding, "replace"), problem)


def _wide(stream: BinaryIO, encoding: str, name: str) -> Iterator[Line]:
    """Lines of UTF-16 and UTF-32, where a line end is only seen once it is decoded."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    kept: list[str] = []
    n_kept = 0
    while chunk := stream.read(1 << 16):
        try:
            *complete, rest = decoder.decode(chunk).split("\n")
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{name} is not valid {encoding}: {error.reason}. Name another with --encoding."
            ) from None
        for piece in complete:
            yield _checked("".join(kept) + piece + "\n", n_kept)
            kept, n_kept = [], 0
        n_kept += len(rest)
        if n_kept < LONGEST:
            kept.append(rest)
    if kept and "".join(kept):
        yield _checked("".join(kept), n_kept)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        yield Line("", "ends inside a character")


def _checked(text: str, n_kept: int) -> Line:
    if n_kept >= LONGEST:
        return Line("\n", _TOO_LONG)
    try:
        text.encode()
    except UnicodeEncodeError:
        return Line(text.encode(errors="replace").decode(), "holds half a character")
    return Line(text)
