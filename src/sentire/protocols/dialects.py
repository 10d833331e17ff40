"""The dialects that are spoken, in one list.

A new one is a folder with its wire and its routes, and a line in :data:`DIALECTS`.

Reads:   the dialects' own modules
Gives:   their routes, their schemas, and the shape of a refusal by the path of the request
Never:   looks at bodies; ``/predict`` has our own shape until its body shows another dialect
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.responses import Response

from sentire.protocols.context import Context
from sentire.protocols.huggingface import wire as huggingface
from sentire.protocols.inputs import inputs_endpoint, inputs_router
from sentire.protocols.kserve import wire as kserve
from sentire.protocols.kserve.routes import kserve_router
from sentire.protocols.native import wire as native
from sentire.protocols.native.routes import native_router, scoring_endpoint
from sentire.protocols.refusals import EncodeError, in_dialect
from sentire.protocols.tei import wire as tei
from sentire.protocols.tei.routes import tei_router
from sentire.web import problems
from sentire.web.application import Application
from sentire.web.problems import ProblemError

OPEN_PATHS = frozenset(
    ("/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready")
)
"""Paths that need no key: orchestrators have none."""
ADMIN_PREFIX = "/v2/repository/models/"
"""Paths below it load and unload models."""


class Dialect(NamedTuple):
    """What a dialect brings."""

    schemas: Callable[[], dict[str, Any]]
    """JSON Schemas of its records, by the names that OpenAPI refers to them by."""
    router: Callable[[Context], APIRouter] | None = None
    """Its own paths; None where others have them."""
    paths: tuple[str, ...] = ()
    """Where it refuses before anybody has read a body; with a slash at the end, all below."""
    encode_error: EncodeError | None = None
    """None writes problem documents."""


DIALECTS = (
    Dialect(native.schemas),  # its routes take the bodies of others, too: add_routes
    Dialect(huggingface.schemas, inputs_router, ("/",), tei.encode_error),  # shared with TEI
    Dialect(tei.schemas, tei_router, ("/info", "/health"), tei.encode_error),
    Dialect(kserve.schemas, kserve_router, ("/v2", "/v2/"), kserve.encode_error),
)


def add_routes(app: Application, context: Context) -> None:
    """Add the routes of all dialects to an application.

    Parameters
    ----------
    app : Application
    context : Context
    """
    inputs = inputs_endpoint(context)
    app.include_router(native_router(context, inputs=inputs))
    app.direct["/predict"] = scoring_endpoint(context, inputs=inputs)
    for dialect in DIALECTS:
        if dialect.router is not None:
            app.include_router(dialect.router(context))


def schemas() -> dict[str, Any]:
    """JSON Schemas of all dialects, by the names that OpenAPI refers to them by."""
    return {name: schema for each in DIALECTS for name, schema in each.schemas().items()}


def refuse(refused: ProblemError, path: str) -> Response:
    """Write a refusal as the clients of a path read it.

    Parameters
    ----------
    refused : ProblemError
    path : str
        Of the request.
    """
    for dialect in DIALECTS:
        if dialect.encode_error is not None and any(_covers(p, path) for p in dialect.paths):
            return in_dialect(refused, dialect.encode_error)
    return problems.response(refused)


def _covers(own: str, path: str) -> bool:
    return path == own or (len(own) > 1 and own.endswith("/") and path.startswith(own))
