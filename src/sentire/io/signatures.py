"""What a file really is, by its first bytes, where its name says otherwise.

Reads:   the first bytes, decompressed
Gives:   an error that names the right format and what to do
Never:   trusts an extension; people rename files
"""

import re
from typing import NamedTuple

from sentire.errors import SourceError
from sentire.io.names import InputFormat

_WORKBOOK_PARTS = re.compile(rb"xl/|application/vnd\.oasis\.opendocument\.spreadsheet")
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|meta|table|\?xml)", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08]")
_UNPACK = "Unpack it first, and name the file that is in it."
_SAVE = "Save its table as .csv, .xlsx or .parquet."


class _Signature(NamedTuple):
    """What some bytes are, with its article, and what to do about them."""

    what: str
    advice: str
    format: InputFormat | None = None


_EXCEL = _Signature("an Excel workbook", "Call it .xlsx, or say --input-format excel.", "excel")
_OLD_EXCEL = _Signature(
    "an old Excel workbook or another office document",
    "If it is a workbook, call it .xls, or say --input-format excel.",
    "excel",
)
_ARCHIVE = _Signature("a ZIP archive or an office document", f"{_UNPACK} {_SAVE}")
_ZIP = b"PK\x03\x04"
_SIGNATURES = (
    (b"PAR1", _Signature("Parquet", "Call it .parquet, or say --input-format parquet.", "parquet")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLD_EXCEL),
    (b"BZh", _Signature("compressed with bzip2", _UNPACK)),
    (b"\xfd7zXZ\x00", _Signature("compressed with xz", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", _Signature("a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", _Signature("a RAR archive", _UNPACK)),
    (b"%PDF-", _Signature("a PDF document", _SAVE)),
    (b"{\\rtf", _Signature("an RTF document", _SAVE)),
    (b"ARROW1\x00\x00", _Signature("an Arrow file", _SAVE)),
    (b"ORC", _Signature("an ORC file", _SAVE)),
    (b"Obj\x01", _Signature("an Avro file", _SAVE)),
    (
        b"SQLite format 3\x00",
        _Signature("an SQLite database", "Read it with -i sqlite:///FILE and --query."),
    ),
)


def check_signature(head: bytes, kind: InputFormat, *, name: str) -> None:
    """Refuse bytes that are plainly of another format than the one they are read as.

    Parameters
    ----------
    head : bytes
        The first 4 KB or more of the file, decompressed.
    kind : the format that the file is to be read as
    name : what the file is called in messages

    Raises
    ------
    SourceError
        They are; the message says what they are and what to do.
    """
    if kind == "excel" and head.startswith(_ZIP):
        return  # the parts that tell a workbook may stand further behind
    found = _find_signature(head)
    if found is not None and found.format != kind:
        raise SourceError(f"{name} is {found.what}. {found.advice}")
    if found is None and kind == "excel":
        if _MARKUP.match(head):
            raise SourceError(
                f"{name} is a web page or XML and no Excel workbook, as some programs export it. "
                "Open it in a spreadsheet program and save it as .xlsx."
            )
        raise SourceError(
            f"{name} is no Excel workbook. If it is text, name its format, for example "
            "--input-format csv or --input-format tsv."
        )


def _find_signature(head: bytes) -> _Signature | None:
    """Tell a binary format; None for text and for what is not known."""
    if head.startswith(_ZIP):
        return _EXCEL if _WORKBOOK_PARTS.search(head) else _ARCHIVE
    for magic, signature in _SIGNATURES:
        # A text may begin with "ORC"; in a binary file control characters are never far.
        if head.startswith(magic) and (len(magic) > 4 or _CONTROL.search(head[:64])):
            return signature
    return None
