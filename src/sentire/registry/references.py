"""How people write a registry, and a model in it.

Reads:   ``REGISTRY/NAME@VERSION`` or ``REGISTRY/NAME@ALIAS``
Gives:   its parts; an open registry
Never:   asks a registry
"""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from sentire.bundle.manifest import NAME_PATTERN
from sentire.errors import OptionError
from sentire.registry.base import Registry
from sentire.registry.directory import DirectoryStore
from sentire.registry.files import FileRegistry
from sentire.registry.object_store import ObjectStore
from sentire.registry.oci import OciRegistry
from sentire.registry.records import ALIAS_PATTERN, VERSION_PATTERN, is_version

HUB = "hf://"
_SCHEME = re.compile(r"([a-z][a-z0-9+]*)://")
_IN_REGISTRY = re.compile(
    rf"(?P<registry>.+)/(?P<name>{NAME_PATTERN})@(?P<which>{VERSION_PATTERN}|{ALIAS_PATTERN})",
    re.DOTALL,
)
_ALLOWED = (
    "A registry is a directory, s3://BUCKET/PATH, oci://HOST/PATH, or another URL that fsspec reads"
)


class Reference(NamedTuple):
    """A model in a registry."""

    registry: str
    name: str
    which: str
    """A version or an alias."""

    def __str__(self) -> str:
        return f"{self.registry}/{self.name}@{self.which}"

    @property
    def is_version(self) -> bool:
        """Whether it names a version, which never changes, rather than an alias."""
        return is_version(self.which)

    @classmethod
    def of(cls, written: str) -> "Reference":
        """Read ``REGISTRY/NAME@VERSION`` or ``REGISTRY/NAME@ALIAS``.

        Raises
        ------
        OptionError
            It is neither.

        Examples
        --------
        >>> Reference.of("s3://models/prod/zh-en@production")
        Reference(registry='s3://models/prod', name='zh-en', which='production')
        """
        match = _IN_REGISTRY.fullmatch(written)
        if match is None or written.startswith(HUB):
            raise OptionError(
                f"{written!r} is no model in a registry. Write REGISTRY/NAME@VERSION or "
                f"REGISTRY/NAME@ALIAS, such as /models/zh-en@1.0.0. {_ALLOWED}."
            )
        return cls(match["registry"], match["name"], match["which"])


def names_registry(written: str) -> bool:
    """Whether a word means a model in a registry; a file or folder of that name comes first."""
    match = _IN_REGISTRY.fullmatch(written)
    if match is None or written.startswith(HUB):
        return False
    if _SCHEME.match(written) is not None:
        return True
    try:
        return not Path(written).exists()
    except OSError:  # whoever asks the registry is told why it can't be read
        return True


def open_registry(url: str) -> Registry:
    """Open a registry, without asking it anything yet.

    Raises
    ------
    OptionError
        There is no such kind of registry.
    MissingExtra
        Its client is not installed.
    """
    scheme = _SCHEME.match(url)
    if scheme is None or scheme[1] == "file":
        return FileRegistry(DirectoryStore(_folder(url)))
    if scheme[1] == "oci":
        return OciRegistry(url)
    if url.startswith(HUB):
        raise OptionError(f"{url}: from the Hugging Face Hub models can be pulled, no more.")
    return FileRegistry(ObjectStore(url))


def _folder(url: str) -> Path:
    path = unquote(urlsplit(url).path) if url.startswith("file://") else url
    return Path(path).expanduser()
