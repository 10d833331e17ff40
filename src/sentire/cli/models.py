"""``sentire models``: what is in a registry, and what a model is."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from sentire.cli.models_aliases import history, promote, rollback
from sentire.cli.models_diff import diff
from sentire.cli.models_moving import gc, pull, push

_EXAMPLES = """
\b
Examples:
  sentire models list                             the packaged models
  sentire models push ./my-bundle /models
  sentire models promote /models/shop@1.2.0 --alias production --reason "better on returns"
  sentire models list s3://team/models
  sentire models diff zh-en /models/shop@production
  sentire serve-model --model /models/shop@production

\b
例子:
  sentire models push ./my-bundle /models         把模型放进仓库；版本不可改
  sentire models rollback /models/shop@production 别名退回上一个版本
"""

_REGISTRY = """A REGISTRY is a directory, s3://BUCKET/PATH, or oci://HOST/PATH (oci+http:// where
the host has no TLS). A MODEL is REGISTRY/NAME@VERSION, REGISTRY/NAME@ALIAS, hf://ORG/NAME, a
bundle's folder, or a packaged model's name."""


@click.group(epilog=_EXAMPLES, help=f"Keep models and their versions in a registry.\n\n{_REGISTRY}")
def models() -> None:
    """Keep models and their versions in a registry."""


_LIST_MODELS_EXAMPLES = """
\b
Examples:
  sentire models list                                the packaged models
  sentire models list /models
  sentire models list s3://team/models shop --json   只看一个模型
"""


@click.command("list", epilog=_LIST_MODELS_EXAMPLES)
@click.argument("registry", required=False)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def list_models(registry: str | None, name: str | None, as_json: bool) -> None:
    """List the versions of all models in a registry, or of one.

    Without a REGISTRY, the models inside the package, which are in none.
    """
    import json

    from sentire.cli.tables import aligned

    rows = _packaged() if registry is None else _in_registry(registry, name)
    if as_json:
        for model, version, pushed_at, aliases in rows:
            when = pushed_at.isoformat() if pushed_at else None
            record = {"name": model, "version": version, "pushed": when, "aliases": aliases}
            click.echo(json.dumps(record))
        return
    table = [("model  version", "pushed", "aliases")]
    table += [
        (f"{m}  {v}", f"{p:%Y-%m-%d %H:%M}" if p else "packaged", " ".join(a))
        for m, v, p, a in rows
    ]
    for line in aligned(table):
        click.echo(line)
    if registry is None:
        click.echo("Those in a registry: sentire models list REGISTRY", err=True)


_Row = tuple[str, str, datetime | None, list[str]]
"""Name, version, when it was pushed, and the aliases that point at it."""


def _packaged() -> list[_Row]:
    from sentire.bundle.builtin import packaged
    from sentire.bundle.store import read_manifest

    found = [read_manifest(folder)[1] for folder in packaged().values()]
    return [(info.name, info.version, None, []) for info in found]


def _in_registry(registry: str, name: str | None) -> list[_Row]:
    from sentire.registry.references import open_registry

    rows: list[_Row] = []
    with open_registry(registry) as opened:
        for model in [name] if name else opened.names():
            revisions = [opened.current(model, alias) for alias in opened.aliases(model)]
            for version in opened.versions(model):
                aliases = [
                    revision.alias for revision in revisions if revision and revision.to == version
                ]
                rows.append((model, version, opened.pushed_at(model, version), aliases))
    return rows


_INSPECT_EXAMPLES = """
\b
Examples:
  sentire models inspect                                  the packaged model
  sentire models inspect /models/shop@production --json   机器可读
"""


@click.command(epilog=_INSPECT_EXAMPLES)
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="The manifest, as it lies in the bundle.")
def inspect(model: str | None, as_json: bool) -> None:
    """Tell what a model is: labels, languages, size, figures.

    Without a MODEL, the packaged one that sentire uses by default.
    """
    from sentire.bundle.builtin import DEFAULT_MODEL
    from sentire.cli.models_opening import described, opened

    with opened(model or DEFAULT_MODEL) as found:
        if as_json:
            click.echo(found.data.decode().rstrip())
            return
        for line in described(found):
            click.echo(line)


_VERIFY_EXAMPLES = """
\b
Examples:
  sentire models verify                the packaged models
  sentire models verify /models/shop@1.2.0
  sentire models verify ./my-bundle   校验文件和标准句
"""


@click.command(epilog=_VERIFY_EXAMPLES)
@click.argument("model", nargs=-1)
@click.option("--engine", default="openvino", show_default=True, help="For bundles on this disk.")
def verify(model: tuple[str, ...], engine: str) -> None:
    """Check every byte of models against their manifests.

    A model in a registry is read where it lies. A bundle on this disk is loaded as well, and has to
    give the answers to its golden sentences that it promises. Without a MODEL, the packaged ones
    are checked.
    """
    from sentire.bundle.builtin import packaged
    from sentire.cli.models_opening import opened
    from sentire.errors import BundleDamaged
    from sentire.registry.download import verify as verify_files

    for each in model or packaged():
        with opened(each) as found:
            if found.source is not None:
                altered = [name for name, is_right in verify_files(found.source) if not is_right]
                if altered:
                    raise BundleDamaged(each, f"{', '.join(altered)} altered or cut.")
            else:
                _load(found.path, engine)
            click.echo(f"{found.info.name}@{found.info.version}  {found.info.digest}")


def _load(path: Path | None, engine: str) -> None:
    import sentire

    sentire.load(path, engine=engine).close()


def _commands() -> list[Any]:
    return [list_models, inspect, verify, pull, push, promote, rollback, history, diff, gc]


for _command in _commands():
    models.add_command(_command)
