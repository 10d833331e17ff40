"""One replica: models in a process that Ray starts, watches and stops.

Reads:   options; what Ray asks of a replica again and again
Gives:   the application over the models; the truth about their health; waits; an end in good order
Never:   loads or unloads a model in one replica alone
"""

import asyncio
import math
import os
from contextlib import suppress
from typing import Any, NoReturn

from starlette.types import ASGIApp

from sentire.distributed.autoscaler import WAIT_MS
from sentire.distributed.ingress import Ingress
from sentire.distributed.metrics_pages import merge_pages
from sentire.distributed.options import DeploymentOptions, settings_for
from sentire.distributed.queue_wait import QueueWait
from sentire.errors import Closed, UnsupportedRequest
from sentire.optional import import_extra
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.factory import open_models
from sentire.serving.models import Models
from sentire.telemetry.logs import start_log

METRICS_ACTOR = "pages"
"""Name of the actor that holds the figures of all replicas."""
PUBLISH_S = 5.0
"""Seconds between two pages that a replica hands to it."""
_GATHER_S = 2.0
"""How long a scrape waits for it; then the page is this replica's own."""

_PURPOSE = "serving on a Ray cluster"


class Replica:
    """Ray Serve makes one in each of its processes and calls what is public here.

    Parameters
    ----------
    options : DeploymentOptions

    Raises
    ------
    OptionError
        A setting is not allowed.
    SentireError
        A model can't be loaded.
    """

    _publishing: asyncio.Task[None] | None = None
    """None where it could not start: Ray ends it nevertheless."""

    def __init__(self, options: DeploymentOptions) -> None:
        self._ray = import_extra("ray", extra="ray", purpose=_PURPOSE)
        self._serve = import_extra("ray.serve", extra="ray", purpose=_PURPOSE)
        given = self._ray.get_runtime_context().get_assigned_resources()
        cpus = max(1, math.floor(given.get("CPU", options.cpus)))
        settings = settings_for(options, os.environ, cpus=cpus)
        start_log(settings.server.log, logger="sentire")  # the rest is Ray's
        self._name = self._serve.get_replica_context().replica_tag
        self._models = _open(settings)
        self._app = create_app(self._models, settings)
        self._waits = QueueWait(self._app)
        self._publishing = asyncio.get_running_loop().create_task(self._publish())

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Make what Ray hands requests to."""
        return Ingress(self._waits, gather=self._gather)

    async def check_health(self) -> None:
        """Say whether texts would be answered; Ray replaces a replica that says no three times."""
        check_ready(self._models)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Report what the number of replicas depends on, beside the requests that Ray counts."""
        return {WAIT_MS: self._waits.take_ms()}

    async def __del__(self) -> None:
        """End: Ray calls this when no request is under way any more."""
        if self._publishing is None:
            return
        self._publishing.cancel()
        with suppress(Exception):
            await asyncio.wait_for(self._pages().drop.remote(self._name), _GATHER_S)
        await asyncio.to_thread(self._models.close)

    async def _publish(self) -> None:
        """Hand this replica's figures to the actor, again and again."""
        while True:
            with suppress(Exception):  # it is being started anew
                await self._pages().put.remote(self._name, self._page())
            await asyncio.sleep(PUBLISH_S)

    async def _gather(self, accept: str) -> tuple[bytes, str]:
        try:
            async with asyncio.timeout(_GATHER_S):
                pages = await self._pages().exchange.remote(self._name, self._page())
        except Exception:  # whatever happened there, the caller gets what there is here
            pages = {self._name: self._page()}
        return merge_pages(pages, accept)

    def _page(self) -> bytes:
        return self._app.metrics.page("")[0]

    def _pages(self) -> Any:
        return self._serve.get_deployment_actor(METRICS_ACTOR)


def check_ready(models: Models) -> None:
    """Make sure that texts would be answered.

    Raises
    ------
    Closed
        A model's worker ended, and it was not loaded again.
    """
    if not models.ready:
        failed = [
            f"{model.name} {model.version}: {model.reason}"
            for model in models.listed()
            if model.state != "ready"
        ]
        raise Closed(f"a model is not ready: {'; '.join(failed)}")


class _ReplicaModels(Models):
    """Models that only their sources change, so that all replicas have the same."""

    async def load(self, name: str) -> NoReturn:
        """Refuse.

        Raises
        ------
        UnsupportedRequest
        """
        raise UnsupportedRequest(_why_not("loaded", name))

    async def unload(self, name: str) -> NoReturn:
        """Refuse.

        Raises
        ------
        UnsupportedRequest
        """
        raise UnsupportedRequest(_why_not("unloaded", name))


def _why_not(done: str, name: str) -> str:
    return (
        f"model {name} is not {done} by request here: only one of several replicas would do it. "
        "Move the alias that it is served from, or deploy the application with other models."
    )


def _open(settings: Settings) -> _ReplicaModels:
    return open_models(settings, max_waiting=settings.limits.queue, make=_ReplicaModels)
