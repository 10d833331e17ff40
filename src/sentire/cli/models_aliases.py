"""``sentire models promote``, ``rollback`` and ``history``: where aliases point."""

import click

_PROMOTE_EXAMPLES = """
\b
Examples:
  sentire models promote /models/shop@1.2.0 --alias production --reason "better on returns"
  sentire models promote s3://team/models/shop@staging --alias production   上线
"""


@click.command(epilog=_PROMOTE_EXAMPLES)
@click.argument("model")
@click.option("--alias", required=True, metavar="ALIAS", help="Such as production.")
@click.option("--reason", default="", help="Why, for the history.")
def promote(model: str, alias: str, reason: str) -> None:
    """Point an alias at a version.

    MODEL is REGISTRY/NAME@VERSION, or another alias, whose version is meant.
    Servers that watch the alias load the version, test it, and exchange it while they serve.
    """
    from sentire.registry.aliases import promote as move_alias
    from sentire.registry.aliases import resolve
    from sentire.registry.references import Reference, open_registry

    reference = Reference.of(model)
    with open_registry(reference.registry) as registry:
        version, _ = resolve(registry, reference.name, reference.which)
        revision = move_alias(registry, reference.name, version, alias, why=reason)
    click.echo(f"{reference.name}@{alias}: {revision.before or 'new'} -> {revision.to}")


_ROLLBACK_EXAMPLES = """
\b
Examples:
  sentire models rollback /models/shop@production --reason "angry about refunds"
  sentire models rollback /models/shop@production   退回上一个版本
"""


@click.command(epilog=_ROLLBACK_EXAMPLES)
@click.argument("model")
@click.option("--reason", default="", help="Why, for the history.")
def rollback(model: str, reason: str) -> None:
    """Point an alias back at the version before.

    MODEL is REGISTRY/NAME@ALIAS. Once more leads one further back.
    """
    from sentire.errors import OptionError
    from sentire.registry.aliases import rollback as move_back
    from sentire.registry.references import Reference, open_registry

    reference = Reference.of(model)
    if reference.is_version:
        raise OptionError(f"{model} names a version. Name an alias: REGISTRY/NAME@ALIAS.")
    with open_registry(reference.registry) as registry:
        revision = move_back(registry, reference.name, reference.which, why=reason)
    click.echo(f"{reference.name}@{reference.which}: {revision.before} -> {revision.to}")


_HISTORY_EXAMPLES = """
\b
Examples:
  sentire models history /models/shop@production
  sentire models history /models/shop@production --json   机器可读
"""


@click.command(epilog=_HISTORY_EXAMPLES)
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def history(model: str, as_json: bool) -> None:
    """Tell who moved an alias, when, from where to where, and why.

    MODEL is REGISTRY/NAME@ALIAS.
    """
    import msgspec

    from sentire.errors import NotInRegistry, OptionError
    from sentire.registry.references import Reference, open_registry

    reference = Reference.of(model)
    if reference.is_version:
        raise OptionError(f"{model} names a version. Name an alias: REGISTRY/NAME@ALIAS.")
    with open_registry(reference.registry) as registry:
        revisions = registry.history(reference.name, reference.which)
        known = registry.aliases(reference.name)
    if not revisions:
        raise NotInRegistry(
            f"registry {reference.registry} has no alias {reference.which} of {reference.name}. "
            f"Its aliases: {', '.join(known) or 'none'}."
        )
    for revision in revisions:
        if as_json:
            click.echo(msgspec.json.encode(revision).decode())
            continue
        how = "back" if revision.undo else "    "
        step = f"{revision.before or 'new'} -> {revision.to}"
        line = f"{revision.when:%Y-%m-%d %H:%M:%S}  {how}  {step}  {revision.who}  {revision.why}"
        click.echo("".join(c if c.isprintable() else " " for c in line).rstrip())
