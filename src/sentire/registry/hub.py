"""Bundles on the Hugging Face Hub, to pull.

Reads:   ``hf://ORG/NAME[@REVISION]``: a repository with the files of a bundle
Gives:   a source for ``download.py``
Never:   takes a checkpoint that is no bundle; ``sentire import`` makes one of it
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from sentire.bundle.manifest import MANIFEST_NAME, Manifest, decode_manifest
from sentire.errors import BundleDamaged, NotInRegistry, OptionError, RegistryUnavailable
from sentire.optional import import_extra
from sentire.registry.base import MANIFEST_BYTES, Artifact
from sentire.registry.download import PullSource, open_source
from sentire.registry.object_store import ObjectStore

_REPOSITORY = re.compile(r"hf://[\w.-]+/[\w.-]+(?:@[\w.-]+)?")


class Hub:
    """A repository on the Hub, as far as pulling needs it.

    Parameters
    ----------
    url : str
        ``hf://ORG/NAME[@REVISION]``.

    Raises
    ------
    OptionError
        It is no such URL.
    MissingExtra
        huggingface_hub is not installed.
    """

    def __init__(self, url: str) -> None:
        if not _REPOSITORY.fullmatch(url):
            raise OptionError(f"{url} is no repository on the Hub. Write hf://ORG/NAME[@REVISION].")
        import_extra("huggingface_hub", extra="registry", purpose="pulling from the Hub")
        self.url = url
        self._files = ObjectStore(url)

    def manifest(self) -> bytes:
        """Read ``bundle.json``."""
        with self._translate_errors():
            return self._files.read(MANIFEST_NAME, limit=MANIFEST_BYTES)

    def artifact(self, name: str, version: str) -> Artifact:
        """Read the manifest, whichever version it is of."""
        return Artifact(name, version, self.manifest())

    def sizes(self, artifact: Artifact, manifest: Manifest) -> dict[str, int]:  # noqa: ARG002
        """Tell the bytes of each file."""
        with self._translate_errors():
            return {file: self._files.size(file) for file in manifest.files}

    def stream(self, artifact: Artifact, file: str, digest: str, offset: int) -> Iterator[bytes]:  # noqa: ARG002
        """Read a file from ``offset`` on.

        Parameters
        ----------
        artifact, file, digest, offset : as in :meth:`~sentire.registry.base.Registry.stream`
            Only ``file`` and ``offset`` are asked: there is one version.
        """
        with self._translate_errors():
            yield from self._files.stream(file, offset=offset)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise NotInRegistry(
                f"{self.url} is no repository with a sentire bundle, or is not public. Of a "
                "checkpoint that is on this disk, sentire import makes a bundle."
            ) from None
        except OSError as error:
            raise RegistryUnavailable(self.url, error.strerror or str(error)) from error


def open_hub(url: str) -> PullSource:
    """Read what a repository on the Hub holds.

    Raises
    ------
    NotInRegistry
        There is no such repository, or no bundle in it.
    BundleDamaged
        Its manifest is not valid, or asks what :func:`open_source` refuses.
    """
    hub = Hub(url)
    try:
        manifest = decode_manifest(hub.manifest())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleDamaged(url, f"{MANIFEST_NAME} is not valid: {error}") from None
    return open_source(hub, manifest.name, manifest.version)
