"""What ``huggingface_hub.InferenceClient.text_classification`` says and hears.

Reads:   ``{"inputs": "…", "parameters": {…}}``; several texts as a list
Gives:   a list for each text, its labels from the most to the least probable
Never:   gives fewer labels than were asked for, or a score that is not calibrated
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sentire.types import Prediction, PredictOptions
from sentire.web.json_body import read_json
from sentire.web.problems import ProblemError


class HuggingFaceParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is wanted of the answer."""

    top_k: Annotated[int, Meta(ge=1)] | None = None
    """Most probable labels to give; all without it."""
    function_to_apply: Literal["softmax", "none"] | None = None
    """``none`` gives natural logarithms of the probabilities: logits, of which softmax makes the
    same probabilities again."""
    truncation: bool | None = None
    """True reads the beginning of a long text; without it all of it is read, in windows."""


class HuggingFaceOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the Hub's own service takes; none of it can change an answer here."""

    use_cache: bool = True
    use_gpu: bool = False
    wait_for_model: bool = False


class HuggingFaceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to classify, or several."""

    inputs: str | list[str]
    parameters: HuggingFaceParameters | None = None
    options: HuggingFaceOptions | None = None

    @property
    def texts(self) -> list[str]:
        """The texts to score."""
        return [self.inputs] if isinstance(self.inputs, str) else self.inputs

    @property
    def predict_options(self) -> PredictOptions:
        """What is asked of each text."""
        return PredictOptions(
            on_long="truncate" if self.parameters and self.parameters.truncation else "window"
        )


class HuggingFaceScore(msgspec.Struct, frozen=True):
    """A label and its score."""

    label: str
    score: float


class HuggingFaceError(msgspec.Struct, frozen=True):
    """Why a request was not answered."""

    error: str


_DECODER = msgspec.json.Decoder(HuggingFaceRequest)
_EXPECTED = (
    'Send {"inputs": "…", "parameters": {}}, or a list of texts as "inputs"; parameters may be '
    '"top_k" (a number from 1), "function_to_apply" ("softmax" or "none") and '
    '"truncation" (true or false).'
)


def decode(body: bytes) -> HuggingFaceRequest:
    """Read a request.

    Raises
    ------
    ProblemError
        400 where it is no JSON in UTF-8, 422 where it is JSON of another shape.
    """
    return read_json(body, _DECODER, expected=_EXPECTED)


def encode(request: HuggingFaceRequest, predictions: Sequence[Prediction]) -> bytes:
    """Write the answer: the client takes its first element, so one text has an outer list too."""
    parameters = request.parameters or HuggingFaceParameters()
    logarithms = parameters.function_to_apply == "none"
    return msgspec.json.encode(
        [
            [
                HuggingFaceScore(label, score)
                for label, score in ranked(prediction.probabilities, logarithms=logarithms)
            ][: parameters.top_k]
            for prediction in predictions
        ]
    )


def ranked(probabilities: dict[str, float], *, logarithms: bool) -> list[tuple[str, float]]:
    """Labels from the most to the least probable, with their probabilities or the logarithms."""
    ordered = sorted(probabilities.items(), key=lambda pair: pair[1], reverse=True)
    if not logarithms:
        return ordered
    return [(label, math.log(max(share, 1e-45))) for label, share in ordered]  # float32's smallest


def encode_error(refused: ProblemError) -> tuple[int, bytes]:
    """Write a refusal and its status; the client shows ``error`` in its exception."""
    return refused.status, msgspec.json.encode(HuggingFaceError(refused.detail))


def schemas() -> dict[str, Any]:
    """JSON Schemas of this wire, by the names that OpenAPI refers to them by."""
    _, named = msgspec.json.schema_components(
        [HuggingFaceRequest, HuggingFaceScore, HuggingFaceError],
        ref_template="#/components/schemas/{name}",
    )
    named["HuggingFaceRequest"]["examples"] = [
        {"inputs": "这个产品使用体验非常棒！", "parameters": {"top_k": 1}}
    ]
    score = {"$ref": "#/components/schemas/HuggingFaceScore"}
    named["HuggingFaceAnswer"] = {
        "title": "HuggingFaceAnswer",
        "description": "A list for each text, its labels from the most to the least probable.",
        "type": "array",
        "items": {"type": "array", "items": score},
    }
    return named
