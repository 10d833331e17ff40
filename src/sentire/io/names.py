"""What the name of an input or output says: its format and its compression."""

import re
from pathlib import Path
from typing import Literal, NamedTuple

from sentire.errors import OptionError, SourceError

InputFormat = Literal["csv", "tsv", "excel", "json", "jsonl", "parquet", "lines"]
OutputFormat = Literal["csv", "tsv", "jsonl", "parquet", "xlsx"]
Compression = Literal["gzip", "zstd"]

_INPUT: dict[str, InputFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
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
_ELSEWHERE = "sftp s3 s3a gs gcs az abfs abfss hdfs oss cos obs"
"""Schemes of places that hold files, not tables of a database."""
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
    return re.search(r"\s", name) is None and has_known_extension(name)


def has_known_extension(name: str) -> bool:
    """Whether the extension of a file's name tells an input format."""
    return read_name(Path(name)).extension in _INPUT


def is_url(name: str) -> bool:
    """Whether ``name`` has a scheme, as a database has."""
    return re.match(r"[A-Za-z][A-Za-z0-9+_.\-]*://", name) is not None


def is_lone_url(name: str) -> bool:
    """Whether ``name`` is a URL and nothing else, not a text that begins with one."""
    return is_url(name) and re.search(r"\s", name) is None


def refuse_remote(name: str) -> None:
    """Refuse the URL of a file; those of databases, and paths, pass.

    Parameters
    ----------
    name : a path or a URL

    Raises
    ------
    SourceError
        It is the URL of a file. The message does not repeat it, for it may hold a password.
    """
    scheme = name.partition("://")[0].lower() if is_url(name) else ""
    if scheme == "file":
        raise SourceError("the input is a file:// URL. Name the file's path instead.")
    if scheme in {"http", "https", "ftp", "ftps"}:
        raise SourceError(
            f"the input is a {scheme}:// URL. Inputs are files, standard input and databases; "
            "nothing is downloaded. Download it first, or pipe it in: "
            "curl -LsSf URL | sentire analyze --input-format csv"
        )
    if scheme in _ELSEWHERE.split():
        raise SourceError(
            f"the input is a {scheme}:// URL. Inputs are files, standard input and databases; "
            "nothing is downloaded. Copy the file to this machine first, and name its path."
        )


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
