"""The models there are: inside the package, on this disk, in a registry, on the Hub.

Reads:   a word that means a model, or a registry
Gives:   what the model is and where it lies; the versions there are; whether a model is whole
Never:   changes a registry
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sentire.bundle.builtin import find_bundle, packaged
from sentire.bundle.manifest import MANIFEST_NAME, Manifest
from sentire.bundle.store import read_manifest
from sentire.errors import BundleDamaged
from sentire.inference.load import load
from sentire.registry.aliases import resolve
from sentire.registry.download import PullSource, open_source, pull
from sentire.registry.download import verify as verify_files
from sentire.registry.hub import open_hub
from sentire.registry.references import HUB, Reference, names_registry, open_registry
from sentire.types import ModelInfo


class FoundModel(NamedTuple):
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


class ListedVersion(NamedTuple):
    """A version of a model."""

    name: str
    version: str
    pushed: datetime | None
    """None where it is packaged and in no registry."""
    aliases: tuple[str, ...]
    """Those that point at it."""


@contextmanager
def find_model(model: str) -> Iterator[FoundModel]:
    """Find a model in a registry, on the Hub, on this disk or in the package.

    Parameters
    ----------
    model : str
        ``REGISTRY/NAME@VERSION``, ``REGISTRY/NAME@ALIAS``, ``hf://ORG/NAME``, a bundle's folder, or
        a packaged model's name.

    Yields
    ------
    FoundModel
        Whose files can be fetched until the end of the context.

    Raises
    ------
    SentireError
        There is none.
    """
    if model.startswith(HUB):
        yield _elsewhere(open_hub(model))
    elif names_registry(model):
        reference = Reference.of(model)
        with open_registry(reference.registry) as registry:
            version, digest = resolve(registry, reference.name, reference.which)
            source = open_source(registry, reference.name, version, digest=digest)
            revisions = [
                registry.current(reference.name, a) for a in registry.aliases(reference.name)
            ]
            aliases = tuple(r.alias for r in revisions if r and r.to == version)
            yield _elsewhere(source, aliases)
    else:
        path = find_bundle(model)
        manifest, info = read_manifest(path)
        sizes = {n: (path / n).stat().st_size for n in manifest.files if (path / n).is_file()}
        yield FoundModel(info, manifest, (path / MANIFEST_NAME).read_bytes(), sizes, path=path)


def _elsewhere(source: PullSource, aliases: tuple[str, ...] = ()) -> FoundModel:
    info = ModelInfo(source.manifest.name, source.manifest.version, source.digest)
    data, sizes = source.artifact.data, source.sizes
    return FoundModel(info, source.manifest, data, sizes, source=source, aliases=aliases)


@contextmanager
def local_folder(found: FoundModel) -> Iterator[Path]:
    """Have a model on this disk; one that lies elsewhere is pulled, and removed at the end.

    Parameters
    ----------
    found : FoundModel

    Yields
    ------
    Path
        Folder of the bundle.

    Raises
    ------
    BundleDamaged
        A file is not what its manifest says.
    OutputError
        There is no room for it.
    """
    if found.path is not None:
        yield found.path
        return
    assert found.source is not None  # noqa: S101 - a model is here or elsewhere
    with TemporaryDirectory(prefix="sentire-") as folder:
        yield pull(found.source, Path(folder) / "bundle")


def list_packaged() -> Iterator[ListedVersion]:
    """List the models inside the package."""
    for folder in packaged().values():
        info = read_manifest(folder)[1]
        yield ListedVersion(info.name, info.version, None, ())


def list_registry(url: str, *, name: str | None = None) -> Iterator[ListedVersion]:
    """List the versions in a registry, from old to new.

    Parameters
    ----------
    url : str
        Of the registry.
    name : str, optional
        Of the one model that is meant.

    Raises
    ------
    NotInRegistry
        There is no such model.
    OptionError, RegistryUnavailable
        There is no such registry, or it does not answer.
    """
    with open_registry(url) as registry:
        for model in [name] if name else registry.names():
            revisions = [registry.current(model, alias) for alias in registry.aliases(model)]
            for version in registry.versions(model):
                aliases = tuple(r.alias for r in revisions if r and r.to == version)
                yield ListedVersion(model, version, registry.pushed_at(model, version), aliases)


def verify_model(model: str, *, engine: str = "openvino") -> ModelInfo:
    """Check every byte of a model against its manifest.

    One that lies elsewhere is read there. One on this disk is loaded as well, and has to give the
    answers to its golden sentences that it promises.

    Parameters
    ----------
    model : as :func:`find_model` takes it
    engine : what loads a bundle on this disk

    Raises
    ------
    BundleDamaged
        A file was altered or cut.
    BundleError
        The answers are others.
    SentireError
        There is no such model.
    """
    with find_model(model) as found:
        if found.source is None:
            load(found.path, engine=engine).close()
        else:
            altered = [name for name, is_right in verify_files(found.source) if not is_right]
            if altered:
                raise BundleDamaged(model, f"{', '.join(altered)} altered or cut.")
        return found.info
