"""What the model service and the gateway have in common: problems, headers, docs, OpenAPI.

Reads:   settings
Gives:   an application without a route of its own
Never:   loads anything from another host
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sentire.config import Settings
from sentire.errors import SentireError
from sentire.service import dialects, docs, problems
from sentire.service.access import Access
from sentire.service.body import BodyReader
from sentire.service.cors import cross_origin
from sentire.service.direct import Direct
from sentire.service.guard import Guard, log_failure
from sentire.service.metrics import Metrics
from sentire.service.opening import open_keys
from sentire.service.patience import Patience
from sentire.service.routes import Endpoint
from sentire.service.routing import Routing
from sentire.service.serving import ServedModels
from sentire.service.shared import following
from sentire.service.tracing import Tracing
from sentire.service.watcher import Watcher
from sentire.service.wire import native, refusing
from sentire.workers.member import Member

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
    bodies : BodyReader
        Reads the bodies of all its requests.
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
        keys = open_keys(settings)
        follow = [models.follow, *([keys.follow] if keys else [])]
        self._asks_for_keys = keys is not None
        self.bodies = BodyReader(settings.limits)
        self._metrics = Metrics(models, member)
        tracing = Tracing() if settings.server.tracing else None

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                stack.enter_context(Watcher(*follow, every_s=settings.reload_s))
                if member is not None:
                    await stack.enter_async_context(following(member, models, self._metrics))
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
            openapi_tags=docs.TAGS,
            lifespan=lifespan,
            telemetry=_OURS_ALONE,
        )
        self.direct: dict[str, Endpoint] = {}
        # Ours stand outside of FastAPI's own, which thereby see no error of ours.
        app: ASGIApp = Patience(Direct(Routing(super().__call__, self.routes), self.direct))
        if keys is not None:
            app = Access(app, keys=keys)
        self._front: ASGIApp = Guard(
            app,
            metrics=self._metrics,
            access_log=settings.server.access_log,
            tracing=tracing,
        )
        if settings.server.cors_origins:
            self._front = cross_origin(self._front, settings.server.cors_origins)
        self.add_exception_handler(SentireError, _refuse)
        self.add_exception_handler(problems.Refused, _refuse)
        self.add_exception_handler(HTTPException, _refuse_routing)
        self.router.routes.extend(docs.docs_routes(title))
        self.add_api_route(
            "/metrics",
            self._figures,
            operation_id="metrics",
            summary="Figures for Prometheus",
            tags=[docs.OPERATIONS],
            response_class=PlainTextResponse,
        )

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
            self.openapi_schema = docs.completed(document, asks_for_keys=self._asks_for_keys)
        assert self.openapi_schema is not None  # noqa: S101 - set by super().openapi()
        return self.openapi_schema

    async def _figures(self, request: Request) -> Response:
        page, media_type = self._metrics.page(request.headers.get("accept", ""))
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
