"""Texts in, predictions out: the one class that users meet.

Reads:   texts, one by one or any iterable of them
Gives:   a prediction for each, in order; a text that can't be scored keeps its place
Never:   reads ahead of its caller further than a few blocks
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Self, TypeVar

import numpy as np

from sentire.backends.base import Logits
from sentire.bundle.store import Bundle
from sentire.errors import TextError, UnsupportedRequest
from sentire.inference import postprocess
from sentire.inference.batching import padded_width
from sentire.inference.completion import wait_all
from sentire.inference.executor import TextExecutor
from sentire.inference.observers import Observer
from sentire.inference.preparation import FEW, Preparation, blocks
from sentire.inference.scheduler import LogitsFuture, Scheduler
from sentire.request_context import CLIENT, TIMING, Client
from sentire.text.values import plain, texts_in
from sentire.types import (
    Answer,
    Document,
    ModelInfo,
    OnLong,
    Prediction,
    PredictOptions,
    Unscored,
    Window,
)

_BLOCKS_AHEAD = 6
"""Blocks in flight: enough for similar lengths to meet, few enough to stay small."""


class _Running(NamedTuple):
    document: Document
    logits: LogitsFuture


T = TypeVar("T")
_Pending = _Running | Unscored
_Finish = Callable[[Document, Logits], T]
"""Makes the answer of a text."""


class Analyzer:
    """A loaded model. Safe to share between threads; close it, or use it in ``with``.

    Parameters
    ----------
    bundle : Bundle
    scheduler : Scheduler
        Runs the model of the bundle; closed by :meth:`close`.

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
        self._preparation = Preparation(bundle.text_path, self._executor)
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
            The analyzer is closed, its worker ended, or this process was forked since it was made.
        """
        options = PredictOptions.of(sentences=sentences, emotion=emotion, on_long=on_long)
        self._check(options)
        [document] = self._text_path.prepare([plain(text)], sentences=sentences, on_long=on_long)
        if isinstance(document, TextError):
            raise document
        [logits] = self._scheduler.submit([document.all_windows()], wait=True)
        return self._finish_with(options)(document, logits.result())

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
        options = PredictOptions.of(sentences=sentences, emotion=emotion, on_long=on_long)
        self._check(options)
        texts = texts_in(texts, call="analyze_many")
        return self._stream(texts, options, self._finish_with(options))

    def embed_many(self, texts: Iterable[object]) -> Iterator[postprocess.Array | Unscored]:
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
            PredictOptions(),
            lambda document, logits: postprocess.embed(document, logits[output]),
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
        options = PredictOptions.of(sentences=sentences, emotion=emotion, on_long=on_long)
        return await self.predict(list(texts_in(texts, call="analyze_async")), options)

    async def predict(self, texts: Sequence[object], options: PredictOptions) -> list[Answer]:
        """Score the texts of one request, as :meth:`analyze_async` does.

        Parameters
        ----------
        texts : sequence of object
        options : PredictOptions
            What is asked of all of them.

        Raises
        ------
        Overloaded
            The queue is full; nothing of this request was kept.
        UnsupportedRequest
            The model lacks a head.
        """
        self._check(options)
        client = CLIENT.get()
        # Refused before it costs anything; what is being prepared will wait, too.
        self._scheduler.check_admission(len(texts), client=client, coming=self._preparing)
        self._preparing[client] += len(texts)
        timing, began = TIMING.get(), time.perf_counter()
        try:
            documents = await self._preparation.prepare_async(texts, options, client=client)
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
        finish = self._finish_with(options)
        if len(pending) <= FEW:
            return _finish_all(pending, finish)
        return await self._executor.run(_finish_all, pending, finish, client=client)

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
        """Answer what is under way, then give the memory back; in a forked process do nothing."""
        try:
            self._scheduler.close()
        finally:
            self._executor.close()

    def _check(self, options: PredictOptions) -> None:
        self._scheduler.check_process()
        for head in options.heads:
            if head not in self.manifest.heads:
                raise UnsupportedRequest(
                    f"model {self.info.name}@{self.info.version} has no {head} output; "
                    f"it has {', '.join(self.manifest.heads)}"
                )

    def _finish_with(self, options: PredictOptions) -> _Finish[Prediction]:
        return partial(
            postprocess.predict, heads=self.manifest.heads, info=self.info, options=options
        )

    def _stream(
        self, texts: Iterable[object], options: PredictOptions, finish: _Finish[T]
    ) -> Iterator[T | Unscored]:
        in_flight: deque[list[_Pending]] = deque()
        for block in blocks(texts):
            in_flight.append(self._start(self._preparation.prepare(block, options), wait=True))
            while len(in_flight) > _BLOCKS_AHEAD:
                yield from self._finished(in_flight.popleft(), finish)
        while in_flight:
            yield from self._finished(in_flight.popleft(), finish)

    def _finished(self, block: Iterable[_Pending], finish: _Finish[T]) -> Iterator[T | Unscored]:
        for pending in block:
            self._scheduler.check_process()  # the caller may have forked between two answers
            yield _finish(pending, finish)

    def _start(
        self, documents: Sequence[Document | Unscored], *, wait: bool, client: Client = None
    ) -> list[_Pending]:
        """Queue what can be scored, all or none, and keep every text's place."""
        texts = [d.all_windows() for d in documents if isinstance(d, Document)]
        futures = iter(self._scheduler.submit(texts, wait=wait, client=client))
        return [_Running(d, next(futures)) if isinstance(d, Document) else d for d in documents]


def _finish(pending: _Pending, finish: _Finish[T]) -> T | Unscored:
    if isinstance(pending, Unscored):
        return pending
    return finish(pending.document, pending.logits.result())


def _finish_all(pending: Iterable[_Pending], finish: _Finish[T]) -> list[T | Unscored]:
    return [_finish(each, finish) for each in pending]
