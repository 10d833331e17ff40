"""The page at ``/docs``: Swagger UI, which shows the OpenAPI document and sends requests.

Reads:   the files of Swagger UI, which the package ``fastapi-offline`` carries
Gives:   the page and its files, under a policy that lets nothing else in; what the page needs of
         the document beside what FastAPI writes there
Never:   loads anything from another host
"""

import base64
import copy
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

_OPTIONS = {
    "url": "openapi.json",
    "dom_id": "#docs",
    "deepLinking": True,
    "tryItOutEnabled": True,
    "displayRequestDuration": True,
    "defaultModelRendering": "model",
    "defaultModelsExpandDepth": 0,
    "validatorUrl": None,  # it is on another host
}
_SCRIPT = f"SwaggerUIBundle({json.dumps(_OPTIONS)})"
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
# All addresses are relative, so that they hold behind a proxy's prefix, too.
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/files/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/files/swagger-ui-bundle.js"></script>
<script>{_SCRIPT}</script>
</body>
</html>
"""
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; script-src 'self' 'sha256-{_SCRIPT_HASH}'; "
    "style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def docs_routes(title: str) -> list[BaseRoute]:
    """Routes of the page and its files.

    Parameters
    ----------
    title : str
        Of the application.
    """
    page = _PAGE.replace("TITLE", escape(title))

    async def show(_: Request) -> Response:
        return Response(page, headers=_HEADERS, media_type="text/html")

    files = StaticFiles(packages=[("fastapi_offline", "static")])
    return [Route("/docs", show), Mount("/docs/files", files)]


def completed(
    document: dict[str, Any], *, asks_for_keys: bool, open_paths: frozenset[str]
) -> dict[str, Any]:
    """Put the examples of records where Swagger UI offers them, and say how a key is sent.

    Parameters
    ----------
    document : OpenAPI 3.1 document
        With the schemas that it refers to.
    asks_for_keys : bool
        Whether the server has keys.
    open_paths : frozenset of str
        Those that need none.

    Returns
    -------
    Another document.
    """
    document = copy.deepcopy(document)
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            examples = {
                f"{name} {number}": {"value": example}
                for name in _refs(media)
                for number, example in enumerate(schemas[name].get("examples", ()), 1)
            }
            if examples:
                media["examples"] = examples
    if asks_for_keys:
        document["components"]["securitySchemes"] = _SCHEMES
        document["security"] = [{name: []} for name in _SCHEMES]
        for path in open_paths & document["paths"].keys():
            for operation in document["paths"][path].values():
                operation["security"] = []
    return document


def _refs(media: dict[str, Any]) -> Iterator[str]:
    """Names of the records that a body may be."""
    schema = media.get("schema", {})
    for each in schema.get("anyOf", [schema]):
        if "$ref" in each:
            yield each["$ref"].rpartition("/")[2]
