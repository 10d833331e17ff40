"""Answers that were given before, and answers that are being computed at this moment.

Reads:   texts and what is asked of them; the answers that a caller computes
Gives:   the answers that are known, and which texts are the caller's to compute, each once
Never:   keeps an error, or a text: what is kept is an answer without its text, under a hash
"""

import asyncio
import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from sentire.inference.lru import LruCache
from sentire.types import Answer, ModelInfo, Prediction, PredictOptions

_Flight = asyncio.Future[Answer | None]
"""Becomes the answer; None where whoever computed it got none."""

_KEY_BYTES = 20
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
    options : PredictOptions
    """

    def __init__(
        self, info: ModelInfo, *, fingerprint: str, engine: str, options: PredictOptions
    ) -> None:
        parts = (version("sentire"), info, fingerprint, engine, options)
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


class _Entry:
    """A text on its way to an answer."""

    __slots__ = ("answer", "flight", "key", "text")

    def __init__(self, text: object, key: bytes | None) -> None:
        self.text, self.key = text, key
        self.answer: Answer | None = None
        self.flight: _Flight | None = None


class Lookup:
    """The texts of one request on their way to their answers, in :class:`AnswerCache`.

    Parameters
    ----------
    scope : Scope
    texts : sequence of object

    Attributes
    ----------
    n_cached : int
        Texts whose answer was known.
    """

    def __init__(self, scope: Scope, texts: Sequence[object]) -> None:
        self.n_cached = 0
        self.entries = [_Entry(text, scope.key(text)) for text in texts]
        self.unanswered = self.entries
        self.claimed: list[_Entry] = []
        """What this request computes, and others may wait for."""
        self.joined: list[tuple[_Entry, _Flight]] = []
        """What another computes at this moment."""

    @property
    def answers(self) -> list[Answer]:
        """As many as texts and in their order, once all are answered."""
        return [each.answer for each in self.entries if each.answer is not None]

    def take(self, entry: _Entry, value: bytes) -> None:
        """Answer a text with what was kept of an equal one."""
        entry.answer = replace(_DECODER.decode(value), text=entry.text)
        self.n_cached += 1


class AnswerCache:
    """Answers by key; used from one event loop.

    A request goes round :meth:`claim`, :meth:`missing`, :meth:`put` and :meth:`join` until nothing
    is left to claim, and ends with :meth:`release`. Each distinct text is computed by one request;
    where that one is cancelled or fails, one of those that wait computes it itself: what can't be
    scored for its own sake has an answer that says so, and an error may be the other request's, or
    that of a batch which was shared with strangers.

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

    def claim(self, lookup: Lookup) -> bool:
        """Answer what is in memory, join what others compute, and claim the rest.

        Returns
        -------
        bool
            Whether something was joined or claimed.
        """
        for each in lookup.unanswered:
            if each.key is None:
                lookup.claimed.append(each)
            elif (value := self._memory.get(each.key)) is not None:
                lookup.take(each, value)
                self._memory_hits += 1
            elif (flight := self._flights.get(each.key)) is not None:
                lookup.joined.append((each, flight))
            else:
                each.flight = asyncio.get_running_loop().create_future()
                lookup.claimed.append(each)  # first, so that whatever happens it is released
                self._flights[each.key] = each.flight
        return bool(lookup.claimed or lookup.joined)

    async def missing(self, lookup: Lookup) -> list[object]:
        """Texts that were claimed and are in no store: the caller computes them."""
        if self._store is not None:
            await self._ask(self._store, lookup)
        self._missed += len(lookup.claimed)
        return [each.text for each in lookup.claimed]

    def put(self, lookup: Lookup, computed: Sequence[Answer]) -> None:
        """Answer what was missing, and keep the predictions.

        Parameters
        ----------
        lookup : Lookup
        computed : sequence of Answer
            As many as were missing, in their order.
        """
        items = []
        for each, answer in list(zip(lookup.claimed, computed, strict=True)):
            each.answer = answer
            if each.key is not None and isinstance(answer, Prediction):
                items.append((each.key, _ENCODER.encode(replace(answer, text=""))))
        for key, value in items:
            self._memory.put(key, value)
        if self._store is not None and items:
            self._store.put_many(items)
        self._resolve(lookup.claimed)
        lookup.claimed = []

    async def join(self, lookup: Lookup) -> None:
        """Wait for what others compute. What they could not is left to be claimed again."""
        for each, flight in lookup.joined:
            # Shielded: one who waits may leave, the flight is not theirs to cancel.
            each.answer = await asyncio.shield(flight)
            self._joined += each.answer is not None
        lookup.unanswered = [each for each, _ in lookup.joined if each.answer is None]
        lookup.joined = []

    def release(self, lookup: Lookup) -> None:
        """Give up what was claimed and not answered, so that those who wait compute it."""
        for each in lookup.claimed:
            each.answer = None
        self._resolve(lookup.claimed)

    async def close(self) -> None:
        """Give connections back."""
        if self._store is not None:
            await self._store.close()

    async def _ask(self, store: Store, lookup: Lookup) -> None:
        asked = [(each, each.key) for each in lookup.claimed if each.key is not None]
        values = await store.get_many([key for _, key in asked])
        found = []
        for (each, key), value in zip(asked, values, strict=True):
            if value is None:
                continue
            try:
                lookup.take(each, value)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # whatever another program put there is no answer
            self._memory.put(key, value)
            self._shared_hits += 1
            found.append(each)
        self._resolve(found)
        lookup.claimed = [each for each in lookup.claimed if each.answer is None]

    def _resolve(self, entries: Sequence[_Entry]) -> None:
        """Tell who waits the answer, or (None) that they must compute it."""
        for each in entries:
            if each.key is not None and each.flight is not None:
                self._flights.pop(each.key, None)
                each.flight.set_result(each.answer)
                each.flight = None
