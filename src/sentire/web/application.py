"""The application that every server here is: problems, headers, keys, docs, OpenAPI.

Reads:   the settings of the kit; who is told of requests, and how refusals are written
Gives:   an application without a route of its own but ``/docs``
Never:   knows what it serves, or loads anything from another host
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sentire.errors import SentireError
from sentire.request_context import RequestObserver
from sentire.web import docs, problems
from sentire.web.access_log import AccessLogMiddleware, Refuse, log_failure
from sentire.web.auth import AuthMiddleware
from sentire.web.body import BodyReader
from sentire.web.cors import cross_origin
from sentire.web.deadline import DeadlineMiddleware
from sentire.web.direct import DirectRoutes, Endpoint
from sentire.web.keys import Keys
from sentire.web.route_match import RouteMatch
from sentire.web.settings import Limits, ServerSettings

# FastAPI's own telemetry writes paths and messages of exceptions, which may quote a text.
_OURS_ALONE: Any = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)


class ApplicationOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What sets one application apart from another."""

    title: str
    description: str
    tags: Sequence[Mapping[str, str]] = ()
    """``name`` and ``description`` of each part of the OpenAPI document, in the page's order."""
    schemas: Mapping[str, Any] = {}
    """Name -> JSON Schema of the records whose bodies FastAPI does not see."""
    open_paths: frozenset[str] = frozenset()
    """Those that need no key."""
    admin_prefix: str | None = None
    """Paths that begin with it need the key of an administrator."""
    refuse: Refuse = lambda error, _path: problems.response(error)
    """Writes a refusal as the clients of a path read it."""


class Application(FastAPI):
    """FastAPI with our problem documents, and with msgspec's schemas in its OpenAPI document.

    Parameters
    ----------
    options : ApplicationOptions
    server : ServerSettings
    limits : Limits
    keys : Keys or None
        None lets everybody in.
    observers : sequence of RequestObserver
        Told of each request.
    lifespan : function
        Makes the context in which it serves.

    Attributes
    ----------
    direct : path -> endpoint
        What is answered at ``POST`` without FastAPI's routing.
    bodies : BodyReader
        Reads the bodies of all its requests.
    """

    def __init__(
        self,
        options: ApplicationOptions,
        *,
        server: ServerSettings,
        limits: Limits,
        keys: Keys | None,
        observers: Sequence[RequestObserver],
        lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
    ) -> None:
        super().__init__(
            title=options.title,
            description=options.description,
            version=version("sentire"),
            docs_url=None,  # FastAPI's own page loads its script from another host
            redoc_url=None,
            openapi_tags=[dict(tag) for tag in options.tags],
            lifespan=lifespan,
            telemetry=_OURS_ALONE,
        )
        self._options, self._asks_for_keys = options, keys is not None
        self.bodies = BodyReader(limits)
        self.direct: dict[str, Endpoint] = {}
        # Ours stand outside of FastAPI's own, which thereby see no error of ours.
        routed = RouteMatch(super().__call__, self.routes)
        app: ASGIApp = DeadlineMiddleware(DirectRoutes(routed, self.direct))
        if keys is not None:
            app = AuthMiddleware(
                app,
                keys=keys,
                open_paths=options.open_paths,
                admin_prefix=options.admin_prefix,
            )
        self._outermost: ASGIApp = AccessLogMiddleware(
            app, observers=observers, access_log=server.access_log, refuse=options.refuse
        )
        if server.cors_origins:
            self._outermost = cross_origin(self._outermost, server.cors_origins)
        self.add_exception_handler(SentireError, self._refuse)
        self.add_exception_handler(problems.ProblemError, self._refuse)
        self.add_exception_handler(HTTPException, self._refuse)
        self.router.routes.extend(docs.docs_routes(options.title))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request, or the beginning and end of the server."""
        if scope["type"] == "http":
            await self._outermost(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document.setdefault("components", {}).setdefault("schemas", {}).update(
                self._options.schemas
            )
            self.openapi_schema = docs.completed(
                document,
                asks_for_keys=self._asks_for_keys,
                open_paths=self._options.open_paths,
            )
        assert self.openapi_schema is not None  # noqa: S101 - set by super().openapi()
        return self.openapi_schema

    def _refuse(self, request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            refused = problems.of_framework(request, error)
        else:
            refused = problems.of_error(error)
            if refused.status == 500:
                log_failure(error)
        return self._options.refuse(refused, request.scope["path"])
