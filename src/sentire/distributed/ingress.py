"""What stands between Ray's proxy and the application.

Reads:   requests as Ray hands them on
Gives:   the application as it is without Ray: at the root, with one ``X-Request-ID``
Never:   looks into a body, save that of ``/metrics``
"""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Gather = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Makes the page of all replicas for an ``Accept`` header; gives the page and its media type."""


class Ingress:
    """ASGI application.

    Parameters
    ----------
    app : ASGI application
    gather : function
        Makes the page at ``/metrics``, once the application has let the caller have its own.
    """

    def __init__(self, app: ASGIApp, *, gather: Gather) -> None:
        self._app = app
        self._gather = gather

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request, or the beginning and end of a replica."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _at_the_root(scope)
        is_page = scope["path"] == "/metrics" and scope["method"] in {"GET", "HEAD"}
        page: tuple[bytes, str] | None = None

        async def send_on(message: Message) -> None:
            nonlocal page
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                del headers["x-request-id"]  # Ray's proxy adds the same one
                if is_page and message["status"] == 200:
                    page = await self._gather(Headers(scope=scope).get("accept", ""))
                    headers["content-length"] = str(len(page[0]))
                    headers["content-type"] = page[1]
                message = {**message, "headers": headers.raw}
            elif page is not None:
                message = {**message, "body": page[0]}
            await send(message)

        await self._app(scope, receive, send_on)


def _at_the_root(scope: Scope) -> Scope:
    """Take the application's ``route_prefix`` away, which Ray leaves in the path."""
    prefix, path = scope.get("root_path", ""), scope["path"]
    if not prefix or not (path + "/").startswith(prefix + "/"):
        return scope
    inner = path[len(prefix) :] or "/"
    return {**scope, "path": inner, "raw_path": inner.encode(), "root_path": ""}
