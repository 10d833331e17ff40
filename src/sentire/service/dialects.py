"""Speak as other servers do, so that their clients work unchanged.

``POST /`` and ``POST /predict`` take ``inputs``, from ``huggingface_hub.InferenceClient`` and from
clients of Text Embeddings Inference (TEI); ``kserve.py`` holds the paths under ``/v2``. None of
these dialects has a place for one text that can't be scored: the whole request is refused then, and
the refusal names the text.

Reads:   requests in these dialects
Gives:   answers and refusals in the same
Never:   scores; ``routes.py`` does, for every dialect
"""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentire.config import Limits, Settings
from sentire.errors import Closed
from sentire.service.body import BodyReader
from sentire.service.docs import HUGGING_FACE, TEI
from sentire.service.foreign import described, facts, json_response, or_refusal, score_all
from sentire.service.kserve import kserve_router
from sentire.service.models import Models
from sentire.service.routes import InputsEndpoint
from sentire.service.serving import ServedModels
from sentire.service.wire import huggingface, kserve, tei
from sentire.service.wire.inputs import INPUTS_ANSWERS, INPUTS_ERRORS, INPUTS_REQUESTS, dialect_of
from sentire.service.wire.native import PredictRequest

_INPUTS = described(
    *INPUTS_REQUESTS,
    errors=INPUTS_ERRORS,
    answers=INPUTS_ANSWERS,
    statuses=(200, 400, 408, 413, 415, 422, 424, 429, 500, 503),
)


def dialect_routers(models: Models, settings: Settings, *, bodies: BodyReader) -> list[APIRouter]:
    """Routers of all dialects but our own, for models in this process.

    Parameters
    ----------
    models : Models
    settings : Settings
    bodies : BodyReader
        The application's.
    """
    return [
        inputs_router(models, settings.limits, bodies=bodies),
        _info_router(models, settings.limits),
        kserve_router(models, settings, bodies=bodies),
    ]


def inputs_endpoint(models: ServedModels, limits: Limits) -> InputsEndpoint:
    """Make the function that answers a body with ``inputs``, for every path that takes such."""

    async def for_huggingface(body: bytes) -> Response:
        asked = huggingface.decode(body)
        wanted = PredictRequest(texts=asked.texts, on_long=asked.on_long)
        predictions = await score_all(models, limits, wanted)
        return json_response(huggingface.encode(asked, predictions), facts(predictions))

    async def for_tei(body: bytes) -> Response:
        asked = tei.decode(body)
        wanted = PredictRequest(texts=asked.texts, on_long=asked.on_long)
        predictions = await score_all(models, limits, wanted)
        return json_response(tei.encode(asked, predictions), facts(predictions))

    async def dispatch(body: bytes) -> Response:
        if dialect_of(body) == "huggingface":
            return await or_refusal(for_huggingface(body), huggingface.encode_error)
        return await for_tei(body)

    async def answer(body: bytes) -> Response:
        return await or_refusal(dispatch(body), tei.encode_error)

    return answer


def schemas() -> dict[str, Any]:
    """JSON Schemas of all these dialects, by the names that OpenAPI refers to them by."""
    return huggingface.schemas() | tei.schemas() | kserve.schemas()


def inputs_router(models: ServedModels, limits: Limits, *, bodies: BodyReader) -> APIRouter:
    """``POST /``, and health as TEI's servers say it; for models wherever they are.

    Parameters
    ----------
    models : ServedModels
    limits : Limits
    bodies : BodyReader
        The application's.
    """
    router = APIRouter()
    answer = inputs_endpoint(models, limits)

    @router.post(
        "/",
        tags=[HUGGING_FACE, TEI],
        operation_id="classify",
        summary="Classify as Hugging Face's and TEI's servers do",
        openapi_extra=_INPUTS,
    )
    async def classify(request: Request) -> Response:
        async def read_and_answer() -> Response:
            return await answer(await bodies.read_json(request))

        return await or_refusal(read_and_answer(), tei.encode_error)

    @router.get(
        "/health",
        tags=[TEI],
        operation_id="health",
        summary="Whether texts would be scored, as TEI's servers say it",
        response_class=Response,  # it has no body
        openapi_extra=described(errors=["TeiError"], statuses=(200, 503)),
    )
    async def health(_: Request) -> Response:
        return await or_refusal(_health(models), tei.encode_error)

    return router


def _info_router(models: Models, limits: Limits) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/info",
        tags=[TEI],
        operation_id="info",
        summary="The model, as TEI's servers describe theirs",
        openapi_extra=described(errors=["TeiError"], statuses=(200, 503)),
    )
    async def info(_: Request) -> Response:
        return await or_refusal(_info(models, limits), tei.encode_error)

    return router


async def _info(models: Models, limits: Limits) -> Response:
    served = models.get()
    return json_response(
        tei.info(
            served.info,
            labels=served.manifest.heads["polarity"].labels,
            max_length=served.manifest.text.max_length,
            max_texts=limits.texts,
            version=version("sentire"),
        )
    )


async def _health(models: ServedModels) -> Response:
    if not models.get().ready:
        raise Closed("The model is not ready: its worker ended.")
    return Response()
