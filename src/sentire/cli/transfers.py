"""The work of ``sentire models pull``, ``push`` and ``gc``: what moves bytes, or removes them."""

from pathlib import Path

import click

from sentire.bundle.builtin import find_bundle
from sentire.cli.stages import Stages
from sentire.errors import OptionError
from sentire.jobs.models import find_model
from sentire.registry.aliases import promote
from sentire.registry.cleaning import clean, survey
from sentire.registry.pulling import pull as pull_files
from sentire.registry.pushing import push as push_bundle
from sentire.registry.records import check_alias
from sentire.registry.references import open_registry


def pull(model: str, *, output: Path | None) -> None:
    """Bring a model to this disk, and print its folder.

    Parameters
    ----------
    model : one that lies elsewhere
    output : Path, optional
        New folder; None is NAME-VERSION here.

    Raises
    ------
    OptionError
        It is on this disk already.
    """
    with find_model(model) as found:
        if found.source is None:
            raise OptionError(f"{model} is on this disk already: {found.path}")
        target = output or Path(f"{found.info.name}-{found.info.version}")
        with Stages() as stages:
            pull_files(found.source, target, progress=lambda done, of: stages("pulling", done, of))
        click.echo(target)
        click.echo(f"{found.info.name} {found.info.version}, {found.info.digest}", err=True)


def push(bundle: str, registry: str, *, alias: str | None, reason: str) -> None:
    """Put a bundle into a registry, and print its name there.

    Parameters
    ----------
    bundle : name or folder
    registry : its URL
    alias : str, optional
        Promoted at once.
    reason : for the alias's history
    """
    if alias is not None:
        check_alias(alias)
    with open_registry(registry) as opened:
        pushed = push_bundle(opened, find_bundle(bundle))
        name, version = pushed.info.name, pushed.info.version
        click.echo(f"{name}@{version}  {pushed.info.digest}")
        if not pushed.is_new:
            click.echo("It was there already.", err=True)
        if alias is not None:
            move = promote(opened, name, version, alias, why=reason)
            click.echo(f"{alias}: {move.before or 'new'} -> {move.to}", err=True)


def gc(registry: str, name: str | None, *, keep: int, days: float, delete: bool) -> None:
    """Print what nobody needs any more, and remove it where that is asked for.

    Parameters
    ----------
    registry : its URL
    name : str, optional
        Of the one model that is meant.
    keep : versions that each alias pointed at last
    days : for which what was pushed or pointed at is kept
    delete : whether to remove
    """
    with open_registry(registry) as opened:
        n_removed = n_found = 0
        for model in [name] if name else opened.names():
            for verdict in list(survey(opened, model, keep=keep, days=days)):
                what = verdict.what if verdict.is_remnant else f"{model}@{verdict.what}"
                if verdict.kept_for:
                    click.echo(f"keep    {what}  {verdict.kept_for}")
                    continue
                n_found += 1
                is_removed = delete and clean(opened, verdict)
                n_removed += is_removed
                click.echo(f"{'removed' if is_removed else 'remove '} {what}")
    if n_found and not delete:
        click.echo("Nothing was removed. Say --delete to remove them.", err=True)
