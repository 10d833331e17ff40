"""The models that one process serves: several, each in a version that can change while it serves.

Reads:   where each model comes from
Gives:   the version that answers now, under a name; what state each version is in
Never:   decides when to look for a new version; ``watcher.py`` and requests do
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Self

import msgspec

from sentire.bundle.manifest import Manifest
from sentire.errors import ModelNotFound, OptionError
from sentire.inference.cache import AnswerCache
from sentire.memory import set_mmap_threshold
from sentire.serving.slot import Open, Slot
from sentire.serving.sources import ModelSource
from sentire.serving.version import Version
from sentire.types import Answer, ModelInfo, PredictOptions


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a model and how it fares."""

    name: str
    """The name it is asked for by."""
    version: str
    """Empty where it could not be read."""
    digest: str
    """Empty where it could not be read."""
    state: Literal["ready", "loading", "failed", "closed"]
    reason: str
    """Why it is not ready; empty where it is."""
    is_default: bool
    """Whether requests that name no model get it."""


class Served:
    """A model as one request sees it: take it from :class:`Models`, call :meth:`predict` at once.

    Parameters
    ----------
    slot : Slot
        Gives the successor of a version that was replaced.
    version : Version
        Which answers.
    pinned : bool
        Whether the request asked for that very version, so that no successor may answer.

    Attributes
    ----------
    name : str
        The name it is served under.
    """

    def __init__(self, slot: Slot, version: Version, *, pinned: bool) -> None:
        self.name = slot.name
        self._slot = slot
        self._version = version
        self._pinned = pinned

    @property
    def info(self) -> ModelInfo:
        """Which version answers; after :meth:`predict`, which one did."""
        return self._version.info

    @property
    def manifest(self) -> Manifest:
        """Manifest of that version."""
        return self._version.manifest

    @property
    def ready(self) -> bool:
        """Whether a text that comes now would be answered."""
        return self._version.ready

    async def predict(self, texts: Sequence[object], options: PredictOptions) -> list[Answer]:
        """Score the texts of one request: n in, n out, in order, all by one version.

        A version that was replaced since it was taken hands over to its successor, unless the
        request asked for that very version.

        Raises
        ------
        Overloaded
            The queue is full; nothing of this request was kept.
        UnsupportedRequest
            The model lacks a head.
        Unavailable
            The model was unloaded or closed, or its worker ended.
        ModelNotFound
            The version that was asked for has just been replaced.
        """
        while not self._version.enter():
            if self._pinned:
                raise ModelNotFound(f"{self.name}@{self.info.version}", (str(self._slot),))
            self._version = self._slot.serving()
        try:
            return await self._version.predict(texts, options)
        finally:
            self._version.leave()


class Models:
    """Loads models, gives them to requests, and exchanges their versions while they serve.

    Safe to share between threads. Close it, or use it in ``with``.

    Parameters
    ----------
    sources : str or ModelSource, at least one
        Where the models come from; the first is the default. Several sources of one name are
        versions side by side; the first of them answers requests that name no version.
    open_model : function
        Loads one bundle.
    cache : AnswerCache, optional
        Shared by all models; its keys tell them apart.
    downloads : Path, optional
        Folder for what is pulled from registries; by default in the user's cache folder.

    Raises
    ------
    OptionError
        There is no source, or one version of one model is given twice.
    SentireError
        A model can't be loaded.
    """

    def __init__(
        self,
        sources: Iterable[str | ModelSource],
        *,
        open_model: Open,
        cache: AnswerCache | None = None,
        downloads: Path | None = None,
    ) -> None:
        set_mmap_threshold()
        self.cache = cache
        self._slots: list[Slot] = []
        try:
            for source in sources:
                slot = Slot(ModelSource.of(source), open_model, cache, downloads=downloads)
                self._slots.append(slot)
            self._check()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ready(self) -> bool:
        """Whether the default model would answer, and every other that was not unloaded."""
        default, *others = self._slots
        return default.ready and all(slot.ready or slot.current is None for slot in others)

    def get(self, name: str | None = None, version: str | None = None) -> Served:
        """Take the version that answers now. Call its ``predict`` with no await in between.

        Parameters
        ----------
        name : str, optional
            None is the default model.
        version : str, optional
            None is the version that serves under the name.

        Raises
        ------
        ModelNotFound
            No such model or version is served.
        Closed
            The model is unloaded.
        """
        slots = self._named(name)
        if version is None:
            return Served(slots[0], slots[0].serving(), pinned=False)
        for slot in slots:
            found = slot.current
            if found is not None and found.info.version == version:
                return Served(slot, found, pinned=True)
        raise ModelNotFound(f"{slots[0].name}@{version}", self._described())

    def listed(self) -> list[ModelState]:
        """Every version that serves, is being loaded, failed, or was unloaded."""
        return [state for slot in self._slots for state in self._states(slot)]

    async def load(self, name: str) -> None:
        """Take what is at a model's sources now, also after :meth:`unload`.

        Returns when the new version answers and the old one has given its memory back. Where the
        same version serves already, nothing happens.

        Raises
        ------
        ModelNotFound
            No such model is served.
        SentireError
            It can't be loaded; what served before still does.
        """
        for slot in self._named(name):
            await asyncio.to_thread(slot.reload)

    async def unload(self, name: str) -> None:
        """Answer what is under way, then give a model's memory back; :meth:`load` undoes it.

        Raises
        ------
        ModelNotFound
            No such model is served.
        """
        for slot in self._named(name):
            await asyncio.to_thread(slot.unload)

    @property
    def slots(self) -> Sequence[Slot]:
        """The places of all models, the default one first."""
        return self._slots

    def follow(self) -> None:
        """Look at all sources, and take what is new and whole; for ``watcher.py``."""
        for slot in self._slots:
            slot.follow()

    async def end(self) -> None:
        """Close what belongs to the event loop, when it ends: the cache's connections."""
        if self.cache is not None:
            await self.cache.close()

    def close(self) -> None:
        """Answer what is under way, then give all memory back."""
        for slot in self._slots:
            slot.unload()

    def _check(self) -> None:
        if not self._slots:
            raise OptionError("there is no model to serve. Name at least one.")
        given = [str(slot) for slot in self._slots]
        twice = sorted({each for each in given if given.count(each) > 1})
        if twice:
            raise OptionError(
                f"{', '.join(twice)} is given twice. Give one of them another name: NAME=MODEL."
            )

    def _named(self, name: str | None) -> list[Slot]:
        if name is None:
            name = self._slots[0].name
        found = [slot for slot in self._slots if slot.name == name]
        if not found:
            raise ModelNotFound(name, self._described())
        return found

    def _described(self) -> tuple[str, ...]:
        return tuple(map(str, self._slots))

    def _states(self, slot: Slot) -> Iterator[ModelState]:
        current, candidate = slot.current, slot.candidate
        is_default = slot is self._slots[0]
        if current is not None:
            yield ModelState(
                name=slot.name,
                version=current.info.version,
                digest=current.info.digest,
                state="ready" if current.ready else "failed",
                reason="" if current.ready else "Its worker ended.",
                is_default=is_default,
            )
        if candidate is not None:
            yield ModelState(
                name=slot.name,
                version=candidate.info.version,
                digest=candidate.info.digest,
                state=candidate.state,
                reason=candidate.reason,
                is_default=False,
            )
        elif current is None:
            yield ModelState(
                name=slot.name,
                version="",
                digest="",
                state="closed",
                reason="It was unloaded.",
                is_default=is_default,
            )
