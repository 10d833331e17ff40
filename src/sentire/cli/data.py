"""The options that say how labelled inputs are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sentire.labels import LABELS

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def data_options(command: _Decorated) -> _Decorated:
    """Add the options that say how DATA is read.

    They are handed over under the names of :class:`~sentire.jobs.sources.ReadOptions`' fields.
    """
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
