"""What Ray's proxy says in its own name, said as this service says it.

Ray takes it where the variable ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`` of its machines is
``sentire.distributed.proxy_errors:middlewares``.

Reads:   plain refusals of the proxy; requests that it gave no answer to, because a replica was lost
Gives:   the same as a problem, or in the dialect of the path, with the time to come back
Never:   touches what a replica answered, or Ray's own pages
"""

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentire.protocols import dialects
from sentire.web.problems import ProblemError

_RAY = "/-/"
"""Where Ray's own pages are."""
_LATER = {"Retry-After": "1"}

_LOST = ProblemError(
    503,
    "replica_lost",
    "The replica that had the request ended before it answered. Send it again.",
    _LATER,
)
_PROXY_ERRORS = {
    404: ProblemError(404, "not_found", "No application is at this path."),
    408: ProblemError(503, "timed_out", "Ray's proxy got no answer within its request_timeout_s."),
    429: ProblemError(
        429, "overloaded", "Too many requests wait for a replica already. Come back later.", _LATER
    ),
    500: _LOST,
    503: ProblemError(503, "not_ready", "There is no replica that takes requests now.", _LATER),
}


def middlewares() -> list[Middleware]:
    """What Ray puts around its proxy."""
    return [Middleware(ProxyErrors)]


class ProxyErrors:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
        Ray's proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http" or scope["path"].startswith(_RAY):
            await self._app(scope, receive, send)
            return
        refused: ProblemError | None = _LOST  # until the proxy says something
        request_id = ""

        async def send_on(message: Message) -> None:
            nonlocal refused, request_id
            if message["type"] == "http.response.start":
                headers = Headers(raw=list(message["headers"]))
                request_id = headers.get("x-request-id", "")
                # A replica refuses in JSON only.
                is_ray = headers.get("content-type", "").startswith("text/plain")
                refused = _PROXY_ERRORS.get(message["status"]) if is_ray else None
            if refused is None:
                await send(message)

        await self._app(scope, receive, send_on)
        if refused is not None:
            answer = dialects.refuse(refused, scope["path"])
            if request_id:
                answer.headers["X-Request-ID"] = request_id
            await answer(scope, receive, send)
