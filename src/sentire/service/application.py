"""The application over some models, put together: what the model service and the gateway share.

Reads:   models, settings, this worker among others
Gives:   an application with metrics, traces, keys, and all dialects' refusals; without routes
Never:   decides what is served
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sentire.protocols import dialects
from sentire.protocols.tags import OPERATIONS, TAGS
from sentire.service.settings import Settings
from sentire.service.shared_models import following
from sentire.serving.metrics import ModelMetrics
from sentire.serving.served import ServedModels
from sentire.serving.states import ProcessState
from sentire.serving.watcher import Watcher
from sentire.telemetry.metrics import Metrics
from sentire.telemetry.traces import Tracing
from sentire.web.application import Application, ApplicationOptions
from sentire.web.keys import open_keys
from sentire.workers.member import Member


class ModelApplication(Application):
    """An application over models.

    Parameters
    ----------
    models : ServedModels
        The caller closes them.
    settings : Settings
    title, description : str
        For the OpenAPI document.
    member : Member, optional
        This worker, where several serve together.

    Attributes
    ----------
    metrics : Metrics
        What this process counts.
    """

    def __init__(
        self,
        models: ServedModels,
        settings: Settings,
        *,
        title: str,
        description: str,
        member: Member | None = None,
    ) -> None:
        keys = open_keys(settings.keys)
        tracing = Tracing() if settings.server.tracing else None
        self.metrics = Metrics(None if member is None else member.folder)
        figures = ModelMetrics(self.metrics, models)
        number, n_workers = (1, 1) if member is None else (member.number, member.n_workers)
        figures.show(lambda: _states(member), worker=number, n_workers=n_workers)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                # Each model on a thread of its own: one whose registry hangs keeps none waiting.
                follow = [slot.follow for slot in models.slots] or [models.follow]
                follow += [keys.follow] if keys else []
                stack.enter_context(Watcher(*follow, every_s=settings.reload_s))
                if member is not None:
                    await stack.enter_async_context(
                        following(member, models, lambda: figures.state(number))
                    )
                yield
            await models.end()
            if tracing is not None:
                await asyncio.to_thread(tracing.close)

        super().__init__(
            ApplicationOptions(
                title=title,
                description=description,
                tags=TAGS,
                schemas=dialects.schemas(),
                open_paths=dialects.OPEN_PATHS,
                admin_prefix=dialects.ADMIN_PREFIX,
                refuse=dialects.refuse,
            ),
            server=settings.server,
            limits=settings.limits,
            keys=keys,
            observers=[self.metrics, *([tracing] if tracing else [])],
            lifespan=lifespan,
        )
        self.add_api_route(
            "/metrics",
            self._page,
            operation_id="metrics",
            summary="Figures for Prometheus",
            tags=[OPERATIONS],
            response_class=PlainTextResponse,
        )

    async def _page(self, request: Request) -> Response:
        page, media_type = self.metrics.page(request.headers.get("accept", ""))
        return Response(page, headers={"Content-Type": media_type})


def _states(member: Member | None) -> list[ProcessState]:
    """What the other workers say of themselves."""
    others = [] if member is None else member.others(fresh=True).values()
    return [msgspec.json.decode(other.status.figures, type=ProcessState) for other in others]
