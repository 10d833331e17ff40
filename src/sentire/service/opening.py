"""Open what the settings name: models, the cache of their answers, the file of keys."""

from functools import partial
from pathlib import Path

from sentire.config import Cache, Settings
from sentire.inference.analyzer import Analyzer
from sentire.inference.cache import AnswerCache
from sentire.inference.load import load
from sentire.inference.scheduler import Scheduling
from sentire.inference.shared import SharedStore
from sentire.service.keys import Keys
from sentire.service.models import Models
from sentire.service.shared import SharedModels
from sentire.service.sources import ModelSource
from sentire.workers.member import Member


def open_models(settings: Settings, member: Member | None = None) -> Models:
    """Load all models of a server; the caller closes them.

    Parameters
    ----------
    settings : Settings
    member : Member, optional
        This worker, where several serve the same models.

    Raises
    ------
    SentireError
        One of them can't be loaded.
    """
    sources = [ModelSource.of(settings.model), *map(ModelSource.of, settings.models)]
    make = Models if member is None else partial(SharedModels, member=member)
    return make(
        sources,
        open_model=partial(open_model, settings=settings),
        cache=open_cache(settings.cache),
        downloads=None if settings.downloads is None else Path(settings.downloads),
    )


def open_cache(settings: Cache) -> AnswerCache | None:
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
        store = SharedStore(
            settings.url,
            timeout_s=settings.timeout_s,
            retry_s=settings.retry_s,
            keep_s=settings.keep_s,
        )
    if store is None and settings.bytes == 0:
        return None
    return AnswerCache(max_bytes=settings.bytes, store=store)


def open_model(path: Path, *, settings: Settings) -> Analyzer:
    """Load the bundle in a folder: verify its digests, test it on its golden sentences, warm it."""
    analyzer = load(
        path,
        engine=settings.engine,
        threads=settings.threads,
        scheduling=Scheduling(max_waiting=settings.limits.queue),
    )
    try:
        analyzer.warm()
    except BaseException:
        analyzer.close()
        raise
    return analyzer


def open_keys(settings: Settings) -> Keys | None:
    """Read the file of keys; None where the settings name none.

    Raises
    ------
    OptionError
        It is no file of keys.
    """
    named = settings.keys.file
    return None if named is None else Keys(Path(named), rate=settings.keys.rate)
