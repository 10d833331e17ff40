"""Texts in, predictions out: the one class that users meet.

Reads:   texts, one by one or any iterable of them
Gives:   a prediction for each, in order; a text that can't be scored keeps its place
Never:   reads ahead of its caller further than a few blocks
"""

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Self, TypeVar

import numpy as np

from sentire.backends.base import Logits
from sentire.bundle.store import Bundle
from sentire.errors import TextError, UnsupportedRequest
from sentire.inference.batching import padded_width
from sentire.inference.completion import wait_all
from sentire.inference.executor import TextExecutor
from sentire.inference.observers import Observer
from sentire.inference.postprocess import Array as Vector
from sentire.inference.postprocess import embed, predict
from sentire.inference.scheduler import LogitsFuture, Scheduler
from sentire.request_context import CLIENT, TIMING, Client
from sentire.text.values import plain, texts_in
from sentire.types import (
    Answer,
    Document,
    ModelInfo,
    OnLong,
    Prediction,
    RowError,
    Unscored,
    Window,
)

_BLOCK = 128
"""Texts that go through the text path in one call."""
_BLOCK_CHARACTERS = 100_000
_BLOCKS_AHEAD = 6
"""Blocks in flight: enough for similar lengths to meet, few enough to stay small."""
_FEW = 4
_FEW_CHARACTERS = 256
"""What takes less than about 0.2 ms on the event loop; handing it to a thread and back takes 0.1 ms
of it as well, and a lone request waits for both."""


class Asked(NamedTuple):
    """What a prediction should hold."""

    sentences: bool = False
    emotion: bool = False
    on_long: OnLong = "window"


class _Running(NamedTuple):
    document: Document
    logits: LogitsFuture


_Pending = _Running | Unscored
T = TypeVar("T")


