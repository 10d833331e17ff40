"""How the workers of one server ask each other: a line of JSON there, a line of JSON back.

Each worker listens on a socket in a folder that only this user may enter.

Reads:   questions of other workers and of the supervisor
Gives:   their answers; None of a worker that is away or does not answer in time
Never:   carries a text
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Self

import msgspec

from sentire.errors import OptionError
from sentire.service.states import State

_STATES_S = 2.0
"""How long a scrape waits for a worker; one that is busy for longer is left out."""


class Question(msgspec.Struct, frozen=True):
    """What a worker is asked."""

    about: Literal["state", "load", "unload"]
    model: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What it says."""

    state: State | None = None
    error: str = ""
    """Why it could not do it; empty where it did."""


Answering = Callable[[Question], Awaitable[Answer]]


class Line:
    """A connection to a worker, for one question after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, folder: Path, number: int) -> Self:
        """Connect to a worker.

        Raises
        ------
        OSError
            It is not there.
        """
        return cls(*await asyncio.open_unix_connection(_path(folder, number)))

    async def ask(self, question: Question, *, within_s: float | None) -> Answer | None:
        """Ask; None where no answer came in time. A line that gave None is of no use any more."""
        try:
            async with asyncio.timeout(within_s):
                self._writer.write(msgspec.json.encode(question) + b"\n")
                await self._writer.drain()
                line = await self._reader.readuntil()
        except (OSError, EOFError, TimeoutError):
            return None
        return msgspec.json.decode(line, type=Answer)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class Peers:
    """One worker among others.

    Parameters
    ----------
    folder : Path
        Holds the sockets, and the counts that all workers share.
    number : int
        Of this worker, from 1.
    n_workers : int

    Attributes
    ----------
    folder, number, n_workers
    """

    def __init__(self, folder: Path, *, number: int, n_workers: int) -> None:
        self.folder = folder
        self.number = number
        self.n_workers = n_workers

    @asynccontextmanager
    async def answering(self, answer: Answering) -> AsyncIterator[None]:
        """Answer the others meanwhile.

        Raises
        ------
        OptionError
            The folder's path is too long for a socket.
        """

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while line := await reader.readline():
                    question = msgspec.json.decode(line, type=Question)
                    writer.write(msgspec.json.encode(await answer(question)) + b"\n")
                    await writer.drain()
            except ConnectionError:
                return  # who asked has left
            finally:
                writer.close()

        path = _path(self.folder, self.number)
        try:
            server = await asyncio.start_unix_server(serve, path)
        except OSError as error:
            raise OptionError(
                f"workers can't use the folder for temporary files: {path}: {error}. "
                "Name another in the variable TMPDIR, with a short path."
            ) from None
        try:
            yield
        finally:
            server.close()

    async def ask(
        self, question: Question, *, within_s: float | None = None
    ) -> dict[int, Answer | None]:
        """Ask all other workers at once; gives each one's answer under its number."""
        others = [number for number in range(1, self.n_workers + 1) if number != self.number]
        answers = await asyncio.gather(*(self._ask(each, question, within_s) for each in others))
        return dict(zip(others, answers, strict=True))

    async def states(self) -> list[State]:
        """How the other workers fare, those that answer."""
        answers = await self.ask(Question("state"), within_s=_STATES_S)
        return [answer.state for answer in answers.values() if answer and answer.state]

    async def _ask(self, number: int, question: Question, within_s: float | None) -> Answer | None:
        try:
            line = await Line.to(self.folder, number)
        except OSError:
            return None
        try:
            return await line.ask(question, within_s=within_s)
        finally:
            line.close()


def _path(folder: Path, number: int) -> str:
    return str(folder / f"{number}.sock")
