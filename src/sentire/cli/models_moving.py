"""``sentire models pull``, ``push`` and ``gc``: what moves bytes, or removes them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentire.registry.download import PullSource


_PULL_EXAMPLES = """
\b
Examples:
  sentire models pull s3://team/models/shop@production -o ./shop
  sentire models pull hf://ORG/NAME   从 Hugging Face 拉取
"""


@click.command(epilog=_PULL_EXAMPLES)
@click.argument("model")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="New folder.  [default: NAME-VERSION]",
)
def pull(model: str, output: Path | None) -> None:
    """Bring a model to this disk, checked and whole.

    What was interrupted goes on where it stopped, when the same is called again.
    """
    from sentire.cli.models_opening import opened
    from sentire.errors import OptionError

    with opened(model) as found:
        if found.source is None:
            raise OptionError(f"{model} is on this disk already: {found.path}")
        target = output or Path(f"{found.info.name}-{found.info.version}")
        _pull(found.source, target)
        click.echo(target)
        click.echo(f"{found.info.name} {found.info.version}, {found.info.digest}", err=True)


def _pull(source: "PullSource", target: Path) -> None:
    from sentire.cli.stages import Stages
    from sentire.registry.download import pull as pull_files

    with Stages() as stages:
        pull_files(source, target, progress=lambda done, of: stages("pulling", done, of))


_PUSH_EXAMPLES = """
\b
Examples:
  sentire models push ./shop-1.2.0 /models
  sentire models push ./shop-1.2.0 oci://registry.example/models --alias staging   推送并设别名
"""


@click.command(epilog=_PUSH_EXAMPLES)
@click.argument("bundle")
@click.argument("registry")
@click.option("--alias", help="Promote it to this alias at once.")
@click.option("--reason", default="", help="Why, for the alias's history.")
def push(bundle: str, registry: str, alias: str | None, reason: str) -> None:
    """Put a bundle into a registry, under its own name and version.

    A version never changes: another bundle of the same version is refused. What an interrupted push
    left is used by the next.
    """
    from sentire.bundle.builtin import find_bundle
    from sentire.registry.aliases import promote
    from sentire.registry.records import check_alias
    from sentire.registry.references import open_registry
    from sentire.registry.upload import push as push_bundle

    if alias is not None:
        check_alias(alias)
    with open_registry(registry) as opened:
        result = push_bundle(opened, find_bundle(bundle))
        name, version = result.info.name, result.info.version
        click.echo(f"{name}@{version}  {result.info.digest}")
        if not result.is_new:
            click.echo("It was there already.", err=True)
        if alias is not None:
            revision = promote(opened, name, version, alias, why=reason)
            click.echo(f"{alias}: {revision.before or 'new'} -> {revision.to}", err=True)


_GC_EXAMPLES = """
\b
Examples:
  sentire models gc /models
  sentire models gc /models shop --days 90 --delete   删除没用的版本
"""


@click.command(epilog=_GC_EXAMPLES)
@click.argument("registry")
@click.argument("name", required=False)
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Versions that each alias pointed at last.",
)
@click.option(
    "--days",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    help="Keep what was pushed or pointed at within these days.",
)
@click.option("--delete", is_flag=True, help="Remove them; else they are only listed.")
def gc(registry: str, name: str | None, keep: int, days: float, delete: bool) -> None:
    """List or remove what nobody needs any more.

    That is versions that no alias points at or pointed at lately, and what broken pushes left.

    Don't promote an old version while it removes.
    """
    from sentire.registry.garbage import plan_gc, remove_garbage
    from sentire.registry.references import open_registry

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
