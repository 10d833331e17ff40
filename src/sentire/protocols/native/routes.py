"""Scoring and health, for the model service and for the gateway around it.

Reads:   requests in sentire's own dialect
Gives:   predictions, as many as texts and in their order, within the limits
Never:   decides anything about a text; the model does
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentire.errors import Closed
from sentire.protocols.context import Context
from sentire.protocols.detection import (
    INPUTS_ANSWERS,
    INPUTS_ERRORS,
    INPUTS_REQUESTS,
    has_inputs,
)
from sentire.protocols.native import wire as native
from sentire.protocols.tags import NATIVE, OPERATIONS
from sentire.protocols.texts import score_texts
from sentire.serving.served import ServedModels
from sentire.types import Unscored
from sentire.web.direct import Endpoint
from sentire.web.problems import MEDIA_TYPE, of_row

InputsEndpoint = Callable[[bytes], Awaitable[Response]]

_REFUSALS = {
    "400": "The body is no JSON in UTF-8.",
    "404": "No such model or version is served.",
    "408": "The body came too slowly.",
    "413": "The body, the text or the number of texts is too large.",
    "415": "The body is not declared as JSON.",
    "422": "A field is unknown or has a value that is not allowed, or the text can't be scored.",
    "429": "Too many texts wait, or too large bodies arrive; Retry-After says when to come back.",
    "503": "The model is not ready, or did not answer in time.",
}


def scoring_endpoint(context: Context, *, inputs: InputsEndpoint | None = None) -> Endpoint:
    """Make the function behind ``POST /predict`` and ``POST /analyze``.

    Parameters
    ----------
    context : Context
    inputs : function, optional
        Answers a body of other dialects, which have ``inputs``; from ``protocols/inputs.py``.
    """

    async def score(request: Request) -> Response:
        body = await context.bodies.read_json(request)
        if inputs is not None and has_inputs(body):
            return await inputs(body)
        decoded = native.decode(body)
        name, version = decoded.name_and_version
        answers = await score_texts(
            context, decoded.all_texts, decoded.predict_options, name=name, version=version
        )
        if decoded.texts is not msgspec.UNSET:
            return _json(native.encode(native.Predictions(answers)))
        answer = answers[0]
        if isinstance(answer, Unscored):
            raise of_row(answer.error)
        return _json(native.encode(answer))

    return score


def _require_ready(models: ServedModels) -> None:
    if not models.ready:
        raise Closed("A model is not ready: it was unloaded, or its worker ended.")


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def scoring_description(*, inputs: bool = False) -> dict[str, Any]:
    """Describe a scoring endpoint, whose bodies FastAPI does not see, for the OpenAPI document.

    Parameters
    ----------
    inputs : bool
        Whether it takes and answers the bodies of other dialects, too.
    """

    def content(media_type: str, *names: str) -> dict[str, Any]:
        refs = [{"$ref": f"#/components/schemas/{name}"} for name in names]
        return {media_type: {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}}

    problem = content(MEDIA_TYPE, "Problem")
    if inputs:
        problem |= content("application/json", *INPUTS_ERRORS)
    requests = ["PredictRequest", *(INPUTS_REQUESTS if inputs else ())]
    answers = ["Prediction", "Predictions", *(INPUTS_ANSWERS if inputs else ())]
    means = "The prediction of the text, or those of the texts in their order."
    refusals = {
        status: {"description": text, "content": problem} for status, text in _REFUSALS.items()
    }
    return {
        "requestBody": {"required": True, "content": content("application/json", *requests)},
        "responses": {
            "200": {"description": means, "content": content("application/json", *answers)},
            **refusals,
        },
    }


def native_router(context: Context, *, inputs: InputsEndpoint | None = None) -> APIRouter:
    """Make the routes of ``/predict`` and the two health checks.

    Parameters
    ----------
    context : Context
    inputs : function, optional
        As for :func:`scoring_endpoint`.
    """
    router = APIRouter()
    router.post(
        "/predict",
        tags=[NATIVE],
        operation_id="predict",
        summary="Score a text or several",
        openapi_extra=scoring_description(inputs=inputs is not None),
    )(scoring_endpoint(context, inputs=inputs))

    @router.get(
        "/health/live",
        tags=[OPERATIONS],
        operation_id="live",
        summary="Whether the process answers",
    )
    async def live() -> Response:
        return _json(b'{"status":"live"}')

    @router.get(
        "/health/ready",
        tags=[OPERATIONS],
        operation_id="ready",
        summary="Whether texts would be scored",
        responses={503: {"description": "A model was unloaded, or its worker ended."}},
    )
    async def ready() -> Response:
        _require_ready(context.models)
        return _json(msgspec.json.encode({"status": "ready", "model": context.models.get().info}))

    return router