class Analyzer:
    """A loaded model. Safe to share between threads; close it, or use it in ``with``.

    Attributes
    ----------
    info : ModelInfo
    engine : str
    """

    def __init__(self, bundle: Bundle, scheduler: Scheduler, *, engine: str) -> None:
        self.info: ModelInfo = bundle.info
        self.engine = engine
        self.manifest = bundle.manifest
        self._text_path = bundle.text_path
        self._scheduler = scheduler
        self._executor = TextExecutor()
        self._preparing: Counter[Client] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ready(self) -> bool:
        """Whether a text that comes now would be answered."""
        return self._scheduler.ready

    @property
    def n_waiting(self) -> int:
        """Pieces of text in the queue."""
        return self._scheduler.n_waiting

    def analyze(
        self,
        text: str,
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
    ) -> Prediction:
        """Score one text.

        Parameters
        ----------
        text : str
            Chinese, English or both.
        sentences : bool
            Also score each sentence, and tell whether they disagree (``mixed``).
        emotion : bool
            Also tell the emotion, where the model has that head.
        on_long : "window", "truncate" or "error"
            What to do with a text longer than the model reads at once.

        Raises
        ------
        TextError
            The text is empty, no string, or too long with ``on_long="error"``.
        UnsupportedRequest
            The model has no emotion head.
        Closed
            The analyzer was closed, its worker ended, or this process was forked from the one that
            loaded it.
        """
        asked = self._checked(Asked(sentences, emotion, on_long))
        [document] = self._text_path.prepare([plain(text)], sentences=sentences, on_long=on_long)
        if isinstance(document, TextError):
            raise document
        [logits] = self._scheduler.submit([document.all_windows()], wait=True)
        return self._predict(document, logits.result(), asked)

    def analyze_many(
        self,
        texts: Iterable[object],
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
    ) -> Iterator[Answer]:
        """Score any iterable: n in, n out, in order, in constant memory.

        A text that can't be scored gives an :class:`~sentire.types.Unscored` in its place.

        Parameters
        ----------
        texts : iterable of object
            A list, an iterator, or a column of pandas, polars, Arrow or NumPy. Missing values
            keep their place, with an error.
        sentences, emotion, on_long : as in :meth:`analyze`

        Raises
        ------
        NotTexts
            A ``TypeError``: ``texts`` is one text, a mapping or a data frame.
        UnsupportedRequest
            The model has no emotion head.
        """
        asked = self._checked(Asked(sentences, emotion, on_long))
        return self._stream(texts_in(texts, call="analyze_many"), asked, self._predict)

    def embed_many(self, texts: Iterable[object]) -> Iterator[Vector | Unscored]:
        """Tell what texts are about: near vectors mean similar topics, whatever the sentiment.

        Parameters
        ----------
        texts : iterable of object
            As in :meth:`analyze_many`.

        Returns
        -------
        iterator of float32 arrays of shape (n_dimensions,) and unit length, in order, with an
        :class:`~sentire.types.Unscored` in the place of a text that can't be read

        Raises
        ------
        NotTexts
            A ``TypeError``: ``texts`` is one text, a mapping or a data frame.
        UnsupportedRequest
            The model has no embedding.
        """
        self._scheduler.check_process()
        described = self.manifest.embedding
        if described is None:
            raise UnsupportedRequest(
                f"model {self.info.name}@{self.info.version} has no embedding output"
            )
        output = described.output
        return self._stream(
            texts_in(texts, call="embed_many"),
            Asked(),
            lambda document, logits, _: embed(document, logits[output]),
        )

    async def analyze_async(
        self,
        texts: Iterable[object],
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
    ) -> list[Answer]:
        """Score the texts of one request without blocking the event loop.

        Requests that wait at the same time run together; those of different clients, as
        :data:`~sentire.request_context.CLIENT` tells them, by turns. When the caller is
        cancelled, what has not run yet never will.

        Parameters
        ----------
        texts : iterable of object
            As in :meth:`analyze_many`; all are read at once.
        sentences, emotion, on_long : as in :meth:`analyze`

        Raises
        ------
        NotTexts
            A ``TypeError``: ``texts`` is one text, a mapping or a data frame.
        Overloaded
            The queue is full; nothing of this request was kept.
        """
        asked = self._checked(Asked(sentences, emotion, on_long))
        texts = list(texts_in(texts, call="analyze_async"))
        client = CLIENT.get()
        # Refused before it costs anything; what is being prepared will wait, too.
        self._scheduler.check_admission(len(texts), client=client, coming=self._preparing)
        self._preparing[client] += len(texts)
        timing, began = TIMING.get(), time.perf_counter()
        try:
            documents = await self._prepare_async(texts, asked, client)
        finally:
            self._preparing[client] -= len(texts)
            if not self._preparing[client]:
                del self._preparing[client]
        text_s = time.perf_counter() - began
        pending = self._start(documents, wait=False, client=client)
        running = [p.logits for p in pending if isinstance(p, _Running)]
        await wait_all(running)
        if timing is not None:
            timing.text_s = text_s
            timing.queue_s = max((each.queue_s for each in running), default=0.0)
            timing.model_s = max((each.model_s for each in running), default=0.0)
        if len(pending) <= _FEW:
            return _finish_all(pending, asked, self._predict)
        return await self._executor.run(_finish_all, pending, asked, self._predict, client=client)

    def observe(self, observer: Observer) -> None:
        """Tell ``observer``, too, of every run of the model from now on."""
        self._scheduler.observers.add(observer)

    def warm(self) -> None:
        """Run texts of different lengths, so that no caller pays for an engine's first of each."""
        longest = self._text_path.settings.max_length
        for length in sorted({padded_width(n) for n in range(1, longest + 1)}):
            window = Window(np.full(length, self._text_path.pad_id, np.int32), length)
            self._scheduler.submit([[window]], wait=True)[0].result()

    def close(self) -> None:
        """Answer what is under way, then give the memory back.

        In a process forked from the one that loaded the model, it does nothing.
        """
        try:
            self._scheduler.close()
        finally:
            self._executor.close()

    def _checked(self, asked: Asked) -> Asked:
        self._scheduler.check_process()
        if asked.emotion and "emotion" not in self.manifest.heads:
            raise UnsupportedRequest(
                f"model {self.info.name}@{self.info.version} has no emotion output; "
                f"it has {', '.join(self.manifest.heads)}"
            )
        return asked

    def _stream(
        self, texts: Iterable[object], asked: Asked, finish: Callable[[Document, Logits, Asked], T]
    ) -> Iterator[T | Unscored]:
        in_flight: deque[list[_Pending]] = deque()
        for block in _blocks(texts):
            in_flight.append(self._start(self._prepare(block, asked), wait=True))
            while len(in_flight) > _BLOCKS_AHEAD:
                yield from self._finished(in_flight.popleft(), asked, finish)
        while in_flight:
            yield from self._finished(in_flight.popleft(), asked, finish)

    def _finished(
        self,
        block: Iterable[_Pending],
        asked: Asked,
        finish: Callable[[Document, Logits, Asked], T],
    ) -> Iterator[T | Unscored]:
        for pending in block:
            self._scheduler.check_process()  # the caller may have forked between two answers
            yield _finish(pending, asked, finish)

    async def _prepare_async(
        self, texts: Sequence[object], asked: Asked, client: Client
    ) -> list[Document | Unscored]:
        """Prepare texts on the thread for them; what is done sooner than handed over, at once."""
        if _is_small(texts):
            return self._prepare(texts, asked)
        documents: list[Document | Unscored] = []
        for block in _blocks(texts):
            documents += await self._executor.run(self._prepare, block, asked, client=client)
        return documents

    def _prepare(self, texts: Sequence[object], asked: Asked) -> list[Document | Unscored]:
        documents = self._text_path.prepare(texts, sentences=asked.sentences, on_long=asked.on_long)
        return [
            Unscored(
                text=text if isinstance(text, str) else "",
                error=RowError(document.code, str(document)),
            )
            if isinstance(document, TextError)
            else document
            for text, document in zip(texts, documents, strict=True)
        ]

    def _start(
        self, documents: Sequence[Document | Unscored], *, wait: bool, client: Client = None
    ) -> list[_Pending]:
        """Queue what can be scored, all or none, and keep every text's place."""
        texts = [d.all_windows() for d in documents if isinstance(d, Document)]
        futures = iter(self._scheduler.submit(texts, wait=wait, client=client))
        return [_Running(d, next(futures)) if isinstance(d, Document) else d for d in documents]

    def _predict(self, document: Document, logits: Logits, asked: Asked) -> Prediction:
        return predict(
            document,
            logits,
            self.manifest.heads,
            info=self.info,
            sentences=asked.sentences,
            emotion=asked.emotion,
        )


def _finish(
    pending: _Pending, asked: Asked, finish: Callable[[Document, Logits, Asked], T]
) -> T | Unscored:
    if isinstance(pending, Unscored):
        return pending
    return finish(pending.document, pending.logits.result(), asked)


def _finish_all(
    pending: Iterable[_Pending], asked: Asked, finish: Callable[[Document, Logits, Asked], T]
) -> list[T | Unscored]:
    return [_finish(p, asked, finish) for p in pending]


def _is_small(texts: Sequence[object]) -> bool:
    return (
        len(texts) <= _FEW
        and sum(len(text) for text in texts if isinstance(text, str)) <= _FEW_CHARACTERS
    )


def _blocks(texts: Iterable[object]) -> Iterator[list[object]]:
    """Blocks of texts, bounded in number and in characters."""
    source = iter(texts)
    while block := list(itertools.islice(_bounded(source), _BLOCK)):
        yield block


def _bounded(source: Iterator[object]) -> Iterator[object]:
    n_characters = 0
    for text in source:
        yield text
        n_characters += len(text) if isinstance(text, str) else 0
        if n_characters >= _BLOCK_CHARACTERS:
            return
