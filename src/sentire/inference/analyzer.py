"""Texts in, predictions out: the one class that users meet.

Reads:   texts, one by one or any iterable of them
Gives:   a prediction for each, in order; a text that can't be scored keeps its place
Never:   reads ahead of its caller further than a few blocks
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Self

from sentire.backends.base import Logits
from sentire.bundle.store import Bundle
from sentire.errors import Closed, TextError, UnsupportedRequest
from sentire.inference.postprocess import predict
from sentire.inference.scheduler import Scheduler
from sentire.types import Document, ModelInfo, OnLong, Prediction, RowError, Unscored

_BLOCK = 128
"""Texts that go through the text path in one call."""
_BLOCK_CHARACTERS = 100_000
_BLOCKS_AHEAD = 6
"""Blocks in flight: enough for similar lengths to meet, few enough to stay small."""


class Asked(NamedTuple):
    """What a prediction should hold."""

    sentences: bool = False
    emotion: bool = False
    on_long: OnLong = "window"


class _Running(NamedTuple):
    document: Document
    logits: Future[Logits]


_Pending = _Running | Unscored


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
        self._text_workers = ThreadPoolExecutor(1, thread_name_prefix="sentire-text")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ready(self) -> bool:
        """Whether a text that comes now would be answered."""
        return self._scheduler.ready

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
        """
        asked = self._checked(Asked(sentences, emotion, on_long))
        [document] = self._text_path.prepare(
            [_writable(text)], sentences=sentences, on_long=on_long
        )
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
    ) -> Iterator[Prediction | Unscored]:
        """Score any iterable: n in, n out, in order, in constant memory.

        A text that can't be scored gives an :class:`~sentire.types.Unscored` in its place.
        Parameters are those of :meth:`analyze`.
        """
        asked = self._checked(Asked(sentences, emotion, on_long))
        return self._stream(texts, asked)

    async def analyze_async(
        self,
        texts: Sequence[object],
        *,
        sentences: bool = False,
        emotion: bool = False,
        on_long: OnLong = "window",
    ) -> list[Prediction | Unscored]:
        """Score the texts of one request without blocking the event loop.

        Requests that wait at the same time run together. When the caller is cancelled, what has
        not run yet never will.

        Raises
        ------
        Overloaded
            The queue is full; nothing of this request was kept.
        """
        asked = self._checked(Asked(sentences, emotion, on_long))
        loop = asyncio.get_running_loop()
        try:
            preparing = loop.run_in_executor(self._text_workers, self._prepare, texts, asked)
        except RuntimeError:  # the executor's word for having been shut down
            raise Closed("the analyzer was closed") from None
        pending = self._start(await preparing, wait=False)
        running = [p.logits for p in pending if isinstance(p, _Running)]
        try:
            await asyncio.gather(*map(asyncio.wrap_future, running))
        except BaseException:
            for future in running:
                future.cancel()
            raise
        return [self._finish(p, asked) for p in pending]

    def close(self) -> None:
        """Answer what is under way, then give the memory back."""
        self._scheduler.close()
        self._text_workers.shutdown()

    def _checked(self, asked: Asked) -> Asked:
        if asked.emotion and "emotion" not in self.manifest.heads:
            raise UnsupportedRequest(
                f"model {self.info.name}@{self.info.version} has no emotion output; "
                f"it has {', '.join(self.manifest.heads)}"
            )
        return asked

    def _stream(self, texts: Iterable[object], asked: Asked) -> Iterator[Prediction | Unscored]:
        in_flight: deque[list[_Pending]] = deque()
        for block in _blocks(texts):
            in_flight.append(self._start(self._prepare(block, asked), wait=True))
            while len(in_flight) > _BLOCKS_AHEAD:
                yield from (self._finish(p, asked) for p in in_flight.popleft())
        while in_flight:
            yield from (self._finish(p, asked) for p in in_flight.popleft())

    def _prepare(self, texts: Sequence[object], asked: Asked) -> list[Document | Unscored]:
        texts = [_writable(text) for text in texts]
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

    def _start(self, documents: Sequence[Document | Unscored], *, wait: bool) -> list[_Pending]:
        """Queue what can be scored, all or none, and keep every text's place."""
        ready = [d for d in documents if isinstance(d, Document)]
        futures = iter(self._scheduler.submit([d.all_windows() for d in ready], wait=wait))
        return [_Running(d, next(futures)) if isinstance(d, Document) else d for d in documents]

    def _finish(self, pending: _Pending, asked: Asked) -> Prediction | Unscored:
        if isinstance(pending, Unscored):
            return pending
        return self._predict(pending.document, pending.logits.result(), asked)

    def _predict(self, document: Document, logits: Logits, asked: Asked) -> Prediction:
        return predict(
            document,
            logits,
            self.manifest.heads,
            info=self.info,
            sentences=asked.sentences,
            emotion=asked.emotion,
        )


def _blocks(texts: Iterable[object]) -> Iterator[list[object]]:
    """Blocks of texts, bounded in number and in characters."""
    source = iter(texts)
    while block := list(itertools.islice(_bounded(source), _BLOCK)):
        yield block


def _writable(text: object) -> object:
    """Replace lone surrogates, which no UTF-8 file can hold; a pair becomes its character."""
    if not isinstance(text, str):
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _bounded(source: Iterator[object]) -> Iterator[object]:
    n_characters = 0
    for text in source:
        yield text
        n_characters += len(text) if isinstance(text, str) else 0
        if n_characters >= _BLOCK_CHARACTERS:
            return
