"""What clients of Hugging Face's Text Embeddings Inference (TEI) say and hear.

Reads:   ``{"inputs": …}``: a text, or a batch as a list of lists of one text each
Gives:   the labels of the text from the most to the least probable; for a batch a list of them
Never:   takes ``["a", "b"]`` for a batch: it is one pair of texts there, and no task of ours
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from sentire.protocols.huggingface.wire import ranked
from sentire.types import ModelInfo, Prediction, PredictOptions
from sentire.web.json_body import read_json
from sentire.web.problems import ProblemError


class TeiRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to classify, or a batch."""

    inputs: str | list[str | list[str]]
    """A text; or for a batch ``[["one text"], ["another"]]``."""
    truncate: bool | None = None
    """True reads the beginning of a long text; without it all of it is read, in windows."""
    truncation_direction: Literal["right", "Right", "left", "Left"] = "right"
    """Where a long text is cut. Only ``right``, the end, can be."""
    raw_scores: bool = False
    """Give natural logarithms of the probabilities: logits, of which softmax makes the same
    probabilities again."""

    @property
    def is_batch(self) -> bool:
        """Whether the answer is a list of answers."""
        return isinstance(self.inputs, list) and not isinstance(self.inputs[0], str)

    @property
    def texts(self) -> list[str]:
        """The texts to score."""
        if isinstance(self.inputs, str):
            return [self.inputs]
        return [row if isinstance(row, str) else row[0] for row in self.inputs]

    @property
    def predict_options(self) -> PredictOptions:
        """What is asked of each text."""
        return PredictOptions(on_long="truncate" if self.truncate else "window")


class TeiScore(msgspec.Struct, frozen=True):
    """A label and its score."""

    score: float
    label: str


class TeiError(msgspec.Struct, frozen=True):
    """Why a request was not answered."""

    error: str
    error_type: Literal["empty", "validation", "overloaded", "unhealthy", "backend"]


_DECODER = msgspec.json.Decoder(TeiRequest)
_BATCH = 'Send a batch as a list of lists: {"inputs": [["first text"], ["second text"]]}.'
_EXPECTED = (
    f'Send {{"inputs": "…"}}. {_BATCH} Further fields may be "truncate", "raw_scores" '
    '(true or false) and "truncation_direction" ("right").'
)


def decode(body: bytes) -> TeiRequest:
    """Read a request.

    Raises
    ------
    ProblemError
        400 where it is no JSON in UTF-8, or empty; 422 where it is JSON of another shape, holds a
        pair of texts, or wants the beginning of a text cut off.
    """
    request = read_json(body, _DECODER, expected=_EXPECTED)
    if isinstance(request.inputs, list):
        _check_rows(request.inputs)
    if request.truncate and request.truncation_direction.lower() == "left":
        raise ProblemError(
            422,
            "invalid_request",
            '"truncation_direction" is "left". A text can only be cut at its end: send "right", '
            'or leave "truncate" away to have all of it read.',
        )
    return request


def _check_rows(rows: Sequence[str | list[str]]) -> None:
    if not rows:
        raise ProblemError(400, "empty_text", f'"inputs" is an empty list. {_EXPECTED}')
    if isinstance(rows[0], str):
        if len(rows) > 1:
            raise ProblemError(422, "pair_not_supported", _pair('"inputs" has the form of a pair'))
        return
    for index, row in enumerate(rows):
        if isinstance(row, str):
            raise ProblemError(
                422, "invalid_request", f"Row {index} of the batch is no list. {_BATCH}"
            )
        if not row:
            raise ProblemError(400, "empty_text", f"Row {index} of the batch is empty. {_BATCH}")
        if len(row) > 1:
            raise ProblemError(
                422, "pair_not_supported", _pair(f"row {index} of the batch is a pair")
            )


def _pair(what: str) -> str:
    return f"{what[0].upper()}{what[1:]} of texts, and this model scores single ones. {_BATCH}"


def encode(request: TeiRequest, predictions: Sequence[Prediction]) -> bytes:
    """Write the answer: flat for one text, a list of lists for a batch."""
    rows = [
        [
            TeiScore(score, label)
            for label, score in ranked(prediction.probabilities, logarithms=request.raw_scores)
        ]
        for prediction in predictions
    ]
    return msgspec.json.encode(rows if request.is_batch else rows[0])


def encode_error(refused: ProblemError) -> tuple[int, bytes]:
    """Write a refusal, and say with which status: an unexpected failure is 424 in this dialect."""
    kind: Literal["empty", "validation", "overloaded", "unhealthy", "backend"] = "validation"
    status = refused.status
    if refused.code == "empty_text":
        status, kind = 400, "empty"
    elif status == 429:
        kind = "overloaded"
    elif status == 503:
        kind = "unhealthy"
    elif status >= 500:
        status, kind = 424, "backend"
    return status, msgspec.json.encode(TeiError(refused.detail, kind))


def info(
    model: ModelInfo, *, labels: Sequence[str], max_length: int, max_texts: int, version: str
) -> bytes:
    """Describe the model and the server, for ``GET /info``.

    ``auto_truncate`` is false: a text is cut only where a request says so.

    Parameters
    ----------
    model : ModelInfo
    labels : sequence of str
        In the order of the model's logits.
    max_length : int
        Tokens that the model reads at once.
    max_texts : int
        In one request.
    version : str
        Of sentire.
    """
    names = list(labels)
    classifier = {
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
    }
    return msgspec.json.encode(
        {
            "model_id": model.name,
            "model_sha": model.digest,
            "model_version": model.version,
            "model_type": {"classifier": classifier},
            "max_input_length": max_length,
            "max_client_batch_size": max_texts,
            "auto_truncate": False,
            "version": version,
        }
    )


def schemas() -> dict[str, Any]:
    """JSON Schemas of this wire, by the names that OpenAPI refers to them by."""
    _, named = msgspec.json.schema_components(
        [TeiRequest, TeiScore, TeiError], ref_template="#/components/schemas/{name}"
    )
    named["TeiRequest"]["examples"] = [
        {"inputs": "Great room, rude staff."},
        {"inputs": [["很好用"], ["还行"]], "truncate": True},
    ]
    row = {"type": "array", "items": {"$ref": "#/components/schemas/TeiScore"}}
    named["TeiAnswer"] = {
        "title": "TeiAnswer",
        "description": "Labels from the most to the least probable; of a batch a list for each.",
        "anyOf": [row, {"type": "array", "items": row}],
    }
    return named
