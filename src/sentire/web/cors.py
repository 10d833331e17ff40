"""Pages of other sites: which may read our answers (CORS).

Reads:   ``Origin``, and the preflight requests of browsers
Gives:   the headers by which a browser lets a page of an allowed origin read answers and refusals
Never:   allows a site that the settings do not name
"""

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_READABLE = (
    "Inference-Header-Content-Length",
    "Retry-After",
    "Server-Timing",
    "X-Compute-Characters",
    "X-Compute-Tokens",
    "X-Request-ID",
    "X-Sentire-Model",
    "X-Sentire-Warnings",
)


def cross_origin(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Put the rules around an application.

    Browsers ask beforehand (preflight) without a key, so it stands outside of what asks for one.
    Cookies and log-ins of the browser are never used: a page sends a key of its own.

    Parameters
    ----------
    app : ASGI application
    origins : collection of str
        Allowed ones; ``*`` is every site.
    """
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_READABLE,
    )


def allows(origins: Collection[str], origin: str | None) -> bool:
    """Whether pages of an origin may call.

    Parameters
    ----------
    origins : collection of str
        Allowed ones.
    origin : str, optional
        The header ``Origin`` of a request.
    """
    return "*" in origins or origin in origins
