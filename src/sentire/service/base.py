"""What the model service and the gateway have in common: problems, headers, docs, OpenAPI.

Reads:   settings
Gives:   an application without a route of its own
Never:   loads anything from another host; the page at ``/docs`` is made here
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sentire.config import Settings
from sentire.errors import SentireError
from sentire.service import dialects, docs, problems
from sentire.service.access import Access
from sentire.service.direct import Direct
from sentire.service.guard import Guard, log_failure
from sentire.service.metrics import Metrics
from sentire.service.opening import open_keys
from sentire.service.patience import Patience
from sentire.service.peers import Peers
from sentire.service.routes import Endpoint
from sentire.service.serving import ServedModels
from sentire.service.tracing import Tracing
from sentire.service.watcher import Watcher
from sentire.service.wire import native, refusing
from sentire.service.workers import answering

# FastAPI's own telemetry writes paths and messages of exceptions, which may quote a text.
_OURS_ALONE: Any = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)


class BaseApp(FastAPI):
    """FastAPI with our problem documents, and with msgspec's schemas in its OpenAPI document.

    Attributes
    ----------
    direct : path -> endpoint
        What is answered at ``POST`` without FastAPI's routing.
    """

    def __init__(
        self,
        models: ServedModels,
        settings: Settings,
        *,
        title: str,
        description: str,
        peers: Peers | None = None,
    ) -> None:
        keys = open_keys(settings)
        # Each model on a thread of its own: one whose registry hangs keeps no other waiting.
        follow = [slot.follow for slot in models.slots] or [models.follow]
        follow += [keys.follow] if keys else []
        self._peers = peers
        self._metrics = Metrics(models, peers)
        tracing = Tracing() if settings.server.tracing else None

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                stack.enter_context(Watcher(*follow, every_s=settings.reload_s))
                if peers is not None:
                    answer = answering(models, self._metrics)
                    await stack.enter_async_context(peers.answering(answer))
                yield
            await models.end()
            if tracing is not None:
                await asyncio.to_thread(tracing.close)

        super().__init__(
            title=title,
            description=description,
            version=version("sentire"),
            docs_url=None,  # FastAPI's own page loads its script from another host
            redoc_url=None,
            lifespan=lifespan,
            telemetry=_OURS_ALONE,
        )
        self.direct: dict[str, Endpoint] = {}
        # Ours stand outside of FastAPI's own, which thereby see no error of ours.
        app: ASGIApp = Patience(Direct(super().__call__, self.direct))
        if keys is not None:
            app = Access(app, keys=keys)
        self._front = Guard(
            app,
            metrics=self._metrics,
            access_log=settings.server.access_log,
            tracing=tracing,
        )
        self.add_exception_handler(SentireError, _refuse)
        self.add_exception_handler(problems.Refused, _refuse)
        self.add_exception_handler(HTTPException, _refuse_routing)
        self.add_route("/docs", self._docs, include_in_schema=False)
        self.add_route("/metrics", self._figures, include_in_schema=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request, or the beginning and end of the server."""
        if scope["type"] == "http":
            await self._front(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    @property
    def metrics(self) -> Metrics:
        """What this process counts."""
        return self._metrics

    def openapi(self) -> dict[str, Any]:
        """OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document.setdefault("components", {}).setdefault("schemas", {}).update(
                native.schemas() | dialects.schemas()
            )
        assert self.openapi_schema is not None  # noqa: S101 - set by super().openapi()
        return self.openapi_schema

    async def _docs(self, request: Request) -> Response:
        base_url = str(request.base_url).rstrip("/")
        page = docs.render(self.openapi(), base_url=base_url)
        return Response(page, headers=docs.HEADERS, media_type="text/html")

    async def _figures(self, request: Request) -> Response:
        others = await self._peers.states() if self._peers else []
        page, media_type = self._metrics.page(request.headers.get("accept", ""), others)
        return Response(page, headers={"Content-Type": media_type})


def _refuse(request: Request, error: Exception) -> Response:
    refused = problems.of_error(error)
    if refused.status == 500:
        log_failure(error)
    return refusing.response(refused, request.scope["path"])


def _refuse_routing(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _refuse(request, error)
    return refusing.response(problems.of_framework(request, error), request.scope["path"])
