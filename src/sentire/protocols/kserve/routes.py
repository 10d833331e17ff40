"""The paths under ``/v2``: the Open Inference Protocol, and Triton's model repository.

The status code is the contract of the health calls; every refusal is ``{"error": "…"}``.

Reads:   requests of KServe's and Triton's clients
Gives:   answers of their shape
Never:   loads or unloads a model for a page of another site
"""

from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentire.errors import Closed, ModelNotFound, SentireError, Unavailable
from sentire.labels import probabilities_of
from sentire.protocols.context import Context
from sentire.protocols.kserve import infer, outputs
from sentire.protocols.kserve import wire as kserve
from sentire.protocols.refusals import or_refusal
from sentire.protocols.responses import described, facts, json_response, score_all
from sentire.protocols.tags import KSERVE
from sentire.serving.models import Models, Served
from sentire.types import Prediction, PredictOptions
from sentire.web.cors import allows
from sentire.web.direct import Endpoint
from sentire.web.problems import ProblemError

_TYPES = ("application/json", "application/octet-stream", "")
"""Triton's clients name no type. The binary tensors make JSON no JSON any more."""
_READ = described(errors=["KServeError"], statuses=(200, 404, 503))
_ALWAYS = described(errors=["KServeError"], statuses=(200,))
_CHANGES = described(
    "LoadRequest", errors=["KServeError"], statuses=(200, 400, 403, 404, 408, 413, 429, 500, 503)
)
_INDEX = described("IndexRequest", errors=["KServeError"], statuses=(200, 400, 403, 408, 413, 429))
_INFER = described(
    "InferRequest",
    errors=["KServeError"],
    statuses=(200, 400, 403, 404, 408, 413, 429, 500, 503),
    media_types=("application/json", "application/octet-stream"),
)
_MODEL = "/v2/models/{name}"
_VERSION = "/v2/models/{name}/versions/{version}"

_PARAMETERS = {
    name: {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }
    for name, description in (
        ("name", "Of a served model; GET /v2/models lists them."),
        ("version", "Of that model."),
    )
}


def kserve_router(context: Context) -> APIRouter:
    """Everything under ``/v2``, for models in this process; nothing where they are elsewhere.

    Parameters
    ----------
    context : Context
    """
    router = APIRouter(tags=[KSERVE])
    models = context.local
    if models is None:
        return router
    protocol = _Protocol(models, context)

    def add(path: str, answer: Endpoint, name: str, summary: str, about: dict[str, Any]) -> None:
        async def endpoint(request: Request) -> Response:
            return await or_refusal(answer(request), kserve.encode_error)

        parts = [part for part in _PARAMETERS if f"{{{part}}}" in path]
        router.add_api_route(
            path,
            endpoint,
            methods=["POST" if "requestBody" in about else "GET"],
            operation_id=name,
            summary=summary,
            openapi_extra={**about, "parameters": [_PARAMETERS[part] for part in parts]},
        )

    add("/v2", protocol.server, "v2_server", "The server and its extensions", _ALWAYS)
    add("/v2/health/live", protocol.live, "v2_live", "Whether the process answers", _ALWAYS)
    add("/v2/health/ready", protocol.ready, "v2_ready", "Whether all models would answer", _READ)
    add("/v2/models", protocol.models, "v2_models", "The models and their states", _ALWAYS)
    for path, of in ((_MODEL, "model"), (_VERSION, "version")):
        add(path, protocol.model, f"v2_{of}", f"A {of}'s inputs and outputs", _READ)
        add(f"{path}/ready", protocol.model_ready, f"v2_{of}_ready", "Whether it answers", _READ)
        add(f"{path}/infer", protocol.infer, f"v2_{of}_infer", "Score texts", _INFER)
    repository = "/v2/repository"
    add(f"{repository}/index", protocol.index, "v2_index", "The models and their states", _INDEX)
    one = f"{repository}/models/{{name}}"
    add(f"{one}/load", protocol.load, "v2_load", "Take what is at a model's source now", _CHANGES)
    add(f"{one}/unload", protocol.unload, "v2_unload", "Give a model's memory back", _CHANGES)
    return router


