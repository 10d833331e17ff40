"""A registry's files in an object store: S3 to read and write, any other fsspec URL to read.

Reads:   objects
Gives:   objects that exactly one writer creates, by a conditional write
Never:   pretends to that where the store can't: such a registry is read only
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentire.errors import OptionError
from sentire.optional import import_extra
from sentire.proxies import is_loopback
from sentire.registry.base import CHUNK

_CONDITIONAL = {"s3", "s3a"}
"""Protocols whose clients create conditionally (``If-None-Match: *``), tried on a real server."""
_TIMEOUTS_AND_RETRIES: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 30,
    "retries": {"mode": "standard", "max_attempts": 3},
}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


class ObjectStore:
    """A :class:`~sentire.registry.blob_store.BlobStore` behind an fsspec URL.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/models``. Addresses and credentials come from where the client of
        the store takes them, for S3 the variables ``AWS_…`` and the files in ``~/.aws``.

    Raises
    ------
    MissingExtra
        fsspec is not installed, or no client for this kind of URL.
    OptionError
        fsspec knows no such URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        protocol = url.partition(":")[0]
        fsspec = import_extra("fsspec", extra="registry", purpose=f"a registry at {protocol}://")
        if protocol in _CONDITIONAL:
            import_extra("s3fs", extra="registry", purpose=f"a registry at {protocol}://")
        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        if protocol in _CONDITIONAL:
            options["config_kwargs"] = _TIMEOUTS_AND_RETRIES | _direct()
        try:
            self._store, root = fsspec.core.url_to_fs(url, **options)
        except (ValueError, ImportError, OSError) as error:
            raise OptionError(f"registry {url}: {error}") from None
        self._root = root.rstrip("/")
        self._may_create = protocol in _CONDITIONAL

    def read(self, path: str, *, limit: int) -> bytes:
        """Read an object.

        Raises
        ------
        OSError
            It is not there, the store can't be asked, or it has more than ``limit`` bytes.
        """
        with _as_os_errors():
            data: bytes = self._store.cat_file(self._at(path), start=0, end=limit + 1)
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"has more than {limit:,} bytes", path)
        return data

    def stream(self, path: str, *, offset: int) -> Iterator[bytes]:
        """Read an object from ``offset`` on."""
        read = {"cache_type": "readahead", "block_size": 8 * CHUNK}
        with _as_os_errors(), self._store.open(self._at(path), "rb", **read) as file:
            file.seek(min(offset, file.size or 0))
            while chunk := file.read(CHUNK):
                yield chunk

    def size(self, path: str) -> int:
        """Bytes of an object."""
        with _as_os_errors():
            return int(self._store.info(self._at(path))["size"])

    def changed(self, path: str) -> datetime:
        """When an object was written, or the newest below a path.

        Raises
        ------
        FileNotFoundError
            There is none, or none whose time the store tells.
        """
        with _as_os_errors():
            found = self._store.find(self._at(path), detail=True).values()
        times = [each.get("LastModified") or each.get("created") for each in found]
        dated = [time for time in times if isinstance(time, datetime)]
        if not dated:
            raise FileNotFoundError(errno.ENOENT, "is not there", path)
        newest = max(dated)
        return newest if newest.tzinfo else newest.replace(tzinfo=UTC)

    def names(self, path: str) -> list[str]:
        """Names of what lies directly below a path."""
        at = self._at(path)
        try:
            with _as_os_errors():
                found = self._store.ls(at, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(each.rstrip("/").rpartition("/")[2] for each in found if each != at)

    def create(self, path: str, data: bytes) -> None:
        """Write an object that is not there yet."""
        self._check_writes()
        try:
            with _as_os_errors():
                self._store.pipe_file(self._at(path), data, mode="create")
        except OSError:
            # A repeated request finds what the first one wrote, although no answer had come.
            if self._holds(path, data):
                return
            raise

    def put(self, path: str, source: Path) -> None:
        """Copy a file in."""
        self._check_writes()
        with _as_os_errors():
            self._store.put_file(str(source), self._at(path))

    def remove(self, path: str) -> None:
        """Remove an object, or all below a path."""
        self._check_writes()
        with _as_os_errors():
            found = self._store.find(self._at(path))
            if found:
                self._store.rm(found)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _holds(self, path: str, data: bytes) -> bool:
        try:
            return self.read(path, limit=len(data)) == data
        except OSError:
            return False

    def _check_writes(self) -> None:
        if not self._may_create:
            raise OptionError(
                f"registry {self.url} can be read only: sentire creates files safely in a "
                "directory, on S3 (s3://) and in OCI registries (oci://)."
            )


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """Turn whatever a store's client raises into an ``OSError``, without request or credentials."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(errno.EIO, _in_one_line(error)) from error


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _direct() -> dict[str, Any]:
    """Options for a server on this machine, which no proxy elsewhere can reach."""
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    return {"proxies": {}} if is_loopback(endpoint) else {}
