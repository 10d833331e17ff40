"""How a delimited file is written, from its first lines: its delimiter, and how it escapes quotes.

Reads:   the first lines
Gives:   a dialect, and what else it may be
Never:   counts what stands inside quotes
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_DECLARED = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?[\r\n]*')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.|"")*"?')
_DELIMITERS = ";\t|"
_LONE_BACKSLASH = re.compile(r'\\(?P<escaped>["\\])?')


class CsvDialect(NamedTuple):
    """How a delimited file is written."""

    delimiter: str
    escapes: bool = False
    r"""Whether a quote inside quotes is written as ``\"`` and not doubled."""
    declared: bool = False
    """Whether the first line is ``sep=`` and the delimiter."""
    others: str = ""
    """What else may divide it: characters that stand in the first line outside quotes."""


def detect_dialect(lines: Sequence[str], *, tabs: bool) -> CsvDialect:
    r"""Tell the dialect.

    A comma decides; else the most frequent of semicolon, tab and bar. Quotes are escaped by
    backslashes where ``\"`` stands before what can't follow a closing quote.

    Parameters
    ----------
    lines : first lines of the file, with their ends; at least one
    tabs : whether it is a TSV, which escapes nothing

    Examples
    --------
    >>> detect_dialect(['"id, old";text'], tabs=False).delimiter
    ';'
    """
    declared = _DECLARED.fullmatch(lines[0])
    if declared is not None:
        return CsvDialect(declared["delimiter"], _escapes(lines[1:], declared["delimiter"]), True)
    if tabs:
        return CsvDialect("\t")
    header = _QUOTED.sub("", lines[0])
    found = sorted((c for c in _DELIMITERS if c in header), key=header.count, reverse=True)
    delimiter = "," if "," in header else found[0] if found else ","
    others = "".join(character for character in found if character != delimiter)
    return CsvDialect(delimiter, _escapes(lines, delimiter), others=others)


def protect_backslashes(line: str) -> str:
    r"""Double every backslash that stands neither before a quote nor before another.

    A parser with the escape character ``\`` then takes only ``\"`` and ``\\`` apart, and a path or
    a ``\n`` of two characters stays what it is.

    Examples
    --------
    >>> print(protect_backslashes(r'C:\new "\"" \\'))
    C:\\new "\"" \\
    """
    if "\\" not in line:
        return line
    return _LONE_BACKSLASH.sub(lambda m: m[0] if m["escaped"] else "\\\\", line)


def _escapes(lines: Sequence[str], delimiter: str) -> bool:
    impossible = re.compile(rf'\\"(?!["\r\n{re.escape(delimiter)}]|$)')
    return any(impossible.search(line) for line in lines)
