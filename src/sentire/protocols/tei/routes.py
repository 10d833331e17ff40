"""Answer as Text Embeddings Inference (TEI) does.

Reads:   requests of its clients
Gives:   the answers that they read, ``/health`` and ``/info`` among them; refusals in their shape
Never:   answers some of the texts
"""

from collections.abc import Awaitable, Callable
from importlib.metadata import version

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sentire.errors import Closed
from sentire.protocols.context import Context
from sentire.protocols.refusals import or_refusal
from sentire.protocols.responses import described, json_response, score_and_encode
from sentire.protocols.tags import TEI
from sentire.protocols.tei import wire
from sentire.serving.models import Models
from sentire.serving.served import ServedModels
from sentire.web.settings import Limits

_READ = described(errors=["TeiError"], statuses=(200, 503))


def tei_endpoint(context: Context) -> Callable[[bytes], Awaitable[Response]]:
    """Make the function that answers a body of this dialect, or raises.

    Parameters
    ----------
    context : Context
    """

    async def answer(body: bytes) -> Response:
        return await score_and_encode(context, wire.decode(body), wire.encode)

    return answer


def tei_router(context: Context) -> APIRouter:
    """Health, and what the model is, as TEI's servers say it.

    Parameters
    ----------
    context : Context
    """
    router = APIRouter(tags=[TEI])

    @router.get(
        "/health",
        operation_id="health",
        summary="Whether texts would be scored, as TEI's servers say it",
        response_class=Response,  # it has no body
        openapi_extra=_READ,
    )
    async def health(_: Request) -> Response:
        return await or_refusal(_health(context.models), wire.encode_error)

    models = context.local
    if models is not None:

        @router.get(
            "/info",
            operation_id="info",
            summary="The model, as TEI's servers describe theirs",
            openapi_extra=_READ,
        )
        async def info(_: Request) -> Response:
            return await or_refusal(_info(models, context.limits), wire.encode_error)

    return router


async def _info(models: Models, limits: Limits) -> Response:
    served = models.get()
    return json_response(
        wire.info(
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
