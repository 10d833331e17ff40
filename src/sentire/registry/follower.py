"""Follow a model in a registry: the bundle that it means now, in a folder on this disk.

Reads:   the registry, each time it is asked
Gives:   the folder of a bundle that was pulled whole
Never:   hammers a registry that fails; needs one that is down for what is here already
"""

import hashlib
import logging
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from sentire.atomic import write_file
from sentire.bundle.store import read_manifest
from sentire.errors import (
    BundleDamaged,
    BundleError,
    OutputError,
    RegistryUnavailable,
    SentireError,
)
from sentire.io.failures import unwritable
from sentire.registry.aliases import resolve
from sentire.registry.base import Registry
from sentire.registry.download import open_source, pull
from sentire.registry.records import Digest
from sentire.registry.references import Reference, open_registry

_LOG = logging.getLogger("sentire.models")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_N_KEPT = 2
"""Versions that stay beside those that are followed: what served before, and one more."""
_LEASE_RENEWAL_S = 3600.0
"""Whoever follows a version writes its lease again each hour, so that nobody drops it …"""
_LEASE_S = 30 * 24 * 3600.0
"""… before a lease is a month old: a server may stand still for a while."""
_ABANDONED_S = 24 * 3600.0
"""A pull in which nothing began for so long does not go on."""


def default_downloads() -> Path:
    """Folder for bundles that are pulled: ``sentire`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sentire"


class _Pointer(msgspec.Struct, frozen=True):
    """Where an alias pointed when it was last seen, or which version is asked for.

    Its file is a lease: it tells everybody who shares the downloads that this version is used. Its
    time is when the lease was last written.
    """

    version: str
    digest: Digest


_POINTER = msgspec.json.Decoder(_Pointer)


class Follower:
    """A model in a registry, and where its versions lie here.

    Parameters
    ----------
    reference : Reference
    downloads : Path
        Folder for bundles that were pulled. Several processes may share it.
    """

    def __init__(self, reference: Reference, downloads: Path) -> None:
        self._reference = reference
        url = hashlib.sha256(reference.registry.encode()).hexdigest()[:16]
        self._folder = downloads.expanduser() / url / reference.name
        self._pointer = self._folder / f"{reference.which}.json"
        self._registry: Registry | None = None
        self._local: _Pointer | None = None
        self._failed: tuple[SentireError, _Pointer | None] | None = None
        self._lock = threading.Lock()
        self._began = False
        self._next_renewal = 0.0
        self._pause_s = 0.0
        self._next_try = 0.0

    def __str__(self) -> str:
        return str(self._reference)

    def sync(self) -> Path:
        """Give the folder of the version that is meant now; pull it where it is not here yet.

        After a failure the registry is left alone for a while, at most a minute, and the same
        error is raised again. Where it is a version that can't be trusted, the alias is asked
        nevertheless, so that a promotion of another version helps at once.

        The first call serves a start: where the registry is down then, what was pulled from it
        before is given, and the log says so.

        Raises
        ------
        SentireError
            The registry can't be asked, or what it gives can't be trusted.
        """
        with self._lock:
            self._renew_lease()
            is_first, self._began = not self._began, True
            try:
                return self._sync()
            except RegistryUnavailable as error:
                folder = self._pulled_before() if is_first else None
                if folder is None:
                    raise
                _LOG.warning("%s; what was pulled from it before serves: %s", error, folder.name)
                return folder

    def _sync(self) -> Path:
        wanted = self._local if self._local and self._reference.is_version else None
        try:
            if wanted is None:
                if self._failed is not None and self._failed[1] is None and self._waits():
                    raise self._failed[0]
                wanted = self._resolve()
            try:
                folder = self._ensure_local(wanted)
            except OSError as error:
                raise OutputError(unwritable(self._folder, error)) from error
        except SentireError as error:
            if self._failed is None or self._failed[0] is not error:
                self._fail(error, wanted)
            raise
        self._failed, self._pause_s = None, 0.0
        return folder

    def _pulled_before(self) -> Path | None:
        try:
            pointer = _POINTER.decode(self._pointer.read_bytes())
            folder = self._path(pointer)
            read_manifest(folder)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, BundleError):
            return None
        return folder

    def _resolve(self) -> _Pointer:
        """Ask where the alias points; the digest of a version is asked once."""
        if self._registry is None:
            self._registry = open_registry(self._reference.registry)
        name, which = self._reference.name, self._reference.which
        version, digest = resolve(self._registry, name, which)
        if digest is None:
            digest = open_source(self._registry, name, version).digest
        return _Pointer(version, digest)

    def _ensure_local(self, wanted: _Pointer) -> Path:
        folder = self._path(wanted)
        if wanted == self._local and folder.is_dir():
            return folder
        if self._failed is not None and self._failed[1] == wanted and self._waits():
            raise self._failed[0]
        if not folder.is_dir():
            registry = self._registry or open_registry(self._reference.registry)
            self._registry = registry
            name, version = self._reference.name, wanted.version
            _LOG.info("%s means %s now; pulling it", self, version)
            pull(open_source(registry, name, version, digest=wanted.digest), folder)
        elif read_manifest(folder)[1].digest != wanted.digest:
            raise BundleDamaged(folder, f"is not {wanted.digest[:19]}… any more. Remove it.")
        self._remember(wanted)
        self._local = wanted
        return folder

    def _path(self, pointer: _Pointer) -> Path:
        return self._folder / f"{pointer.version}-{pointer.digest[7:19]}"

    def _remember(self, pointer: _Pointer) -> None:
        """Write down what was pulled, and remove what was long ago."""
        try:
            self._write_lease(pointer)
            self._path(pointer).touch()
            with suppress(FileNotFoundError):  # another process cleans up at the same moment
                self._remove_old()
        except OSError as error:
            raise OutputError(unwritable(self._folder, error)) from error

    def _write_lease(self, pointer: _Pointer) -> None:
        self._next_renewal = time.monotonic() + _LEASE_RENEWAL_S
        write_file(self._pointer, msgspec.json.encode(pointer))

    def _renew_lease(self) -> None:
        """Write the lease again where that is due."""
        if self._local is not None and time.monotonic() >= self._next_renewal:
            with suppress(OSError):  # where nobody can write, nobody can clean up
                self._write_lease(self._local)

    def _remove_old(self) -> None:
        leased = self._leased()
        folders = [f for f in self._folder.iterdir() if f.is_dir() and f.name[:1] != "."]
        others = [folder for folder in folders if folder.name not in leased]
        for old in sorted(others, key=lambda f: f.stat().st_mtime)[:-_N_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        for half in self._folder.glob(".*.pull"):
            if half.stat().st_mtime < time.time() - _ABANDONED_S:
                shutil.rmtree(half, ignore_errors=True)

    def _leased(self) -> set[str]:
        """Name the folders with a lease; leases that ran out are removed."""
        found = set()
        for file in self._folder.glob("*.json"):
            if file.stat().st_mtime < time.time() - _LEASE_S:
                file.unlink(missing_ok=True)
                continue
            with suppress(msgspec.MsgspecError):
                found.add(self._path(_POINTER.decode(file.read_bytes())).name)
        return found

    def _waits(self) -> bool:
        return time.monotonic() < self._next_try

    def _fail(self, error: SentireError, wanted: _Pointer | None) -> None:
        self._failed = (error, wanted)
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._next_try = time.monotonic() + self._pause_s
