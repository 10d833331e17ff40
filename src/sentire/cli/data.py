"""Labelled inputs on the command line: files, or a table of them.

Reads:   DATA arguments and the options beside them
Gives:   sources, checked; nothing is opened but a table
Never:   applies an option to an input that a table describes
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sentire.labels import LABELS

if TYPE_CHECKING:
    from sentire.evaluation.datasets import Source

S = TypeVar("S", bound="Source")
_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

OPTIONS = (
    *("head", "text_column", "label_column", "group_column", "sheet", "query", "label"),
    "data_root",
)
"""Names under which :func:`data_options` hands the options over."""


def data_options(command: _Decorated) -> _Decorated:
    """Add the options that say how DATA is read."""
    options = (
        click.option(
            "--head",
            type=click.Choice(tuple(LABELS)),
            help="What the labels are about.  [default: polarity]",
        ),
        click.option("--text-column", metavar="C", help="Column of texts."),
        click.option("--label-column", metavar="C", help="Column of labels."),
        click.option(
            "--group-column", metavar="C", help="Column that names what rows belong together."
        ),
        click.option("--sheet", metavar="NAME|NUMBER", help="Sheet of an Excel workbook."),
        click.option("--query", metavar="SQL", help="The SELECT to read from a database."),
        click.option(
            "--label",
            multiple=True,
            metavar="NAME=LABEL",
            help="What a label of the data means; =- leaves such rows out. May be repeated.",
        ),
        click.option(
            "--data-root",
            type=click.Path(path_type=Path),
            metavar="FOLDER",
            help="Where the files of a .toml lie.  [default: beside it]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def sources(data: Sequence[str], kind: type[S], **options: Any) -> list[S]:
    """Sources that DATA arguments mean, in order.

    Parameters
    ----------
    data : paths of labelled files, databases' URLs, or ``.toml`` files with ``[[sources]]`` tables
    kind : Source, or a subclass with more fields, that a table is decoded into
    **options : those of :func:`data_options`

    Raises
    ------
    OptionError
        An option, a table or a label of the contract is not allowed.
    SourceError
        A ``.toml`` file can't be read.
    """
    from sentire.errors import OptionError

    given = {name: options.get(name) for name in OPTIONS}
    root = given.pop("data_root")
    tables = [name for name in data if _is_table(name)]
    if root is not None and not tables:
        raise OptionError("--data-root goes with a .toml that lists the data")
    set_here = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if set_here and len(tables) == len(data):
        raise OptionError(
            f"{', '.join(set_here)}: a .toml says for each of its sources how it is read. "
            "Write it there."
        )
    found: list[S] = []
    for name in data:
        found += (
            _listed(Path(name), kind, root) if _is_table(name) else [_single(name, kind, given)]
        )
    for source in found:
        _check(source)
    return found


def _is_table(name: str) -> bool:
    return name.lower().endswith(".toml") and "://" not in name


def _single(name: str, kind: type[S], given: Mapping[str, Any]) -> S:
    fields = {key: value for key, value in given.items() if value and key not in {"label", "query"}}
    if "://" in name and given["query"]:
        fields["query"] = given["query"]
    return kind(file=name, labels=_pairs(given["label"] or ()), **fields)


def _pairs(given: Sequence[str]) -> dict[str, str]:
    """What each NAME=LABEL says; a name may hold an equals sign, a label does not."""
    from sentire.errors import OptionError

    pairs: dict[str, str] = {}
    for pair in given:
        name, equals, label = pair.rpartition("=")
        if not equals or not name.strip() or not label.strip():
            raise OptionError(f"--label {pair}: write NAME=LABEL, for example --label 1=positive")
        pairs[name.strip()] = label.strip()
    return pairs


def _listed(path: Path, kind: type[S], root: Path | None) -> list[S]:
    """Sources of a table; a relative file is looked for in ``root``, or beside the table."""
    import msgspec

    from sentire.errors import OptionError, SourceError
    from sentire.io.streams import unreadable

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
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


def _check(source: "Source") -> None:
    from sentire.errors import OptionError
    from sentire.evaluation.datasets import DROP
    from sentire.io.names import refuse_remote

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
