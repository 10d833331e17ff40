"""What goes to a server and what comes back.

Reads:   texts and options; the bytes of an answer
Gives:   the bytes of a request; predictions, or the error that a refusal stands for
Never:   takes an answer for another text's
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from sentire.errors import (
    EmptyText,
    NotText,
    RequestRefused,
    SentireError,
    ServiceFailed,
    TextError,
)
from sentire.text.values import kind_of, plain
from sentire.types import Answer, Prediction, PredictOptions, RowError, Unscored

PATH = "/predict"
_CHARACTERS = 200_000
"""Of the texts in one request; far below the bytes that a server takes by default."""


class Chunk(NamedTuple):
    """Values that are asked for in one request."""

    values: list[object]
    """What the caller gave, each made plain."""
    texts: list[str]
    """What is sent: those that are texts, in order."""


class _Answers(msgspec.Struct):
    predictions: list[msgspec.Raw]


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""


_ANSWERS = msgspec.json.Decoder(_Answers)
_PREDICTION = msgspec.json.Decoder(Prediction)
_UNSCORED = msgspec.json.Decoder(Unscored)
_PROBLEM = msgspec.json.Decoder(_Problem)


class _ChunkBuilder:
    """Collects values until a request is full."""

    def __init__(self, n_texts: int) -> None:
        self._n_texts = n_texts
        self._taken: list[object] = []
        self._n_characters = 0

    def add(self, value: object) -> Chunk | None:
        """Take a value; gives the chunk before it where it would be one too many."""
        value = plain(value)
        size = len(value) if isinstance(value, str) else 0
        is_full = len(self._taken) == self._n_texts or self._n_characters + size > _CHARACTERS
        full = self.rest() if is_full else None
        self._taken.append(value)
        self._n_characters += size
        return full

    def rest(self) -> Chunk | None:
        """Give what has been taken."""
        taken, self._taken, self._n_characters = self._taken, [], 0
        return chunk_of(taken) if taken else None


def chunks(values: Iterable[object], n_texts: int) -> Iterator[Chunk]:
    """Cut values into pieces that are bounded in number and in characters."""
    builder = _ChunkBuilder(n_texts)
    for value in values:
        if (full := builder.add(value)) is not None:
            yield full
    if (rest := builder.rest()) is not None:
        yield rest


async def chunks_async(
    values: Iterable[object] | AsyncIterable[object], n_texts: int
) -> AsyncIterator[Chunk]:
    """Cut values in the same way; what is no asynchronous iterable is read as it is."""
    if not isinstance(values, AsyncIterable):
        for chunk in chunks(values, n_texts):
            yield chunk
        return
    builder = _ChunkBuilder(n_texts)
    async for value in values:
        if (full := builder.add(value)) is not None:
            yield full
    if (rest := builder.rest()) is not None:
        yield rest


def chunk_of(values: Sequence[object]) -> Chunk:
    """Make values ready to be sent."""
    return Chunk(list(values), [value for value in values if isinstance(value, str)])


def halves(chunk: Chunk) -> tuple[Chunk, Chunk]:
    """Cut a chunk that was too large for a server."""
    middle = len(chunk.values) // 2
    return chunk_of(chunk.values[:middle]), chunk_of(chunk.values[middle:])


def encode(chunk: Chunk, options: PredictOptions, *, model: str | None) -> bytes:
    """Write a request; what is left at its default is left out, so that older servers take it.

    Parameters
    ----------
    chunk : Chunk
    options : PredictOptions
        A head that is asked for is a field of its name.
    model : str or None
        ``NAME`` or ``NAME@VERSION``; None is the server's default.
    """
    request: dict[str, object] = {"texts": chunk.texts, **dict.fromkeys(options.heads, True)}
    if options.sentences:
        request["sentences"] = True
    if options.on_long != "window":
        request["on_long"] = options.on_long
    if model is not None:
        request["model"] = model
    return msgspec.json.encode(request)


def decode(body: bytes, chunk: Chunk, *, url: str) -> list[Answer]:
    """Read the answers of a request and put each in the place of its value.

    Parameters
    ----------
    body : bytes
    chunk : Chunk
        What was asked for.
    url : str
        Who answered, for messages.

    Raises
    ------
    ServiceFailed
        They are not the answers to these texts.
    """
    try:
        records = [_record(raw) for raw in _ANSWERS.decode(body).predictions]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ServiceFailed(url, "answered with something else than predictions") from None
    if [record.text for record in records] != chunk.texts:
        raise ServiceFailed(url, "answered for other texts than those that it was asked for")
    return _placed(chunk, records)


def unsent(chunk: Chunk) -> list[Answer]:
    """Answer for values none of which is a text."""
    return _placed(chunk, [])


def _placed(chunk: Chunk, records: Iterable[Answer]) -> list[Answer]:
    scored = iter(records)
    return [next(scored) if isinstance(v, str) else _not_text(v) for v in chunk.values]


def _record(raw: msgspec.Raw) -> Answer:
    try:
        return _PREDICTION.decode(raw)
    except msgspec.ValidationError:
        return _UNSCORED.decode(raw)


def refusal(status: int, body: bytes, *, url: str) -> SentireError:
    """Find the error that a status outside of 2xx stands for.

    Parameters
    ----------
    status : int
    body : bytes
    url : str
        Who answered, for messages.
    """
    problem = _problem(body)
    if status >= 500 or not problem.detail:
        reason = f"failed with status {status}. {problem.detail}".rstrip()
        return ServiceFailed(url, reason)
    return RequestRefused(status, problem.code, problem.detail)


def reason_of(body: bytes) -> str:
    """What a refusal says, or nothing where it is none of ours."""
    return _problem(body).detail


def _problem(body: bytes) -> _Problem:
    try:
        return _PROBLEM.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Problem()


def error_of(unscored: Unscored) -> TextError:
    """Make the error to raise for the record of a text that could not be scored.

    Its ``code`` is the record's.
    """
    if unscored.error.code == EmptyText.code:
        return EmptyText()
    error = TextError(unscored.error.message)
    error.code = unscored.error.code
    return error


def too_large(chunk: Chunk, refused: RequestRefused) -> list[Answer]:
    """Answer for a single text that no request can carry."""
    [text] = chunk.texts
    return [Unscored(text=text, error=RowError("text_too_large", refused.detail))]


def _not_text(value: object) -> Unscored:
    error = NotText(kind_of(value))
    return Unscored(text="", error=RowError(error.code, str(error)))
