"""One worker among others, and the files by which all of them come to serve the same.

What all should have stands in one file, which whoever is asked for a change writes and everybody
follows; what each has, in a file of its own. A worker that takes the place of another follows the
first file before it serves. What a model is, nobody knows here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from sentire.atomic import write_file
from sentire.errors import BackendError, SentireError
from sentire.registry.folder_lock import lock_folder
from sentire.workers.heartbeats import Heartbeats

Action = Literal["load", "unload"]
RecordT = TypeVar("RecordT")
_LOOK_S = 0.1
_TELL_S = 1.0


class Change(msgspec.Struct, frozen=True):
    """What was asked for a model last; a later change has a higher revision."""

    action: Action
    revision: int


class WorkerStatus(msgspec.Struct, frozen=True):
    """How a worker fares: whether it is ready, its models for people, its part of the metrics."""

    ready: bool
    models: list[str]
    figures: msgspec.Raw


class Observed(msgspec.Struct, frozen=True):
    """What a worker says of itself, and of each model the last change that it made or could not."""

    status: WorkerStatus
    applied: dict[str, int]
    errors: dict[str, str]


class Member:
    """A worker among others; made before its models are opened, whose changes it then follows.

    Parameters
    ----------
    folder : Path
        Of the workers of one server.
    number : int
        From 1; whoever takes the place of a worker has its number.
    n_workers : int
    """

    def __init__(self, folder: Path, *, number: int, n_workers: int) -> None:
        self.folder, self.number, self.n_workers = folder, number, n_workers
        self.heartbeats = Heartbeats(folder, n_workers)
        # Models are opened as they are at their sources now, so no load before has to be repeated.
        changes = self._desired().items()
        self._applied = {name: c.revision for name, c in changes if c.action == "load"}
        self._errors: dict[str, str] = {}

    @property
    def others_ready(self) -> bool:
        """Whether all other workers have started once, and those that serve now are ready."""
        serving = self.heartbeats.serving()
        others = {n: observed(self.folder, n) for n in range(1, self.n_workers + 1)}
        del others[self.number]
        return all(o and (o.status.ready or n not in serving) for n, o in others.items())

    def others(self, *, fresh: bool = False) -> dict[int, Observed]:
        """What the other workers say that serve; ``fresh`` leaves out those that may hang."""
        numbers = self.heartbeats.serving(fresh=fresh).keys() - {self.number}
        return {n: seen for n in sorted(numbers) if (seen := observed(self.folder, n))}

    async def change(self, action: Action, name: str) -> None:
        """Have a model loaded or unloaded by all workers that serve, and wait until it is.

        Raises
        ------
        BackendError
            One of them could not do it.
        """
        revision = await asyncio.to_thread(self._want, action, name)
        while self._applied.get(name, 0) < revision or any(
            seen.applied.get(name, 0) < revision for seen in self.others().values()
        ):
            await asyncio.sleep(_LOOK_S / 2)
        errors = {n: seen.errors.get(name) for n, seen in self.others().items()}
        errors[self.number] = self._errors.get(name)
        if any(errors.values()):
            failed = "; ".join(f"worker {n}: {why}" for n, why in sorted(errors.items()) if why)
            raise BackendError(f"not all workers could {action} {name}: {failed}")

    @asynccontextmanager
    async def following(
        self, apply: Callable[[Action, str], Awaitable[None]], observe: Callable[[], WorkerStatus]
    ) -> AsyncIterator[None]:
        """Make the changes that are desired meanwhile, and say how this worker fares.

        Parameters
        ----------
        apply : function
            Loads or unloads a model in this process.
        observe : function
            Says how this process fares.
        """

        async def publish() -> None:
            seen = Observed(observe(), self._applied, self._errors)
            _write(self.folder / f"{self.number}.json", seen)

        async def follow() -> None:
            for name, change in self._desired().items():
                if change.revision > self._applied.get(name, 0):
                    self._errors.pop(name, None)
                    try:
                        await apply(change.action, name)
                    except Exception as error:
                        ours = isinstance(error, SentireError)
                        self._errors[name] = str(error) if ours else type(error).__name__
                    self._applied[name] = change.revision
                    await publish()

        await follow()
        await publish()
        tasks = [_again(publish, every_s=_TELL_S), _again(follow, every_s=_LOOK_S)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _desired(self) -> dict[str, Change]:
        return _read(self.folder / "desired.json", dict[str, Change]) or {}

    def _want(self, action: Action, name: str) -> int:
        with lock_folder(self.folder):
            desired = self._desired()
            revision = 1 + max((change.revision for change in desired.values()), default=0)
            _write(self.folder / "desired.json", desired | {name: Change(action, revision)})
        return revision


def observed(folder: Path, number: int) -> Observed | None:
    """Read what a worker said last; None where it has not started yet."""
    return _read(folder / f"{number}.json", Observed)


def _again(call: Callable[[], Awaitable[None]], *, every_s: float) -> asyncio.Task[None]:
    async def loop() -> None:
        while True:
            await asyncio.sleep(every_s)
            with suppress(OSError):  # a full disk, perhaps, may have room next time
                await call()

    return asyncio.create_task(loop())


def _read(file: Path, kind: type[RecordT]) -> RecordT | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def _write(file: Path, what: object) -> None:
    write_file(file, msgspec.json.encode(what), durable=False)
