"""The busiest paths, answered without the framework's routing.

FastAPI's routing, exit stacks and error handlers cost about 0.2 ms a request, as much as all
of ours together; at these paths they have nothing to do. FastAPI knows the same endpoints, for the
OpenAPI document and for every other method.

Reads:   method and path
Gives:   the answer of an endpoint, or the request to the framework
Never:   handles an error: ``access_log.py`` does, for both ways
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class _Route(NamedTuple):
    path: str


class DirectRoutes:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    posts : path -> endpoint
        For ``POST``; may be filled in later.
    """

    def __init__(self, app: ASGIApp, posts: Mapping[str, Endpoint]) -> None:
        self._app = app
        self._posts = posts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        path = scope["path"]
        endpoint = self._posts.get(path) if scope["method"] == "POST" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = _Route(path)
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)
