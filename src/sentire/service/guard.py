"""The outermost ring around every request: headers, the access log, and what nobody caught.

Reads:   what the application sends
Gives:   the same with security headers; one log line; a problem where the application broke
Never:   logs a text, a query, or the message of an unexpected error, which may quote a text
"""

import logging
import time
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentire.service import problems

ACCESS = logging.getLogger("sentire.access")
_LOG = logging.getLogger("sentire.service")

# An answer that is no page may load nothing and be shown in nothing; pages bring their own policy.
_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


class Guard:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    access_log : bool
        Whether to write a line for each request.
    """

    def __init__(self, app: ASGIApp, *, access_log: bool) -> None:
        self._app = app
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in _HEADERS if header[0] not in present),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except ClientDisconnect:
            status = 499  # as nginx writes it: nobody is left to answer
        except Exception as error:
            log_failure(error)
            if status == 0:
                await problems.response(problems.of_error(error))(scope, receive, send_guarded)
        finally:
            if self._access_log:
                # A path that does not exist is not written: it may hold anything.
                path = "-" if status == 404 else scope["path"]
                spent_ms = (time.perf_counter() - began) * 1000
                ACCESS.info("%s %s %d %.1f ms", scope["method"], path, status, spent_ms)


def log_failure(error: Exception) -> None:
    """Log where an error that nobody expected came from, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    trail = " < ".join(f"{f.filename}:{f.lineno} {f.name}" for f in reversed(frames))
    _LOG.error("a request failed with %s at %s", type(error).__name__, trail)
