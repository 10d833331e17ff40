"""Locale, and whether Chinese text can be read and written."""

import locale
import sys
from collections.abc import Iterator

from sentire.doctor.findings import Finding, Machine, broken, fine, warning

NAME = "encoding"

_SAMPLE = "服务很好 🙂"


def look(machine: Machine) -> Iterator[Finding]:  # noqa: ARG001 - a check's signature
    """Check the encodings of arguments, files and output of this process."""
    yield judge(
        arguments=sys.getfilesystemencoding(),
        output=getattr(sys.stdout, "encoding", None) or "utf-8",
        chosen=locale.setlocale(locale.LC_CTYPE),
    )


def judge(*, arguments: str, output: str, chosen: str) -> Finding:
    """Decide about encodings.

    Parameters
    ----------
    arguments : of words on the command line and of the names of files
    output : of what is printed
    chosen : the locale for characters
    """
    details = {"arguments": arguments, "output": output, "locale": chosen}
    said = f"locale {chosen}, arguments and names of files in {arguments}, output in {output}."
    fix = (
        "Set LC_ALL=C.UTF-8 (or zh_CN.UTF-8), or PYTHONUTF8=1; in a Containerfile "
        "ENV LC_ALL=C.UTF-8."
    )
    if not _holds(arguments):
        return broken(NAME, f"{said} A Chinese text as an argument can't be read.", fix, **details)
    if not _holds(output):
        return warning(
            NAME,
            f"{said} What other programs print to the same place can't hold Chinese text; sentire "
            "itself writes UTF-8.",
            f"{fix} PYTHONIOENCODING, where it is set, has to say utf-8.",
            **details,
        )
    return fine(NAME, said, **details)


def _holds(encoding: str) -> bool:
    try:
        _SAMPLE.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
