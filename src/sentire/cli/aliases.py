"""The work of ``sentire models promote``, ``rollback`` and ``history``: moves, as lines."""

import click
import msgspec

from sentire.jobs import promotion
from sentire.registry.records import Move
from sentire.registry.references import Reference


def promote(model: str, *, alias: str, reason: str) -> None:
    """Point an alias at a version, and print the move.

    Parameters
    ----------
    model : ``REGISTRY/NAME@VERSION``, or another alias, whose version is meant
    alias : the one to move
    reason : for its history
    """
    move = promotion.promote(model, alias, why=reason)
    name = Reference.of(model).name
    click.echo(f"{name}@{alias}: {move.before or 'new'} -> {move.to}")


def rollback(model: str, *, reason: str) -> None:
    """Point an alias at the version before, and print the move.

    Parameters
    ----------
    model : ``REGISTRY/NAME@ALIAS``
    reason : for its history
    """
    move = promotion.rollback(model, why=reason)
    click.echo(f"{Reference.of(model).name}@{move.alias}: {move.before} -> {move.to}")


def history(model: str, *, as_json: bool) -> None:
    """Print who moved an alias.

    Parameters
    ----------
    model : ``REGISTRY/NAME@ALIAS``
    as_json : whether to print one JSON object a line
    """
    for move in promotion.history(model):
        click.echo(msgspec.json.encode(move).decode() if as_json else _line(move))


def _line(move: Move) -> str:
    how = "back" if move.undo else "    "
    step = f"{move.before or 'new'} -> {move.to}"
    line = f"{move.when:%Y-%m-%d %H:%M:%S}  {how}  {step}  {move.who}  {move.why}"
    return "".join(c if c.isprintable() else " " for c in line).rstrip()
