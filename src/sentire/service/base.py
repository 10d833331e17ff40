"""What the model service and the gateway have in common: problems, headers, docs, OpenAPI.

Reads:   settings
Gives:   an application without a route of its own
Never:   loads anything from another host; the page at ``/docs`` is made here
"""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sentire.config import Settings
from sentire.errors import SentireError
from sentire.service import docs, problems
from sentire.service.guard import Guard, log_failure
from sentire.service.wire import native


class BaseApp(FastAPI):
    """FastAPI with our problem documents, and with msgspec's schemas in its OpenAPI document."""

    def __init__(self, settings: Settings, *, title: str, description: str) -> None:
        super().__init__(
            title=title,
            description=description,
            version=version("sentire"),
            docs_url=None,  # FastAPI's own page loads its script from another host
            redoc_url=None,
        )
        self.add_middleware(Guard, access_log=settings.server.access_log)
        self.add_exception_handler(SentireError, _refuse)
        self.add_exception_handler(problems.Refused, _refuse)
        self.add_exception_handler(HTTPException, _refuse_routing)
        self.add_route("/docs", self._docs, include_in_schema=False)

    def openapi(self) -> dict[str, Any]:
        """OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document.setdefault("components", {}).setdefault("schemas", {}).update(native.schemas())
        assert self.openapi_schema is not None  # noqa: S101 - set by super().openapi()
        return self.openapi_schema

    async def _docs(self, request: Request) -> Response:
        base_url = str(request.base_url).rstrip("/")
        page = docs.render(self.openapi(), base_url=base_url)
        return Response(page, headers=docs.HEADERS, media_type="text/html")


def _refuse(_: Request, error: Exception) -> Response:
    refused = problems.of_error(error)
    if refused.status == 500:
        log_failure(error)
    return problems.response(refused)


def _refuse_routing(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _refuse(request, error)
    return problems.response(problems.of_framework(request, error))
