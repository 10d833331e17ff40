"""The place where one version of a model serves, and how another takes its place.

Reads:   what is at the model's source now
Gives:   the version that answers
Never:   gives up a version that answers for one that was not verified, tested and warmed
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from sentire.bundle.store import read_manifest
from sentire.errors import BackendError, BundleDamaged, BundleError, Closed, SentireError
from sentire.inference.analyzer import Analyzer
from sentire.inference.cache import AnswerCache
from sentire.inference.observers import Observer, Observers
from sentire.serving.sources import ModelSource, Snapshot, snapshot_reader
from sentire.serving.version import Version
from sentire.types import ModelInfo

_LOG = logging.getLogger("sentire.models")

Open = Callable[[Path], Analyzer]
"""Loads the bundle in a folder: verified, self-tested and warm, or an error."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 3600.0
"""Before what failed for no fault of the bundle's is loaded again: a load costs seconds of CPU."""


class Candidate(NamedTuple):
    """A version that does not serve: it is being loaded, or it failed."""

    info: ModelInfo
    state: Literal["loading", "failed"]
    reason: str


class Slot:
    """Holds the serving version of a model.

    A swap is load -> verify digests -> self-test -> warm -> switch one reference -> drain -> close.
    A failure at any step leaves the old version serving and is kept as the reason.

    Parameters
    ----------
    source : ModelSource
    open_model : function
    cache : AnswerCache, optional
    downloads : Path, optional
        Folder for what is pulled from a registry.

    Attributes
    ----------
    name : str
        The name it is served under.
    current : Version or None
        None while it is unloaded.
    candidate : Candidate or None
        What should serve and does not.
    n_taken, n_refused : int
        New versions so far.

    Raises
    ------
    SentireError
        The first version can't be loaded.
    """

    def __init__(
        self,
        source: ModelSource,
        open_model: Open,
        cache: AnswerCache | None = None,
        *,
        downloads: Path | None = None,
    ) -> None:
        self._source = source
        self._look = snapshot_reader(source, downloads)
        self._open = open_model
        self._cache = cache
        self._swapping = threading.Lock()
        self._pause_s, self._again_at = 0.0, math.inf
        seen = self._look()
        self._tried: Snapshot | str = seen
        self._last: Snapshot | str = seen
        """What the last look saw: the files, or why they could not be looked at."""
        self._observers = Observers()
        self.current: Version | None = self._version(seen.path)
        self.candidate: Candidate | None = None
        self.name = source.name or self.current.info.name
        self.n_taken = self.n_refused = 0

    def __str__(self) -> str:
        return self.name if self.current is None else f"{self.name}@{self.current.info.version}"

    @property
    def ready(self) -> bool:
        """Whether a text that comes now would be answered."""
        return self.current is not None and self.current.ready

    def serving(self) -> Version:
        """Give the version that answers.

        Raises
        ------
        Closed
            It was unloaded.
        """
        if self.current is None:
            raise Closed(f"Model {self.name} is unloaded. Load it again, or ask for another.")
        return self.current

    def observe(self, observer: Observer) -> None:
        """Tell ``observer``, too, what this and every later version does."""
        self._observers.add(observer)

    def follow(self) -> None:
        """Take what is new at the source, once two looks in a row have seen the same.

        So a bundle is not loaded while it is copied, nor an alias read while it is written. What
        failed is tried again when its files change, and after a pause where the bundle is not to
        blame; a version whose worker died, once. Whatever goes wrong is this model's own trouble:
        it is kept as the reason, and nothing is raised.
        """
        if self.current is None:
            return
        try:
            seen = self._find()
        except SentireError as error:
            if self._is_news(str(error)):
                with self._swapping:
                    self._refuse(error, None)
            return
        if self._is_news(seen):
            with self._swapping, suppress(SentireError):
                if self.current is not None:  # looking may take long: it was unloaded meanwhile
                    self._take(seen)

    def reload(self) -> None:
        """Take what is at the source now. Returns when it serves and the old one is closed.

        Raises
        ------
        SentireError
            It can't be loaded; what served before still does.
        """
        with self._swapping:
            try:
                seen = self._find()
            except SentireError as error:
                self._refuse(error, None)
                raise
            self._last = self._tried = seen
            self._take(seen)

    def unload(self) -> None:
        """Answer what is under way, then give the memory back."""
        with self._swapping:
            old, self.current, self.candidate = self.current, None, None
            if old is not None:
                old.retire()

    def _find(self) -> Snapshot:
        """Look at the source; what nobody foresaw is an error of ours, so that looking goes on."""
        try:
            return self._look()
        except SentireError:
            raise
        except Exception as error:
            raise _unexpected("looking for a new version", error) from error

    def _is_news(self, found: Snapshot | str) -> bool:
        """Whether a look has seen the same as the one before, and it is to be tried now."""
        settled, self._last = found == self._last, found
        died = not self.ready and self.candidate is None
        is_due = time.monotonic() >= self._again_at
        if not settled or (found == self._tried and not died and not is_due):
            return False
        self._tried = found
        return True

    def _take(self, seen: Snapshot) -> None:
        info = None
        try:
            _, info = read_manifest(seen.path)
            old = self.current
            if old is not None and old.ready and old.info.digest == info.digest:
                self._accept()
                return
            self.candidate = Candidate(info, "loading", "It is being loaded.")
            self._check_name(info, seen.path)
            new = self._version(seen.path)
        except SentireError as error:
            self._refuse(error, info)
            if not isinstance(error, BundleError):
                self._try_again_later()
            raise
        except Exception as error:
            unexpected = _unexpected("loading", error)
            self._refuse(unexpected, info)
            self._try_again_later()
            raise unexpected from error
        self.current = new
        self._accept()
        self.n_taken += 1
        _LOG.info(
            "model %s: version %s (%s) serves now, instead of %s",
            self.name,
            new.info.version,
            new.info.digest,
            old.info.version if old else "none",
        )
        if old is not None:
            old.retire()

    def _version(self, path: Path) -> Version:
        return Version(self._open(path), self._cache, observers=self._observers)

    def _check_name(self, info: ModelInfo, path: Path) -> None:
        if self._source.name is None and info.name != self.name:
            raise BundleDamaged(
                path,
                f"holds model {info.name}, and {self.name} is served from there. To serve whatever "
                f"lies there under one name, give it one at the start: {self.name}=MODEL.",
            )

    def _accept(self) -> None:
        """Forget what failed: what is at the source serves."""
        self.candidate = None
        self._pause_s, self._again_at = 0.0, math.inf

    def _try_again_later(self) -> None:
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._again_at = time.monotonic() + self._pause_s

    def _refuse(self, error: SentireError, info: ModelInfo | None) -> None:
        """Keep why a candidate does not serve, and say it."""
        self.n_refused += 1
        self._again_at = math.inf
        self.candidate = Candidate(info or ModelInfo(self.name, "", ""), "failed", str(error))
        _LOG.error(
            "model %s: a new version was not taken, %s serves on: %s",
            self.name,
            self.current.info.version if self.current else "none",
            error,
        )


def _unexpected(doing: str, error: Exception) -> BackendError:
    """Name an error that nobody foresaw, without its message, which may quote anything."""
    return BackendError(f"{doing} failed unexpectedly: {type(error).__name__}")
