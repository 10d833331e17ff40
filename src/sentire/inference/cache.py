"""Answers that were given before, and answers that are being computed at this moment.

Reads:   texts, what is asked of them, and a function that scores texts
Gives:   an answer for each, each distinct text computed once
Never:   keeps an error, or a text: what is kept is an answer without its text, under a hash
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from sentire.inference.analyzer import Asked
from sentire.request_context import TIMING
from sentire.types import Answer, ModelInfo, Prediction

Compute = Callable[[list[object]], Awaitable[list[Answer]]]

_Flight = asyncio.Future[Answer | None]
"""Becomes the answer; None where whoever computed it got none."""

_KEY_BYTES = 20
_ENTRY_BYTES = 250
"""What an entry takes beside its value: the key, two objects, and its place in the dictionary."""
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Prediction)


class Store(Protocol):
    """A cache that several processes share. It may be away, which is the same as empty."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values of ``keys``, None where there is none. Never raises."""

    def put_many(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep values, some time later. Never raises."""

    async def close(self) -> None:
        """Give the connections back."""


class Scope:
    """Everything but the text that an answer depends on.

    Parameters
    ----------
    info : ModelInfo
        Its digest names the weights, the labels, the temperatures and the text path.
    fingerprint : str
        Of the text path that runs.
    engine : str
        Engines differ in rounding.
    asked : Asked
    """

    def __init__(self, info: ModelInfo, *, fingerprint: str, engine: str, asked: Asked) -> None:
        parts = (version("sentire"), info, fingerprint, engine, asked)
        self._hash = hashlib.blake2b(_ENCODER.encode(parts), digest_size=_KEY_BYTES)

    def key(self, text: object) -> bytes | None:
        """Key of a text's answer; None for what is no text that can be hashed."""
        if not isinstance(text, str):
            return None
        try:
            data = text.encode()
        except UnicodeEncodeError:  # half a surrogate pair
            return None
        own = self._hash.copy()
        own.update(data)
        return own.digest()


class Counts(NamedTuple):
    """Texts so far, by where their answer came from."""

    memory: int
    shared: int
    joined: int
    """Equal to one that was being computed."""
    missed: int


class LruCache:
    """Values by key, bounded in bytes; the one that was not wanted for longest goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._values: OrderedDict[bytes, bytes] = OrderedDict()
        self.n_bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, or None."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value, and drop what no longer fits."""
        old = self._values.pop(key, None)
        if old is not None:
            self.n_bytes -= len(old) + _ENTRY_BYTES
        self._values[key] = value
        self.n_bytes += len(value) + _ENTRY_BYTES
        while self.n_bytes > self._max_bytes:
            _, dropped = self._values.popitem(last=False)
            self.n_bytes -= len(dropped) + _ENTRY_BYTES


class AnswerCache:
    """Answers by key; used from one event loop.

    Parameters
    ----------
    max_bytes : int
        Of this process's memory; 0 keeps nothing.
    store : Store, optional
        Asked for what is not in memory.
    """

    def __init__(self, *, max_bytes: int, store: Store | None = None) -> None:
        self._memory = LruCache(max_bytes)
        self._store = store
        self._flights: dict[bytes, _Flight] = {}
        self._memory_hits = self._shared_hits = self._joined = self._missed = 0

    @property
    def counts(self) -> Counts:
        """Where the answers so far came from."""
        return Counts(self._memory_hits, self._shared_hits, self._joined, self._missed)

    @property
    def n_bytes(self) -> int:
        """Bytes of memory that answers take."""
        return self._memory.n_bytes

    async def answers(
        self, scope: Scope, texts: Sequence[object], compute: Compute
    ) -> list[Answer]:
        """Answer texts: n in, n out, in order.

        A text that another request computes at this moment is waited for. Where that request is
        cancelled, or fails, this one computes it itself: what can't be scored for its own sake has
        an answer that says so, and an error may be the other request's, or that of a batch which
        was shared with strangers.

        Parameters
        ----------
        scope : Scope
        texts : sequence of object
        compute : function
            Gives as many answers as it gets texts, in their order.

        Raises
        ------
        Exception
            What ``compute`` raised for this request.
        """
        wanted = [_Wanted(text, scope.key(text)) for text in texts]
        left: list[_Wanted] = wanted
        while left:
            joined: list[tuple[_Wanted, _Flight]] = []
            mine: list[_Wanted] = []
            try:
                self._look(left, joined, mine)
                if mine:
                    await self._fly(mine, compute)
            except BaseException:
                for each in mine:
                    each.answer = None
                raise
            finally:
                self._land(mine)
            for each, flight in joined:
                # Shielded: one who waits may leave, the flight is not theirs to cancel.
                each.answer = await asyncio.shield(flight)
                self._joined += each.answer is not None
            left = [each for each, _ in joined if each.answer is None]
        timing = TIMING.get()
        if timing is not None:
            timing.n_cached = sum(each.cached for each in wanted)
        return [each.answer for each in wanted if each.answer is not None]

    async def close(self) -> None:
        """Give connections back."""
        if self._store is not None:
            await self._store.close()

    def _look(
        self,
        wanted: Sequence["_Wanted"],
        joined: list[tuple["_Wanted", "_Flight"]],
        mine: list["_Wanted"],
    ) -> None:
        """Answer what is in memory; tell what others compute already, and what is ours to do."""
        for each in wanted:
            if each.key is None:
                mine.append(each)
            elif (value := self._memory.get(each.key)) is not None:
                each.answer, each.cached = _with_text(value, each.text), True
                self._memory_hits += 1
            elif (flight := self._flights.get(each.key)) is not None:
                joined.append((each, flight))
            else:
                each.flight = asyncio.get_running_loop().create_future()
                mine.append(each)  # first, so that whatever happens it lands
                self._flights[each.key] = each.flight

    async def _fly(self, mine: list["_Wanted"], compute: Compute) -> None:
        """Answer what is ours: from the store, and the rest by computing it."""
        if self._store is not None:
            await self._ask(self._store, [each for each in mine if each.key is not None])
        missed = [each for each in mine if each.answer is None]
        if missed:
            self._missed += len(missed)
            computed = await compute([each.text for each in missed])
            for each, answer in zip(missed, computed, strict=True):
                each.answer = answer
            self._keep(missed)

    def _land(self, mine: Sequence["_Wanted"]) -> None:
        """Tell who waits the answer, or (None) that they must compute it."""
        for each in mine:
            if each.key is not None and each.flight is not None:
                self._flights.pop(each.key, None)
                each.flight.set_result(each.answer)

    async def _ask(self, store: Store, wanted: list["_Wanted"]) -> None:
        values = await store.get_many([each.key for each in wanted if each.key is not None])
        for each, value in zip(wanted, values, strict=True):
            if value is None or each.key is None:
                continue
            try:
                each.answer, each.cached = _with_text(value, each.text), True
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # whatever another program put there is no answer
            self._memory.put(each.key, value)
            self._shared_hits += 1

    def _keep(self, computed: Sequence["_Wanted"]) -> None:
        items = [
            (each.key, _ENCODER.encode(replace(each.answer, text="")))
            for each in computed
            if each.key is not None and isinstance(each.answer, Prediction)
        ]
        for key, value in items:
            self._memory.put(key, value)
        if self._store is not None and items:
            self._store.put_many(items)


class _Wanted:
    """A text on its way to an answer."""

    __slots__ = ("answer", "cached", "flight", "key", "text")

    def __init__(self, text: object, key: bytes | None) -> None:
        self.text, self.key = text, key
        self.answer: Answer | None = None
        self.cached = False
        self.flight: _Flight | None = None


def _with_text(value: bytes, text: object) -> Prediction:
    return replace(_DECODER.decode(value), text=text)
