"""What one of several workers is told, what it says, and what it does for the others.

Reads:   questions of the others
Gives:   answers; models that are loaded and unloaded in all workers, wherever it was asked
Never:   starts a process; ``supervisor.py`` does
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import msgspec

from sentire.config import Settings
from sentire.errors import BackendError, OptionError, SentireError
from sentire.service.metrics import Metrics
from sentire.service.models import Models
from sentire.service.peers import Answer, Answering, Peers, Question
from sentire.service.serving import ServedModels


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told when it is started."""

    app: str
    """The module whose ``create_app`` makes the application."""
    settings: Settings
    number: int
    """From 1; whoever takes the place of a worker has its number."""
    n_workers: int
    folder: str
    """Where the workers find each other."""
    listener: int
    """File descriptor of the socket that all of them take connections from."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says once: that it takes requests, or why it never will."""

    models: list[str] = []
    error: str = ""
    exit_code: int = 0


def shares(n_threads: int, n_workers: int) -> list[int]:
    """Divide threads among workers, as evenly as can be and at least one for each.

    Examples
    --------
    >>> shares(5, 2)
    [3, 2]
    """
    each, more = divmod(n_threads, n_workers)
    return [max(1, each + (number < more)) for number in range(n_workers)]


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user may enter, for as long as the workers run.

    Raises
    ------
    OptionError
        There is nowhere to make it.
    """
    try:
        folder = TemporaryDirectory(prefix="sentire-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OptionError(
            f"workers need a folder for temporary files: {error}. "
            "Name one that can be written to in the variable TMPDIR."
        ) from None
    with folder as path:
        yield Path(path)


def answering(models: ServedModels, metrics: Metrics) -> Answering:
    """Make the function that answers the other workers."""

    async def answer(question: Question) -> Answer:
        if question.about == "state" or not isinstance(models, SharedModels):
            return Answer(state=metrics.state())
        try:
            await models.change_here(question.about, question.model)
        except SentireError as error:
            return Answer(error=str(error))
        return Answer()

    return answer


class SharedModels(Models):
    """Models that every worker of a server has: loading and unloading reaches all of them.

    Parameters
    ----------
    *sources, **options : those of :class:`~sentire.service.models.Models`
    peers : Peers
        The other workers.
    """

    def __init__(self, *sources: Any, peers: Peers, **options: Any) -> None:
        super().__init__(*sources, **options)
        self._peers = peers

    async def load(self, name: str) -> None:
        """Take what is at a model's sources now, in all workers.

        Raises
        ------
        ModelNotFound
            No such model is served.
        SentireError
            It can't be loaded here or there; where it can't, what served before still does.
        """
        await self._change("load", name)

    async def unload(self, name: str) -> None:
        """Give a model's memory back, in all workers.

        Raises
        ------
        ModelNotFound
            No such model is served.
        """
        await self._change("unload", name)

    def change_here(self, about: Literal["load", "unload"], name: str) -> Awaitable[None]:
        """Load or unload a model in this worker alone."""
        return super().load(name) if about == "load" else super().unload(name)

    async def _change(self, about: Literal["load", "unload"], name: str) -> None:
        self._named(name)  # an unknown one is refused before anybody is asked
        here, answers = await asyncio.gather(
            self.change_here(about, name),
            self._peers.ask(Question(about, name)),
            return_exceptions=True,
        )
        if isinstance(here, BaseException):
            raise here
        if isinstance(answers, BaseException):
            raise answers
        # Who gave no answer is being replaced, and begins with what is at the sources.
        failed = [
            f"worker {number}: {answer.error}"
            for number, answer in answers.items()
            if answer is not None and answer.error
        ]
        if failed:
            raise BackendError(f"not all workers could {about} {name}: {'; '.join(failed)}")
