"""The commands of ``sentire models`` that work on a registry: bytes, and where aliases point."""

from pathlib import Path

import click

from sentire.cli.deferred import DeferredCommand

_PULL_EXAMPLES = """
\b
Examples:
  sentire models pull s3://team/models/shop@production -o ./shop
  sentire models pull hf://ORG/NAME   从 Hugging Face 拉取
"""


@click.command(cls=DeferredCommand, work="sentire.cli.transfers:pull", epilog=_PULL_EXAMPLES)
@click.argument("model")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="New folder.  [default: NAME-VERSION]",
)
def pull() -> None:
    """Bring a model to this disk, checked and whole.

    What was interrupted goes on where it stopped, when the same is called again.
    """


_PUSH_EXAMPLES = """
\b
Examples:
  sentire models push ./shop-1.2.0 /models
  sentire models push ./shop-1.2.0 oci://registry.example/models --alias staging   推送并设别名
"""


@click.command(cls=DeferredCommand, work="sentire.cli.transfers:push", epilog=_PUSH_EXAMPLES)
@click.argument("bundle")
@click.argument("registry")
@click.option("--alias", help="Promote it to this alias at once.")
@click.option("--reason", default="", help="Why, for the alias's history.")
def push() -> None:
    """Put a bundle into a registry, under its own name and version.

    A version never changes: another bundle of the same version is refused. What an interrupted push
    left is used by the next.
    """


_GC_EXAMPLES = """
\b
Examples:
  sentire models gc /models
  sentire models gc /models shop --days 90 --delete   删除没用的版本
"""


@click.command(cls=DeferredCommand, work="sentire.cli.transfers:gc", epilog=_GC_EXAMPLES)
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
def gc() -> None:
    """List or remove what nobody needs any more.

    That is versions that no alias points at or pointed at lately, and what broken pushes left.

    Don't promote an old version while it removes.
    """


_PROMOTE_EXAMPLES = """
\b
Examples:
  sentire models promote /models/shop@1.2.0 --alias production --reason "better on returns"
  sentire models promote s3://team/models/shop@staging --alias production   上线
"""


@click.command(cls=DeferredCommand, work="sentire.cli.aliases:promote", epilog=_PROMOTE_EXAMPLES)
@click.argument("model")
@click.option("--alias", required=True, metavar="ALIAS", help="Such as production.")
@click.option("--reason", default="", help="Why, for the history.")
def promote() -> None:
    """Point an alias at a version.

    MODEL is REGISTRY/NAME@VERSION, or another alias, whose version is meant.
    Servers that watch the alias load the version, test it, and exchange it while they serve.
    """


_ROLLBACK_EXAMPLES = """
\b
Examples:
  sentire models rollback /models/shop@production --reason "angry about refunds"
  sentire models rollback /models/shop@production   退回上一个版本
"""


@click.command(cls=DeferredCommand, work="sentire.cli.aliases:rollback", epilog=_ROLLBACK_EXAMPLES)
@click.argument("model")
@click.option("--reason", default="", help="Why, for the history.")
def rollback() -> None:
    """Point an alias back at the version before.

    MODEL is REGISTRY/NAME@ALIAS. Once more leads one further back.
    """


_HISTORY_EXAMPLES = """
\b
Examples:
  sentire models history /models/shop@production
  sentire models history /models/shop@production --json   机器可读
"""


@click.command(cls=DeferredCommand, work="sentire.cli.aliases:history", epilog=_HISTORY_EXAMPLES)
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def history() -> None:
    """Tell who moved an alias, when, from where to where, and why.

    MODEL is REGISTRY/NAME@ALIAS.
    """
