"""What all dialects but our own have in common: all texts or none, and facts in headers.

Reads:   texts of a request, predictions
Gives:   predictions of all texts; headers for what a dialect's answers have no field for
Never:   leaves a text out
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from starlette.responses import Response

from sentire.protocols.context import Context
from sentire.protocols.texts import score_texts
from sentire.types import Prediction, PredictOptions, Unscored
from sentire.web import problems
from sentire.web.problems import ProblemError

_MEANINGS = {
    200: "The answer.",
    400: "The body is malformed, or a text is empty.",
    403: "The request comes from a page of another site.",
    404: "No such model or version is served.",
    408: "The body came too slowly.",
    413: "The body, a text or the number of texts is too large.",
    415: "The body is of a type that is not taken.",
    422: "The body has a shape that is not allowed, or a text can't be scored.",
    424: "The server failed at this request.",
    429: "Too many texts wait, or too large bodies arrive; Retry-After says when to come back.",
    500: "The server failed at this request.",
    503: "The model is not ready, or did not answer in time.",
}


async def score_all(
    context: Context,
    texts: Sequence[object],
    options: PredictOptions,
    *,
    name: str | None = None,
    version: str | None = None,
) -> list[Prediction]:
    """Score texts in a dialect that has no place for one that can't be scored.

    Parameters
    ----------
    context : Context
    texts, options, name, version
        As for :func:`~sentire.protocols.texts.score_texts`.

    Raises
    ------
    ProblemError
        One of them can't be; it is named.
    """
    answers = await score_texts(context, texts, options, name=name, version=version)
    for index, answer in enumerate(answers):
        if isinstance(answer, Unscored):
            raise _naming(answer, index, len(answers))
    return [answer for answer in answers if isinstance(answer, Prediction)]


class InputsRequest(Protocol):
    """A request of a dialect whose bodies have ``inputs``."""

    @property
    def texts(self) -> Sequence[object]:
        """Those to score."""

    @property
    def predict_options(self) -> PredictOptions:
        """How to score them."""


_Request = TypeVar("_Request", bound=InputsRequest)


async def score_and_encode(
    context: Context,
    request: _Request,
    encode: Callable[[_Request, Sequence[Prediction]], bytes],
) -> Response:
    """Answer a request of a dialect whose bodies have ``inputs``.

    Parameters
    ----------
    context : Context
    request : what the dialect's ``decode`` made of a body
    encode : function
        The dialect's: writes the answer to the request.

    Raises
    ------
    ProblemError
        One of the texts can't be scored; it is named.
    """
    predictions = await score_all(context, request.texts, request.predict_options)
    return json_response(encode(request, predictions), facts(predictions))


def _naming(failed: Unscored, index: int, n_texts: int) -> ProblemError:
    refused = problems.of_row(failed.error)
    if n_texts == 1:
        return refused
    return ProblemError(
        refused.status,
        refused.code,
        f"Text {index} of the {n_texts}, counted from 0: {refused.detail} "
        "None of them was answered. Send the others without it, or all of them to /predict as "
        '{"texts": […]}, where each gets an answer or an error of its own.',
    )


def facts(predictions: Sequence[Prediction]) -> dict[str, str]:
    """Headers for what a dialect's answers have no field for: who answered, and what was read."""
    if not predictions:
        return {}
    model = predictions[0].model
    codes = sorted({warning.code for p in predictions for warning in p.warnings})
    headers = {
        "X-Sentire-Model": f"{model.name}@{model.version}",
        "X-Compute-Characters": str(sum(len(p.text) for p in predictions)),
        "X-Compute-Tokens": str(sum(p.coverage.read for p in predictions)),
    }
    return {**headers, "X-Sentire-Warnings": ",".join(codes)} if codes else headers


def json_response(body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(body, headers=headers, media_type="application/json")


def described(
    *requests: str,
    errors: Sequence[str],
    statuses: Sequence[int],
    answers: Sequence[str] = (),
    media_types: Sequence[str] = (),
) -> dict[str, Any]:
    """Describe an endpoint, whose bodies FastAPI does not see, for the OpenAPI document.

    Parameters
    ----------
    *requests : names of the records that it takes; none for an endpoint without a body
    errors : names of the records of a refusal
    statuses : those that it answers with
    answers : names of the records that it answers with; none leaves their shape open
    media_types : of the request
    """
    found: dict[str, Any] = {
        "responses": {
            str(status): {
                "description": _MEANINGS[status],
                **_content(*(answers if status == 200 else errors)),
            }
            for status in statuses
        }
    }
    if requests:
        content = _content(*requests)["content"]["application/json"]
        types = media_types or ("application/json",)
        found["requestBody"] = {"content": dict.fromkeys(types, content)}
    return found


def _content(*names: str) -> dict[str, Any]:
    if not names:
        return {}
    refs = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
    return {"content": {"application/json": {"schema": schema}}}
