"""The outermost ring around every request: headers, the access log, and what nobody caught.

Reads:   what the application sends
Gives:   the same with security headers, the request's id and where its time went; one log line and
         one count; a problem where the application broke
Never:   logs a text, a path, a query, or the message of an unexpected error, which may quote a text
"""

import logging
import random
import re
import time
import traceback
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentire.request_context import TIMING, RequestObserver, RequestRecord, Timing
from sentire.web import problems
from sentire.web.auth import CALLER
from sentire.web.problems import ProblemError

ACCESS = logging.getLogger("sentire.access")
_LOG = logging.getLogger("sentire.service")

REQUEST_ID: ContextVar[str] = ContextVar("sentire_request_id", default="-")
"""What the request at hand is called, by its sender or by us."""

_ID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
Refuse = Callable[[ProblemError, str], Response]
"""Writes a refusal as the clients of a path read it."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

# An answer that is no page may load nothing and be shown in nothing; pages bring their own policy.
_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


class AccessLogMiddleware:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    observers : sequence of RequestObserver
        Told of each request.
    access_log : bool
        Whether to write a line for each request.
    refuse : function
        Writes a refusal as the clients of a path read it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        observers: Sequence[RequestObserver],
        access_log: bool,
        refuse: Refuse,
    ) -> None:
        self._app = app
        self._observers = observers
        self._access_log = access_log
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        timing = Timing()
        TIMING.set(timing)
        request_id = _id_of(scope)
        REQUEST_ID.set(request_id)
        ends = [end for each in self._observers if (end := each.begin(scope)) is not None]
        status, spent_s = 0, 0.0

        async def send_guarded(message: Message) -> None:
            nonlocal status, spent_s
            if message["type"] == "http.response.start":
                status, spent_s = message["status"], time.perf_counter() - began
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in _HEADERS if header[0] not in present),
                    (b"x-request-id", request_id.encode()),
                    (b"server-timing", _written(timing, spent_s)),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except ClientDisconnect:
            status = 499  # as nginx writes it: nobody is left to answer
        except Exception as error:
            refused = problems.of_error(error)
            if refused.status == 500:
                log_failure(error)
            if status == 0:
                await self._refuse(refused, scope["path"])(scope, receive, send_guarded)
        finally:
            spent_s = spent_s or time.perf_counter() - began
            # What was sent as path is written nowhere: it may hold a text, or whole lines of a log.
            route = getattr(scope.get("route"), "path", "-")
            method = scope["method"] if scope["method"] in _METHODS else "-"
            ended = RequestRecord(method, route, status, spent_s, request_id, timing)
            for end in reversed(ends):
                end(ended)
            if self._access_log:
                _log(method, route, status, spent_s, request_id)


def _log(method: str, route: str, status: int, spent_s: float, request_id: str) -> None:
    fields: dict[str, Any] = {
        "method": method,
        "route": route,
        "status": status,
        "ms": round(1000 * spent_s, 1),
        "request_id": request_id,
    }
    caller = CALLER.get()
    if caller is not None:
        fields["key"] = caller.name
    ACCESS.info("%s", " ".join(map(str, fields.values())), extra={"fields": fields})


def _id_of(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _ID.fullmatch(given) else f"{random.getrandbits(64):016x}"


def _written(timing: Timing, total_s: float) -> bytes:
    """Write ``Server-Timing``, in milliseconds."""
    parts = []
    if timing.n_cached:
        parts.append(f"cache;desc={timing.n_cached}")
    if timing.model_s:
        parts += [
            f"text;dur={1000 * timing.text_s:.2f}",
            f"queue;dur={1000 * timing.queue_s:.2f}",
            f"model;dur={1000 * timing.model_s:.2f}",
        ]
    return ", ".join([*parts, f"total;dur={1000 * total_s:.2f}"]).encode()


def log_failure(error: Exception) -> None:
    """Log where an error that nobody expected came from, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    trail = " < ".join(f"{f.filename}:{f.lineno} {f.name}" for f in reversed(frames))
    kind, request_id = type(error).__name__, REQUEST_ID.get()
    fields = {"error": kind, "at": trail, "request_id": request_id}
    _LOG.error("request %s failed with %s at %s", request_id, kind, trail, extra={"fields": fields})
