"""The work of ``sentire models pull``, ``push`` and ``gc``: what moves bytes, or removes them."""

from pathlib import Path

import click

from sentire.bundle.builtin import find_bundle
from sentire.cli.stages import Stages
from sentire.errors import OptionError
from sentire.jobs.models import find_model
from sentire.registry.aliases import promote
from sentire.registry.download import pull as pull_files
from sentire.registry.garbage import plan_gc, remove_garbage
from sentire.registry.records import check_alias
from sentire.registry.references import open_registry
from sentire.registry.upload import push as push_bundle


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
            revision = promote(opened, name, version, alias, why=reason)
            click.echo(f"{alias}: {revision.before or 'new'} -> {revision.to}", err=True)


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
            for item in list(plan_gc(opened, model, keep=keep, days=days)):
                what = item.target if item.is_orphan else f"{model}@{item.target}"
                if item.reason_to_keep:
                    click.echo(f"keep    {what}  {item.reason_to_keep}")
                    continue
                n_found += 1
                is_removed = delete and remove_garbage(opened, item)
                n_removed += is_removed
                click.echo(f"{'removed' if is_removed else 'remove '} {what}")
    if n_found and not delete:
        click.echo("Nothing was removed. Say --delete to remove them.", err=True)
