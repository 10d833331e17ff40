"""Which character encoding a text file has, from a bounded sample of it.

Reads:   the first bytes of a file
Gives:   the name of a codec
Never:   takes UTF-8 with a few broken bytes for something else: those rows break, the rest is read
"""

import codecs

from sentire.errors import OptionError, SourceError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_NAME_IT = (
    "Name its encoding with --encoding, for example gb18030, big5, shift_jis, cp1252 or utf-16-le."
)
_FEW = 0.3
"""Above this share of undecodable lines a file is not UTF-8 with accidents."""
_COMMON = 0.8
"""Least share of GB2312's characters in what GB18030 makes of the bytes. Real Chinese text has
nearly all; Latin-1 letters next to ASCII ones give rare characters from GBK's extension."""


def detect_encoding(sample: bytes, *, name: str) -> str:
    """Tell the encoding of a file by its first bytes.

    Returns
    -------
    "utf-8", "utf-8-sig", "utf-16", "utf-32" or "gb18030"

    Raises
    ------
    SourceError
        None of these; the message asks for ``--encoding``.
    """
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    lines = sample.split(b"\n")
    # A sample may end inside a character.
    foreign = [line for line in lines[:-1] if not _decodes(line, "utf-8", final=True)]
    foreign += [line for line in lines[-1:] if not _decodes(line, "utf-8", final=False)]
    if not foreign:
        _refuse_unmarked_utf16(sample, name)
        return "utf-8"
    n_characters = sum(_n_wide(line) for line in lines)
    n_broken = sum(_n_escaped(line) for line in foreign)
    if n_characters < n_broken and _is_chinese(foreign):
        return "gb18030"
    if n_characters >= n_broken or len(foreign) <= _FEW * len(lines):
        return "utf-8"
    _refuse_unmarked_utf16(sample, name)
    raise SourceError(f"{name} is no UTF-8, UTF-16 or GB18030 text. {_NAME_IT}")


def check_encoding(encoding: str) -> str:
    """Look up the codec's own name for ``encoding``.

    Raises
    ------
    OptionError
        There is no such text encoding.
    """
    try:
        info = codecs.lookup(encoding)
        "".encode(encoding)  # refuses codecs that are no text encodings, such as hex
    except LookupError:
        raise OptionError(
            f"--encoding is {encoding!r}, which is no text encoding that Python knows. "
            "Allowed are for example utf-8, gb18030, big5, shift_jis, cp1252, utf-16-le."
        ) from None
    return info.name


def _decodes(line: bytes, encoding: str, *, final: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(line, final)
    except UnicodeDecodeError:
        return False
    return True


def _n_wide(line: bytes) -> int:
    """Characters beyond ASCII that are valid UTF-8."""
    text = line.decode("utf-8", "ignore")
    return 0 if text.isascii() else sum(character > "\x7f" for character in text)


def _n_escaped(line: bytes) -> int:
    """Bytes that are no part of valid UTF-8."""
    return sum(
        "\udc80" <= character <= "\udcff" for character in line.decode("utf-8", "surrogateescape")
    )


def _is_chinese(lines: list[bytes]) -> bool:
    """Whether most lines are valid GB18030 and what they say is ordinary Chinese."""
    wide = common = n_valid = 0
    for line in lines:
        try:
            text = codecs.getincrementaldecoder("gb18030")().decode(line)
        except UnicodeDecodeError:
            continue
        n_valid += 1
        for character in text:
            if character > "\x7f":
                wide += 1
                common += bool(character.encode("gb2312", "ignore"))
    return 2 * n_valid > len(lines) and wide > 0 and common >= _COMMON * wide


def _refuse_unmarked_utf16(sample: bytes, name: str) -> None:
    """UTF-16 without its mark is full of NUL bytes where the text is Latin."""
    if sample.count(0) > len(sample) // 5:
        order = "le" if sample[1::2].count(0) > sample[::2].count(0) else "be"
        raise SourceError(
            f"{name} holds many NUL bytes: it may be UTF-16 without a byte-order mark, or no text. "
            f"If it is UTF-16, say --encoding utf-16-{order}."
        )
