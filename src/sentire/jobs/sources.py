"""Inputs by their names: labelled files, tables that list them, databases, plain texts.

Reads:   names, and how those that are no tables are read
Gives:   sources, checked; nothing is opened but a table
Never:   applies an option to an input that a table describes
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from sentire.errors import OptionError, SourceError
from sentire.evaluation.datasets import DROP, LabelledSource
from sentire.io.inputs import open_input
from sentire.io.names import refuse_remote
from sentire.io.streams import unreadable
from sentire.labels import LABELS

S = TypeVar("S", bound=LabelledSource)


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How labelled inputs are read that no table describes."""

    head: str | None = None
    """What the labels are about; None is polarity."""
    text_column: str | None = None
    label_column: str | None = None
    group_column: str | None = None
    """Names what rows belong together."""
    sheet: str | None = None
    """Of a workbook: its name, or its number from 1 on."""
    query: str | None = None
    """The SELECT for databases."""
    label: tuple[str, ...] = ()
    """``NAME=LABEL``: what a label of the data means; ``NAME=-`` leaves such rows out."""
    data_root: Path | None = None
    """Where the files of a table lie; None is beside it."""

    @property
    def given(self) -> list[str]:
        """Names of the fields that say something and concern single inputs."""
        fields = (name for name in self.__struct_fields__ if name != "data_root")
        return [name for name in fields if getattr(self, name)]

    def for_tables(self) -> "ReadOptions":
        """The part that concerns tables."""
        return ReadOptions(data_root=self.data_root)

    def for_inputs(self) -> "ReadOptions":
        """The part that concerns single inputs."""
        return msgspec.structs.replace(self, data_root=None)


def is_table(name: str) -> bool:
    """Whether a name is that of a ``.toml`` file, which lists inputs."""
    return name.lower().endswith(".toml") and "://" not in name


def labelled_sources(
    data: Sequence[str], kind: type[S], reading: ReadOptions | None = None
) -> list[S]:
    """Sources that names mean, in order.

    Parameters
    ----------
    data : paths of labelled files, databases' URLs, or ``.toml`` files with ``[[sources]]`` tables
    kind : LabelledSource, or a subclass with more fields, that a table is decoded into
    reading : ReadOptions, optional
        How those are read that no table describes.

    Raises
    ------
    OptionError
        An option, a table or a label of the contract is not allowed.
    SourceError
        A ``.toml`` file can't be read.
    """
    reading = reading or ReadOptions()
    tables = [name for name in data if is_table(name)]
    if reading.data_root is not None and not tables:
        raise OptionError("--data-root goes with a .toml that lists the data")
    if reading.given and len(tables) == len(data):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in reading.given)
        raise OptionError(
            f"{named}: a .toml says for each of its sources how it is read. Write it there."
        )
    found: list[S] = []
    for name in data:
        found += (
            _listed(Path(name), kind, reading.data_root)
            if is_table(name)
            else [_single(name, kind, reading)]
        )
    for source in found:
        _check(source)
    return found


def read_texts(path: Path | str) -> list[str]:
    """Texts of any input.

    Parameters
    ----------
    path : Path or str
        Of a file.

    Raises
    ------
    SourceError
        It can't be read, or holds no text.
    """
    with open_input(Path(path)) as rows:
        texts = [row.text for row in rows if row.error is None and row.text.strip()]
    if not texts:
        raise SourceError(f"{path} holds no text")
    return texts


def label_meanings(given: Sequence[str]) -> dict[str, str]:
    """What each ``NAME=LABEL`` says; a name may hold an equals sign, a label does not.

    Raises
    ------
    OptionError
        One of them is not of this form, or a name is given twice.
    """
    meanings: dict[str, str] = {}
    for pair in given:
        name, equals, label = (part.strip() for part in pair.rpartition("="))
        if not equals or not name or not label:
            raise OptionError(f"--label {pair}: write NAME=LABEL, such as LABEL_1=positive")
        if name in meanings:
            raise OptionError(f"--label {name} is given twice")
        meanings[name] = label
    return meanings


def _single(name: str, kind: type[S], reading: ReadOptions) -> S:
    fields = {key: getattr(reading, key) for key in reading.given if key not in {"label", "query"}}
    if "://" in name and reading.query:
        fields["query"] = reading.query
    return kind(file=name, labels=label_meanings(reading.label), **fields)


def _listed(path: Path, kind: type[S], root: Path | None) -> list[S]:
    """Sources of a table; a relative file is looked for in ``root``, or beside the table."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SourceError(unreadable(str(path), error)) from None
    except ValueError as error:  # UnicodeDecodeError or TOMLDecodeError
        raise OptionError(f"{path} is not TOML in UTF-8: {error}.") from None
    listed = table.get("sources")
    if not isinstance(listed, list) or not listed:
        raise OptionError(f"{path} lists no data. Write a [[sources]] table for each input.")
    found = []
    for number, fields in enumerate(listed, 1):
        try:
            source = msgspec.convert(fields, kind)
        except msgspec.ValidationError as error:
            raise OptionError(f"{path}, source {number}: {error}.") from None
        if "://" not in source.file:
            file = str((root or path.parent) / source.file)
            source = msgspec.structs.replace(source, file=file)
        found.append(source)
    return found


def _check(source: LabelledSource) -> None:
    refuse_remote(source.file)
    allowed = (*LABELS[source.head], DROP)
    for name, label in source.labels.items():
        if label not in allowed:
            raise OptionError(
                f"{source.file}: {name!r} can't mean {label!r}. Labels of {source.head} are "
                f"{', '.join(LABELS[source.head])}; {DROP} leaves such rows out."
            )
    if "://" in source.file and source.query is None:
        raise OptionError("a database needs --query, a SELECT that gives the texts and the labels")
