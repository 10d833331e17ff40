"""One loaded version of a model, which knows when nobody uses it any more.

Reads:   requests for predictions, from the event loop
Gives:   predictions; an end that waits for them
Never:   closes its model while a request runs on it
"""

import threading
from collections.abc import Sequence

from sentire.bundle.manifest import Manifest
from sentire.inference.analyzer import Analyzer
from sentire.inference.cache import AnswerCache, Lookup, Scope
from sentire.inference.observers import Observers
from sentire.memory import malloc_trim
from sentire.request_context import TIMING
from sentire.types import Answer, ModelInfo, PredictOptions


class Version:
    """A loaded model and the requests that run on it.

    Parameters
    ----------
    analyzer : Analyzer
        Closed by :meth:`retire`.
    cache : AnswerCache, optional
        Asked before the model is.
    observers : Observers, optional
        Told of runs and answers.

    Attributes
    ----------
    info : ModelInfo
    manifest : Manifest
    """

    def __init__(
        self,
        analyzer: Analyzer,
        cache: AnswerCache | None = None,
        *,
        observers: Observers | None = None,
    ) -> None:
        self.info: ModelInfo = analyzer.info
        self.manifest: Manifest = analyzer.manifest
        self._analyzer = analyzer
        self._cache = cache
        self._observers = Observers() if observers is None else observers
        analyzer.observe(self._observers)
        self._scopes: dict[PredictOptions, Scope] = {}
        self._changed = threading.Condition()
        self._n_running = 0
        self._retired = False

    @property
    def ready(self) -> bool:
        """Whether a text that comes now would be answered."""
        return not self._retired and self._analyzer.ready

    @property
    def n_waiting(self) -> int:
        """Pieces of text in the model's queue."""
        return self._analyzer.n_waiting

    @property
    def engine(self) -> str:
        """What runs the model."""
        return self._analyzer.engine

    def enter(self) -> bool:
        """Begin a request; False where the version was retired. Then :meth:`leave` must follow."""
        with self._changed:
            if self._retired:
                return False
            self._n_running += 1
            return True

    def leave(self) -> None:
        """End a request."""
        with self._changed:
            self._n_running -= 1
            if self._retired:
                self._changed.notify_all()

    async def predict(self, texts: Sequence[object], options: PredictOptions) -> list[Answer]:
        """Score texts, between :meth:`enter` and :meth:`leave`."""
        if self._cache is None or not texts:
            answers = await self._analyzer.predict(texts, options)
        else:
            answers = await self._cached(self._cache, texts, options)
        self._observers.answered(answers)
        return answers

    async def _cached(
        self, cache: AnswerCache, texts: Sequence[object], options: PredictOptions
    ) -> list[Answer]:
        """Score what neither the cache knows nor another request computes."""
        scope = self._scopes.get(options)
        if scope is None:
            scope = self._scopes[options] = Scope(
                self.info,
                fingerprint=self.manifest.fingerprint,
                engine=self.engine,
                options=options,
            )
        lookup = Lookup(scope, texts)
        try:
            while cache.claim(lookup):
                if missing := await cache.missing(lookup):
                    cache.put(lookup, await self._analyzer.predict(missing, options))
                await cache.join(lookup)
        finally:
            cache.release(lookup)
        timing = TIMING.get()
        if timing is not None:
            timing.n_cached = lookup.n_cached
        return lookup.answers

    def retire(self) -> None:
        """Take no more requests, wait for those that run, and give the memory back."""
        with self._changed:
            if self._retired:
                return
            self._retired = True
            self._changed.wait_for(lambda: self._n_running == 0)
        self._analyzer.close()
        malloc_trim()
