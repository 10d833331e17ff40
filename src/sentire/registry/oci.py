"""A registry of models in an OCI registry, beside images.

Each model is a repository ``PATH/NAME``. A version is an artifact with the version as its tag: its
config is ``bundle.json``, and each file is a layer with its name in
``org.opencontainers.image.title``, so that ``oras pull`` gives a whole bundle. An alias is a tag on
the same artifact, for other tools; what counts are its moves, small artifacts with tags
``_move.ALIAS.NUMBER.ID``.

The specification has no conditional write, so nobody can make sure that a tag was not moved since
it was read. Moves have tags of their own, so none is lost: two that are made at the same moment get
the same number and both stay; the one with the larger id counts, for everybody. A version's tag
could be overwritten by one who pushes another bundle at the same moment: an alias holds the digest,
and what was exchanged is refused.

Reads:   ``distribution.py``
Gives:   a :class:`~sentire.registry.base.Registry`
Never:   believes a blob; digests are checked where it is used
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec

from sentire.bundle.manifest import MANIFEST_NAME, Manifest, digest_of
from sentire.errors import NotInRegistry, OptionError, RegistryUnavailable
from sentire.registry.base import MANIFEST_BYTES, Held
from sentire.registry.distribution import MANIFEST_TYPE, Distribution, Missing
from sentire.registry.files import taken
from sentire.registry.records import MOVES, Move, in_order, is_name, is_version

BUNDLE_TYPE = "application/vnd.sentire.bundle.v1"
CONFIG_TYPE = f"{BUNDLE_TYPE}+json"
FILE_TYPE = "application/vnd.sentire.file.v1"
MOVE_TYPE = "application/vnd.sentire.move.v1+json"
_TITLE = "org.opencontainers.image.title"
_CREATED = "org.opencontainers.image.created"
_MOVE_BYTES = 64 << 10
_MOVE_TAG = re.compile(r"_move\.([a-z][a-z0-9._-]*)\.([0-9]{6,9})\.([0-9a-f]{32})")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_SETTLING = 20
_SETTLING_S = 0.05


class _Artifact(msgspec.Struct, frozen=True):
    """A manifest as it is read."""

    config: dict[str, Any]
    layers: list[dict[str, Any]]
    annotations: dict[str, str] = {}


_ARTIFACTS = msgspec.json.Decoder(_Artifact)


class OciRegistry:
    """A :class:`~sentire.registry.base.Registry` in an OCI registry.

    Parameters
    ----------
    url : str
        ``oci://HOST[:PORT][/PATH]``.
    """

    def __init__(self, url: str) -> None:
        self._http = Distribution(url)
        self.url = self._http.url
        self._moves: dict[str, Move] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def names(self) -> list[str]:
        """Name the models."""
        prefix = f"{self._http.path}/" if self._http.path else ""
        found = [r.removeprefix(prefix) for r in self._http.repositories() if r.startswith(prefix)]
        return sorted(name for name in found if is_name(name))

    def versions(self, name: str) -> list[str]:
        """List the versions of a model, from old to new."""
        found = [tag.replace("_", "+", 1) for tag in self._tags(name) if tag[:1].isdigit()]
        versions = in_order([version for version in found if is_version(version)])
        if not versions:
            raise NotInRegistry(
                f"registry {self.url} has no version of a model {name}. "
                f"See what it has: sentire models list {self.url}"
            )
        return versions

    def held(self, name: str, version: str) -> Held:
        """Read the manifest of a version."""
        with self._told(f"{name}@{version}"):
            artifact, _ = self._artifact(name, version)
            digest = str(artifact.config["digest"])
            data = self._http.blob(self._repository(name), digest, limit=MANIFEST_BYTES)
        return Held(name, version, data)

    def sizes(self, held: Held, manifest: Manifest) -> dict[str, int]:
        """Tell the bytes of each file of a version."""
        with self._told(str(held)):
            layers = self._artifact(held.name, held.version)[0].layers
            found = {str(layer["digest"]): int(layer["size"]) for layer in layers}
            return {file: found[f"sha256:{sha}"] for file, sha in manifest.files.items()}

    def stream(self, held: Held, file: str, digest: str, offset: int) -> Iterator[bytes]:  # noqa: ARG002
        """Read a file from ``offset`` on."""
        with self._told(str(held)):
            repository = self._repository(held.name)
            yield from self._http.stream(repository, f"sha256:{digest}", offset=offset)

    def pushed(self, name: str, version: str) -> datetime:
        """Tell when a version came; long ago where it does not say."""
        with self._told(f"{name}@{version}"):
            created = self._artifact(name, version)[0].annotations.get(_CREATED, "")
        try:
            return datetime.fromisoformat(created).astimezone(UTC)
        except ValueError:
            return datetime.fromtimestamp(0, UTC)

    def publish(self, held: Held, folder: Path, files: Mapping[str, str]) -> bool:
        """Take a version."""
        repository = self._repository(held.name)
        if self._taken(held):
            return False
        config = _descriptor(CONFIG_TYPE, digest_of(held.data), len(held.data))
        layers = [config | {"mediaType": FILE_TYPE, "annotations": {_TITLE: MANIFEST_NAME}}]
        with self._told(str(held)):
            self._http.put_blob(repository, config["digest"], held.data)
            for file, sha in files.items():
                size = (folder / file).stat().st_size
                self._http.put_blob(repository, f"sha256:{sha}", folder / file)
                layer = _descriptor(FILE_TYPE, f"sha256:{sha}", size)
                layers.append(layer | {"annotations": {_TITLE: file}})
            now = datetime.now(UTC).replace(microsecond=0)
            annotations = {
                _CREATED: now.isoformat().replace("+00:00", "Z"),
                _TITLE: held.name,
                "org.opencontainers.image.version": held.version,
            }
            data = _manifest(BUNDLE_TYPE, config, layers, annotations)
            self._http.put_manifest(repository, _tag(held.version), data)
        if not self._taken(held):
            raise RegistryUnavailable(self.url, f"it took {held}, and does not have it. Try again.")
        return True

    def remove(self, name: str, version: str) -> None:
        """Take a version away."""
        with self._told(f"{name}@{version}"):
            digest = self._artifact(name, version)[1]
            self._http.delete_manifest(self._repository(name), digest)

    def remnants(self, name: str, *, older_s: float) -> list[str]:  # noqa: ARG002
        """List nothing: the registry collects blobs that nobody names."""
        return []

    def discard(self, name: str, remnant: str) -> None:
        """Do nothing: there are no remnants."""

    def aliases(self, name: str) -> list[str]:
        """Name the aliases of a model."""
        return sorted({match[1] for match in map(_MOVE_TAG.fullmatch, self._tags(name)) if match})

    def current(self, name: str, alias: str) -> Move | None:
        """Read the last move of an alias."""
        moves = (self._move(name, tag) for tag in reversed(self._move_tags(name, alias)))
        return next((move for move in moves if move is not None), None)

    def history(self, name: str, alias: str) -> list[Move]:
        """Read all moves of an alias."""
        moves = (self._move(name, tag) for tag in self._move_tags(name, alias))
        return [move for move in moves if move is not None]

    def move(self, name: str, move: Move) -> bool:
        """Add a move, and let the alias's tag follow."""
        repository = self._repository(name)
        last = self.current(name, move.alias)
        if last is not None and last.number >= move.number:
            return False
        data = msgspec.json.encode(move)
        config = _descriptor(MOVE_TYPE, digest_of(data), len(data))
        with self._told(f"{name}@{move.to}"):
            self._http.put_blob(repository, config["digest"], data)
            tag = f"_move.{move.alias}.{move.number:06}.{move.id}"
            self._http.put_manifest(repository, tag, _manifest(MOVE_TYPE, config, [config], {}))
            self._let_tag_follow(name, move.alias)
        return True

    def _let_tag_follow(self, name: str, alias: str) -> None:
        """Tag what the last move says, until no other move has come meanwhile.

        Whoever tags last looks after that, so that the tag ends where the moves do.
        """
        tagged = None
        for _ in range(_SETTLING):
            last = self.current(name, alias)
            if last is None or last == tagged:
                return
            data, _ = self._http.manifest(self._repository(name), _tag(last.to))
            self._http.put_manifest(self._repository(name), alias, data)
            tagged = last

    def _move_tags(self, name: str, alias: str) -> list[str]:
        matches = map(_MOVE_TAG.fullmatch, self._tags(name))
        own = [match for match in matches if match and match[1] == alias]
        return [match[0] for match in sorted(own, key=lambda m: (int(m[2]), m[3]))]

    def _move(self, name: str, tag: str) -> Move | None:
        """Read a move; it never changes, so once is enough.

        A registry may list a tag a moment before it can be read; for good where its writer died.
        """
        for _ in range(0 if tag in self._moves else _SETTLING):
            with self._told(tag), suppress(Missing):
                digest = str(self._artifact(name, tag)[0].config["digest"])
                data = self._http.blob(self._repository(name), digest, limit=_MOVE_BYTES)
                self._moves[tag] = MOVES.decode(data)
                break
            time.sleep(_SETTLING_S)
        return self._moves.get(tag)

    def _tags(self, name: str) -> list[str]:
        try:
            return self._http.tags(self._repository(name))
        except Missing:
            raise NotInRegistry(f"registry {self.url} has no model {name}.") from None

    def _artifact(self, name: str, tag: str) -> tuple[_Artifact, str]:
        data, digest = self._http.manifest(self._repository(name), _tag(tag))
        return _ARTIFACTS.decode(data), digest

    def _taken(self, held: Held) -> bool:
        """Whether this very version is there; another one is an error."""
        try:
            there = digest_of(self.held(held.name, held.version).data)
        except NotInRegistry:
            return False
        if there != digest_of(held.data):
            raise taken(self.url, held, there)
        return True

    def _repository(self, name: str) -> str:
        if not _REPOSITORY.fullmatch(name):
            raise OptionError(
                f"{name!r} is no name for a repository of an OCI registry: it must begin and end "
                "with a-z or 0-9, and have single dots or underscores in between."
            )
        return f"{self._http.path}/{name}" if self._http.path else name

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except Missing:
            raise NotInRegistry(f"registry {self.url} has no {what}.") from None
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            raise RegistryUnavailable(self.url, f"{what} is none of ours: {error}") from None


def _tag(version: str) -> str:
    """A version as a tag, which may not hold a plus; no version holds an underscore."""
    return version.replace("+", "_", 1)


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest, "size": size}


def _manifest(
    kind: str,
    config: dict[str, Any],
    layers: list[dict[str, Any]],
    annotations: dict[str, str],
) -> bytes:
    return msgspec.json.encode(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": kind,
            "config": config,
            "layers": layers,
            "annotations": annotations,
        }
    )
