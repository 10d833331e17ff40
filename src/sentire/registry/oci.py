"""A registry of models in an OCI registry, beside images.

Each model is a repository ``PATH/NAME``. A version is an artifact with the version as its tag: its
config is ``bundle.json``, and each file is a layer with its name in
``org.opencontainers.image.title``, so that ``oras pull`` gives a whole bundle. An alias is a tag on
the same artifact, for other tools; what counts are its revisions, small artifacts with tags
``_move.ALIAS.NUMBER.ID``.

The specification has no conditional write, so nobody can make sure that a tag was not moved since
it was read. Revisions have tags of their own, so none is lost: two that are made at the same moment
get the same number and both stay; the one with the larger id counts, for everybody. A version's tag
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
from sentire.registry.base import MANIFEST_BYTES, Artifact
from sentire.registry.distribution import MANIFEST_TYPE, DistributionClient, OciNotFound
from sentire.registry.files import no_versions, version_taken
from sentire.registry.records import REVISION_DECODER, AliasRevision, in_order, is_name, is_version

BUNDLE_TYPE = "application/vnd.sentire.bundle.v1"
CONFIG_TYPE = f"{BUNDLE_TYPE}+json"
FILE_TYPE = "application/vnd.sentire.file.v1"
REVISION_TYPE = "application/vnd.sentire.move.v1+json"
_TITLE = "org.opencontainers.image.title"
_CREATED = "org.opencontainers.image.created"
_REVISION_BYTES = 64 << 10
_REVISION_TAG = re.compile(r"_move\.([a-z][a-z0-9._-]*)\.([0-9]{6,9})\.([0-9a-f]{32})")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_SETTLING = 20
_SETTLING_S = 0.05


class _OciManifest(msgspec.Struct, frozen=True):
    """A manifest as it is read."""

    config: dict[str, Any]
    layers: list[dict[str, Any]]
    annotations: dict[str, str] = {}


_OCI_MANIFEST_DECODER = msgspec.json.Decoder(_OciManifest)


class OciRegistry:
    """A :class:`~sentire.registry.base.Registry` in an OCI registry.

    Parameters
    ----------
    url : str
        ``oci://HOST[:PORT][/PATH]``.
    """

    def __init__(self, url: str) -> None:
        self._http = DistributionClient(url)
        self.url = self._http.url
        self._revisions: dict[str, AliasRevision] = {}

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
        """List the versions of a model, from old to new.

        Raises
        ------
        NotInRegistry
            It has none.
        """
        found = [tag.replace("_", "+", 1) for tag in self._tags(name) if tag[:1].isdigit()]
        versions = in_order([version for version in found if is_version(version)])
        if not versions:
            raise no_versions(self.url, name)
        return versions

    def artifact(self, name: str, version: str) -> Artifact:
        """Read the manifest of a version."""
        with self._translate_errors(f"{name}@{version}"):
            oci_manifest, _ = self._oci_manifest(name, version)
            digest = str(oci_manifest.config["digest"])
            data = self._http.blob(self._repository(name), digest, limit=MANIFEST_BYTES)
        return Artifact(name, version, data)

    def sizes(self, artifact: Artifact, manifest: Manifest) -> dict[str, int]:
        """Tell the bytes of each file of a version."""
        with self._translate_errors(str(artifact)):
            layers = self._oci_manifest(artifact.name, artifact.version)[0].layers
            found = {str(layer["digest"]): int(layer["size"]) for layer in layers}
            return {file: found[f"sha256:{sha}"] for file, sha in manifest.files.items()}

    def stream(self, artifact: Artifact, file: str, digest: str, offset: int) -> Iterator[bytes]:  # noqa: ARG002
        """Read a file from ``offset`` on.

        Parameters
        ----------
        artifact, file, digest, offset : as in :meth:`~sentire.registry.base.Registry.stream`
            ``file`` is not asked: a blob is found by its digest.
        """
        with self._translate_errors(str(artifact)):
            repository = self._repository(artifact.name)
            yield from self._http.stream(repository, f"sha256:{digest}", offset=offset)

    def pushed_at(self, name: str, version: str) -> datetime:
        """Tell when a version came; long ago where it does not say."""
        with self._translate_errors(f"{name}@{version}"):
            created = self._oci_manifest(name, version)[0].annotations.get(_CREATED, "")
        try:
            return datetime.fromisoformat(created).astimezone(UTC)
        except ValueError:
            return datetime.fromtimestamp(0, UTC)

    def publish(self, artifact: Artifact, folder: Path, files: Mapping[str, str]) -> bool:
        """Take a version.

        Parameters
        ----------
        artifact, folder, files : as in :meth:`~sentire.registry.base.Registry.publish`

        Raises
        ------
        VersionTaken
            Another bundle has that version.
        RegistryUnavailable
            The registry can't be asked, or does not have the version afterwards.
        """
        repository = self._repository(artifact.name)
        if self._taken(artifact):
            return False
        config = _descriptor(CONFIG_TYPE, digest_of(artifact.data), len(artifact.data))
        layers = [config | {"mediaType": FILE_TYPE, "annotations": {_TITLE: MANIFEST_NAME}}]
        with self._translate_errors(str(artifact)):
            self._http.put_blob(repository, config["digest"], artifact.data)
            for file, sha in files.items():
                size = (folder / file).stat().st_size
                self._http.put_blob(repository, f"sha256:{sha}", folder / file)
                layer = _descriptor(FILE_TYPE, f"sha256:{sha}", size)
                layers.append(layer | {"annotations": {_TITLE: file}})
            now = datetime.now(UTC).replace(microsecond=0)
            annotations = {
                _CREATED: now.isoformat().replace("+00:00", "Z"),
                _TITLE: artifact.name,
                "org.opencontainers.image.version": artifact.version,
            }
            data = _manifest(BUNDLE_TYPE, config, layers, annotations)
            self._http.put_manifest(repository, _tag(artifact.version), data)
        if not self._taken(artifact):
            raise RegistryUnavailable(
                self.url, f"it took {artifact}, and does not have it. Try again."
            )
        return True

    def remove(self, name: str, version: str) -> None:
        """Take a version away."""
        with self._translate_errors(f"{name}@{version}"):
            digest = self._oci_manifest(name, version)[1]
            self._http.delete_manifest(self._repository(name), digest)

    def orphans(self, name: str, *, older_s: float) -> list[str]:  # noqa: ARG002
        """List nothing: the registry collects blobs that nobody names."""
        return []

    def remove_orphan(self, name: str, orphan: str) -> None:
        """Do nothing: there are no orphans."""

    def aliases(self, name: str) -> list[str]:
        """Name the aliases of a model."""
        return sorted(
            {match[1] for match in map(_REVISION_TAG.fullmatch, self._tags(name)) if match}
        )

    def current(self, name: str, alias: str) -> AliasRevision | None:
        """Read the last revision of an alias."""
        revisions = (
            self._revision(name, tag) for tag in reversed(self._revision_tags(name, alias))
        )
        return next((revision for revision in revisions if revision is not None), None)

    def history(self, name: str, alias: str) -> list[AliasRevision]:
        """Read all revisions of an alias."""
        revisions = (self._revision(name, tag) for tag in self._revision_tags(name, alias))
        return [revision for revision in revisions if revision is not None]

    def append_revision(self, name: str, revision: AliasRevision) -> bool:
        """Add a revision, and let the alias's tag follow."""
        repository = self._repository(name)
        last = self.current(name, revision.alias)
        if last is not None and last.number >= revision.number:
            return False
        data = msgspec.json.encode(revision)
        config = _descriptor(REVISION_TYPE, digest_of(data), len(data))
        with self._translate_errors(f"{name}@{revision.to}"):
            self._http.put_blob(repository, config["digest"], data)
            tag = f"_move.{revision.alias}.{revision.number:06}.{revision.id}"
            self._http.put_manifest(repository, tag, _manifest(REVISION_TYPE, config, [config], {}))
            self._let_tag_follow(name, revision.alias)
        return True

    def _let_tag_follow(self, name: str, alias: str) -> None:
        """Tag what the last revision says, until no other one has come meanwhile.

        Whoever tags last looks after that, so that the tag ends where the revisions do.
        """
        tagged = None
        for _ in range(_SETTLING):
            last = self.current(name, alias)
            if last is None or last == tagged:
                return
            data, _ = self._http.manifest(self._repository(name), _tag(last.to))
            self._http.put_manifest(self._repository(name), alias, data)
            tagged = last

    def _revision_tags(self, name: str, alias: str) -> list[str]:
        matches = map(_REVISION_TAG.fullmatch, self._tags(name))
        own = [match for match in matches if match and match[1] == alias]
        return [match[0] for match in sorted(own, key=lambda m: (int(m[2]), m[3]))]

    def _revision(self, name: str, tag: str) -> AliasRevision | None:
        """Read a revision; it never changes, so once is enough.

        A registry may list a tag a moment before it can be read; for good where its writer died.
        """
        for _ in range(0 if tag in self._revisions else _SETTLING):
            with self._translate_errors(tag), suppress(OciNotFound):
                digest = str(self._oci_manifest(name, tag)[0].config["digest"])
                data = self._http.blob(self._repository(name), digest, limit=_REVISION_BYTES)
                self._revisions[tag] = REVISION_DECODER.decode(data)
                break
            time.sleep(_SETTLING_S)
        return self._revisions.get(tag)

    def _tags(self, name: str) -> list[str]:
        try:
            return self._http.tags(self._repository(name))
        except OciNotFound:
            raise NotInRegistry(f"registry {self.url} has no model {name}.") from None

    def _oci_manifest(self, name: str, tag: str) -> tuple[_OciManifest, str]:
        data, digest = self._http.manifest(self._repository(name), _tag(tag))
        return _OCI_MANIFEST_DECODER.decode(data), digest

    def _taken(self, artifact: Artifact) -> bool:
        """Whether this very version is there; another one is an error."""
        try:
            there = digest_of(self.artifact(artifact.name, artifact.version).data)
        except NotInRegistry:
            return False
        if there != digest_of(artifact.data):
            raise version_taken(self.url, artifact, there)
        return True

    def _repository(self, name: str) -> str:
        if not _REPOSITORY.fullmatch(name):
            raise OptionError(
                f"{name!r} is no name for a repository of an OCI registry: it must begin and end "
                "with a-z or 0-9, and have single dots or underscores in between."
            )
        return f"{self._http.path}/{name}" if self._http.path else name

    @contextmanager
    def _translate_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OciNotFound:
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