class _Protocol:
    def __init__(self, models: Models, context: Context) -> None:
        self._models, self._context = models, context

    async def server(self, _: Request) -> Response:
        return json_response(kserve.server(version("sentire")))

    async def live(self, _: Request) -> Response:
        return json_response(b'{"live":true}')

    async def ready(self, _: Request) -> Response:
        if not self._models.ready:
            raise Closed("A model is not ready: it was unloaded, or its worker ended.")
        return json_response(b'{"ready":true}')

    async def models(self, _: Request) -> Response:
        return json_response(kserve.models(self._models.listed()))

    async def model(self, request: Request) -> Response:
        served = self._served(request)
        states = self._models.listed()
        versions = [s.version for s in states if s.name == served.name and s.state == "ready"]
        manifest = served.manifest
        return json_response(
            kserve.model(served.name, versions, backend=manifest.backend, labels=manifest.labels)
        )

    async def model_ready(self, request: Request) -> Response:
        served = self._served(request)
        if not served.ready:
            raise Closed(f"Model {served.name} is not ready: its worker ended.")
        return json_response(kserve.ready(served.name))

    async def infer(self, request: Request) -> Response:
        body = await self._read(request)
        decoded = infer.decode(body, request.headers.get("inference-header-content-length"))
        served = self._served(request)
        predictions = await score_all(
            self._context,
            decoded.texts,
            decoded.options,
            name=served.name,
            version=request.path_params.get("version"),
        )
        content, n_header = outputs.encode(
            decoded.outputs,
            predictions,
            shape=decoded.shape,
            request_id=decoded.id,
            name=served.name,
            model=predictions[0].model if predictions else served.info,
            labels=_labels_of(predictions, decoded.options)
            if predictions
            else served.manifest.labels,
        )
        headers = facts(predictions)
        if n_header is None:
            return json_response(content, headers)
        headers["Inference-Header-Content-Length"] = str(n_header)
        return Response(content, headers=headers, media_type="application/octet-stream")

    async def index(self, request: Request) -> Response:
        decoded = kserve.decode_index(await self._read(request))
        return json_response(kserve.index(self._models.listed(), only_ready=decoded.ready))

    async def load(self, request: Request) -> Response:
        kserve.check_load(await self._read(request))
        name = request.path_params["name"]
        try:
            await self._models.load(name)
        except (ModelNotFound, Unavailable):
            raise
        except SentireError as error:
            detail = f"Model {name} was not loaded, and what served before still does. {error}"
            raise ProblemError(400, "not_loaded", detail) from error
        return json_response(kserve.loaded(name, is_loaded=True))

    async def unload(self, request: Request) -> Response:
        kserve.check_load(await self._read(request))
        name = request.path_params["name"]
        await self._models.unload(name)
        return json_response(kserve.loaded(name, is_loaded=False))

    def _served(self, request: Request) -> Served:
        return self._models.get(request.path_params["name"], request.path_params.get("version"))

    async def _read(self, request: Request) -> bytes:
        """Read a body that need not bear a type, which also a page of another site may send."""
        origin = request.headers.get("origin")
        is_ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
        if not is_ours and not allows(self._context.origins, origin):
            raise ProblemError(
                403,
                "cross_origin",
                f"The request comes from a page of {origin}. Call these paths from programs, or "
                "allow that origin with the setting server.cors_origins.",
            )
        return await self._context.bodies.read(request, types=_TYPES)


def _labels_of(
    predictions: list[Prediction], options: PredictOptions
) -> dict[str, tuple[str, ...]]:
    """Labels as they were answered: the version may have been replaced in the meantime."""
    heads = ("polarity", *options.heads)
    return {head: tuple(probabilities_of(predictions[0], head)) for head in heads}
