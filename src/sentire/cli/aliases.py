"""The work of ``sentire models promote``, ``rollback`` and ``history``: where aliases point."""

import click
import msgspec

from sentire.jobs import promotion
from sentire.registry.records import AliasRevision
from sentire.registry.references import Reference


def promote(model: str, *, alias: str, reason: str) -> None:
    """Point an alias at a version, and print what it pointed at.

    Parameters
    ----------
    model : ``REGISTRY/NAME@VERSION``, or another alias, whose version is meant
    alias : the one to move
    reason : for its history
    """
    revision = promotion.promote(model, alias, why=reason)
    name = Reference.of(model).name
    click.echo(f"{name}@{alias}: {revision.before or 'new'} -> {revision.to}")


def rollback(model: str, *, reason: str) -> None:
    """Point an alias at the version before, and print what it pointed at.

    Parameters
    ----------
    model : ``REGISTRY/NAME@ALIAS``
    reason : for its history
    """
    revision = promotion.rollback(model, why=reason)
    click.echo(f"{Reference.of(model).name}@{revision.alias}: {revision.before} -> {revision.to}")


def history(model: str, *, as_json: bool) -> None:
    """Print who moved an alias.

    Parameters
    ----------
    model : ``REGISTRY/NAME@ALIAS``
    as_json : whether to print one JSON object a line
    """
    for revision in promotion.history(model):
        click.echo(msgspec.json.encode(revision).decode() if as_json else _line(revision))


def _line(revision: AliasRevision) -> str:
    how = "back" if revision.undo else "    "
    step = f"{revision.before or 'new'} -> {revision.to}"
    line = f"{revision.when:%Y-%m-%d %H:%M:%S}  {how}  {step}  {revision.who}  {revision.why}"
    return "".join(c if c.isprintable() else " " for c in line).rstrip()
