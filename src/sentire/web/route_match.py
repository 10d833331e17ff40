"""What the framework's routing leaves open: ``HEAD``, and the template of every kind of route.

Reads:   a request on its way to the framework
Gives:   ``HEAD`` wherever there is ``GET``, which the server sends without its body;
         ``scope["route"]`` for plain routes and mounted files, too
Never:   touches the busiest paths; ``direct.py`` answers those before
"""

from collections.abc import Sequence

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send


class RouteMatch:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
        FastAPI, which takes ``HEAD`` at no path of its own and names only routes of its own.
    routes : sequence of BaseRoute
        All that it has; may grow later.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        # A copy: the server looks at the method again when it sends the answer.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await self._app(inner, receive, send)
        finally:
            route = inner.get("route") or self._route_of(inner.get("endpoint"))
            if route is not None:
                scope["route"] = route

    def _route_of(self, endpoint: object) -> BaseRoute | None:
        if endpoint is None:
            return None
        for route in self._routes:
            if endpoint in {getattr(route, "endpoint", None), getattr(route, "app", None)}:
                return route
        return None
