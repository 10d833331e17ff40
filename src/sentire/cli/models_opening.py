"""Find what a word of ``sentire models`` means, and say in lines what it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import MANIFEST_NAME, Manifest
from sentire.bundle.store import read_manifest
from sentire.cli.tables import aligned
from sentire.registry.aliases import resolve
from sentire.registry.download import PullSource, open_source
from sentire.registry.hub import open_hub
from sentire.registry.references import HUB, Reference, names_registry, open_registry
from sentire.types import ModelInfo


class Found(NamedTuple):
    """A model, on this disk or elsewhere."""

    info: ModelInfo
    manifest: Manifest
    data: bytes
    """Its ``bundle.json``."""
    sizes: dict[str, int]
    """Bytes of its files, its manifest aside."""
    path: Path | None = None
    """Where it lies on this disk."""
    source: PullSource | None = None
    """Where it lies elsewhere."""
    aliases: tuple[str, ...] = ()


@contextmanager
def opened(model: str) -> Iterator[Found]:
    """Find a model in a registry, on the Hub, on this disk or in the package.

    Raises
    ------
    SentireError
        There is none.
    """
    if model.startswith(HUB):
        yield _found(open_hub(model))
    elif names_registry(model):
        reference = Reference.of(model)
        with open_registry(reference.registry) as registry:
            version, digest = resolve(registry, reference.name, reference.which)
            source = open_source(registry, reference.name, version, digest=digest)
            revisions = [
                registry.current(reference.name, a) for a in registry.aliases(reference.name)
            ]
            aliases = tuple(
                revision.alias for revision in revisions if revision and revision.to == version
            )
            yield _found(source)._replace(aliases=aliases)
    else:
        path = find_bundle(model)
        manifest, info = read_manifest(path)
        sizes = {n: (path / n).stat().st_size for n in manifest.files if (path / n).is_file()}
        yield Found(info, manifest, (path / MANIFEST_NAME).read_bytes(), sizes, path=path)


def _found(source: PullSource) -> Found:
    info = ModelInfo(source.manifest.name, source.manifest.version, source.digest)
    return Found(info, source.manifest, source.artifact.data, source.sizes, source=source)


def described(found: Found) -> Iterator[str]:
    """What a model is, in lines for people."""
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
