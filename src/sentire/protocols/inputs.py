"""The paths that several dialects share: bodies with ``inputs`` are told apart by their keys.

``POST /`` and ``POST /predict`` take them from ``huggingface_hub.InferenceClient`` and from clients
of Text Embeddings Inference. Neither dialect has a place for one text that can't be scored: the
whole request is refused then, and the refusal names the text.

Reads:   bodies with ``inputs``
Gives:   the answer of the dialect that a body is in
Never:   scores
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentire.protocols.context import Context
from sentire.protocols.detection import INPUTS_ANSWERS, INPUTS_ERRORS, INPUTS_REQUESTS, dialect_of
from sentire.protocols.huggingface.routes import huggingface_endpoint
from sentire.protocols.native.routes import InputsEndpoint
from sentire.protocols.refusals import or_refusal
from sentire.protocols.responses import described
from sentire.protocols.tags import HUGGING_FACE, TEI
from sentire.protocols.tei import wire as tei
from sentire.protocols.tei.routes import tei_endpoint

_INPUTS = described(
    *INPUTS_REQUESTS,
    errors=INPUTS_ERRORS,
    answers=INPUTS_ANSWERS,
    statuses=(200, 400, 408, 413, 415, 422, 424, 429, 500, 503),
)


def inputs_endpoint(context: Context) -> InputsEndpoint:
    """Make the function that answers a body with ``inputs``, for every path that takes such.

    Parameters
    ----------
    context : Context
    """
    for_huggingface, for_tei = huggingface_endpoint(context), tei_endpoint(context)

    async def dispatch(body: bytes) -> Response:
        answer = for_huggingface if dialect_of(body) == "huggingface" else for_tei
        return await answer(body)

    async def answer(body: bytes) -> Response:
        return await or_refusal(dispatch(body), tei.encode_error)

    return answer


def inputs_router(context: Context) -> APIRouter:
    """``POST /``.

    Parameters
    ----------
    context : Context
    """
    router = APIRouter()
    answer = inputs_endpoint(context)

    @router.post(
        "/",
        tags=[HUGGING_FACE, TEI],
        operation_id="classify",
        summary="Classify as Hugging Face's and TEI's servers do",
        openapi_extra=_INPUTS,
    )
    async def classify(request: Request) -> Response:
        async def read_and_answer() -> Response:
            return await answer(await context.bodies.read_json(request))

        return await or_refusal(read_and_answer(), tei.encode_error)

    return router
