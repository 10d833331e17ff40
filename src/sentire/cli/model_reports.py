"""The work of ``sentire models list``, ``inspect`` and ``verify``: what there is, as lines."""

import json
from collections.abc import Iterator, Sequence

import click

from sentire.bundle.builtin import DEFAULT_MODEL, packaged
from sentire.cli.tables import aligned
from sentire.jobs.models import FoundModel, find_model, list_packaged, list_registry, verify_model


def list_models(registry: str | None, name: str | None, *, as_json: bool) -> None:
    """Print the versions in a registry, or the packaged models.

    Parameters
    ----------
    registry : str, optional
    name : str, optional
        Of the one model that is meant.
    as_json : whether to print one JSON object a line
    """
    rows = list(list_packaged() if registry is None else list_registry(registry, name=name))
    if as_json:
        for row in rows:
            pushed = row.pushed.isoformat() if row.pushed else None
            click.echo(json.dumps({**row._asdict(), "pushed": pushed}))
        return
    table = [("model  version", "pushed", "aliases")]
    table += [
        (
            f"{row.name}  {row.version}",
            f"{row.pushed:%Y-%m-%d %H:%M}" if row.pushed else "packaged",
            " ".join(row.aliases),
        )
        for row in rows
    ]
    for line in aligned(table):
        click.echo(line)
    if registry is None:
        click.echo("Those in a registry: sentire models list REGISTRY", err=True)


def inspect(model: str | None, *, as_json: bool) -> None:
    """Print what a model is.

    Parameters
    ----------
    model : str, optional
        None is the packaged one that is used by default.
    as_json : whether to print the manifest as it lies in the bundle
    """
    with find_model(model or DEFAULT_MODEL) as found:
        if as_json:
            click.echo(found.data.decode().rstrip())
            return
        for line in _described(found):
            click.echo(line)


def verify(models: Sequence[str], *, engine: str) -> None:
    """Check models and print those that are whole.

    Parameters
    ----------
    models : sequence of str
        Empty means the packaged ones.
    engine : what loads a bundle on this disk
    """
    for model in models or packaged():
        info = verify_model(model, engine=engine)
        click.echo(f"{info.name}@{info.version}  {info.digest}")


def _described(found: FoundModel) -> Iterator[str]:
    manifest = found.manifest
    yield f"{found.info.name} {found.info.version}"
    yield found.info.digest
    yield manifest.description
    rows = [
        ("aliases", " ".join(found.aliases)),
        ("licence", manifest.licence),
        ("languages", " ".join(manifest.languages)),
        *((f"labels, {head}", " ".join(h.labels)) for head, h in manifest.heads.items()),
        ("tokens", f"{manifest.text.max_length} at once"),
        ("size", f"{sum(found.sizes.values()) / 1e6:.1f} MB in {len(manifest.files)} files"),
        ("learned from", ", ".join(each.name for each in manifest.training)),
    ]
    yield ""
    width = max(len(name) for name, _ in rows)
    yield from (f"{name.ljust(width)}  {value}" for name, value in rows if value)
    if manifest.evaluation:
        yield ""
        yield from aligned(
            [
                ("data, %", "figure", "texts", "value", "95 % interval"),
                *(
                    (
                        f"{e.data}, {e.split}",
                        e.metric,
                        f"{e.n:,}",
                        f"{100 * e.value:.1f}",
                        f"{100 * e.low:.1f}-{100 * e.high:.1f}",
                    )
                    for e in manifest.evaluation
                ),
            ]
        )
