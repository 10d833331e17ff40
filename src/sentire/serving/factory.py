"""Open what the settings name: models, and the cache of their answers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from sentire.inference.analyzer import Analyzer
from sentire.inference.cache import AnswerCache
from sentire.inference.load import load
from sentire.inference.redis_store import RedisStore
from sentire.inference.scheduler import Scheduling
from sentire.serving.models import Models
from sentire.serving.settings import CacheSettings, ModelSettings
from sentire.serving.sources import ModelSource

M = TypeVar("M", bound=Models)


def open_models(
    settings: ModelSettings,
    *,
    max_waiting: int = Scheduling().max_waiting,
    make: Callable[..., M] = Models,  # type: ignore[assignment]
) -> M:
    """Load all models of a server; the caller closes them.

    Parameters
    ----------
    settings : ModelSettings
    max_waiting : int
        Pieces of text that may wait for a model.
    make : function
        :class:`~sentire.serving.models.Models`, or what takes the same arguments.

    Raises
    ------
    SentireError
        One of them can't be loaded.
    """
    return make(
        [ModelSource.of(settings.model), *map(ModelSource.of, settings.models)],
        open_model=partial(open_model, settings=settings, max_waiting=max_waiting),
        cache=open_cache(settings.cache),
        downloads=None if settings.downloads is None else Path(settings.downloads),
    )


def open_cache(settings: CacheSettings) -> AnswerCache | None:
    """Make the cache of answers; None where the settings leave nothing of it.

    Raises
    ------
    OptionError
        The URL of the shared cache is none.
    MissingExtra
        Its client is not installed.
    """
    store = None
    if settings.url is not None:
        store = RedisStore(
            settings.url,
            timeout_s=settings.timeout_s,
            retry_s=settings.retry_s,
            keep_s=settings.keep_s,
        )
    if store is None and settings.bytes == 0:
        return None
    return AnswerCache(max_bytes=settings.bytes, store=store)


def open_model(
    path: Path, *, settings: ModelSettings, max_waiting: int = Scheduling().max_waiting
) -> Analyzer:
    """Load the bundle in a folder: verify its digests, test it on its golden sentences, warm it.

    Parameters
    ----------
    path : Path
    settings : ModelSettings
    max_waiting : int
        Pieces of text that may wait for it.
    """
    analyzer = load(
        path,
        engine=settings.engine,
        threads=settings.threads,
        scheduling=Scheduling(max_waiting=max_waiting),
    )
    try:
        analyzer.warm()
    except BaseException:
        analyzer.close()
        raise
    return analyzer
