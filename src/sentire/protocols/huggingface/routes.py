"""Answer as Hugging Face's servers do.

Reads:   a body of ``huggingface_hub.InferenceClient``
Gives:   the answer that it reads, or a refusal in its shape
Never:   answers some of the texts
"""

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from sentire.protocols.context import Context
from sentire.protocols.huggingface import wire
from sentire.protocols.refusals import or_refusal
from sentire.protocols.responses import score_and_encode


def huggingface_endpoint(context: Context) -> Callable[[bytes], Awaitable[Response]]:
    """Make the function that answers a body of this dialect.

    Parameters
    ----------
    context : Context
    """

    async def answer(body: bytes) -> Response:
        return await score_and_encode(context, wire.decode(body), wire.encode)

    async def answer_or_refuse(body: bytes) -> Response:
        return await or_refusal(answer(body), wire.encode_error)

    return answer_or_refuse
