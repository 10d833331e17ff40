"""What the name of an input or output says: its format and its compression."""

import re
from pathlib import Path
from typing import Literal, NamedTuple

from sentire.errors import OptionError

InputFormat = Literal["csv", "tsv", "jsonl", "parquet", "lines"]
OutputFormat = Literal["csv", "tsv", "jsonl", "parquet", "xlsx"]
Compression = Literal["gzip", "zstd"]

_INPUT: dict[str, InputFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "lines",
}
_OUTPUT: dict[str, OutputFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
}
_COMPRESSION: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}


class Named(NamedTuple):
    """What a name says; ``extension`` is in lower case and without the compression's."""

    extension: str
    compression: Compression | None


def read_name(path: Path) -> Named:
    """Take the extensions of a file's name apart.

    Examples
    --------
    >>> read_name(Path("reviews.CSV.gz"))
    Named(extension='.csv', compression='gzip')
    """
    compression = _COMPRESSION.get(path.suffix.lower())
    inner = path.with_suffix("") if compression else path
    return Named(inner.suffix.lower(), compression)


def is_data_file(name: str) -> bool:
    """Whether a word on the command line is meant as a file rather than as a text."""
    return re.search(r"\s", name) is None and read_name(Path(name)).extension in _INPUT


def is_url(name: str) -> bool:
    """Whether ``name`` has a scheme, as a database has."""
    return re.match(r"[A-Za-z][A-Za-z0-9+_.\-]*://", name) is not None


def input_format(path: Path) -> InputFormat:
    """Format of an input file.

    Raises
    ------
    OptionError
        The extension is unknown.
    """
    extension = read_name(path).extension
    if extension not in _INPUT:
        raise OptionError(
            f"{path}: the extension {extension or '(none)'} tells no format. Known are "
            f"{' '.join(_INPUT)}, each also with .gz or .zst; or name it with --input-format."
        )
    return _INPUT[extension]


def output_format(path: Path) -> OutputFormat:
    """Format of an output file.

    Raises
    ------
    OptionError
        The extension is unknown.
    """
    extension = read_name(path).extension
    if extension not in _OUTPUT:
        raise OptionError(
            f"{path}: the extension {extension or '(none)'} tells no output format. Known are "
            f"{' '.join(_OUTPUT)}; CSV, TSV and JSON Lines also with .gz or .zst; "
            "or name it with --format."
        )
    return _OUTPUT[extension]
