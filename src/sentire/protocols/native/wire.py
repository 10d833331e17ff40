"""sentire's own dialect: ``{"text": "…"}`` or ``{"texts": […]}``, with options beside them.

Reads:   the bytes of a request body
Gives:   a checked request; the bytes of an answer; the schemas of both for the OpenAPI document
Never:   lets one broken text refuse the others of its request
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from sentire.types import Answer, OnLong, Prediction, PredictOptions, Unscored
from sentire.web.json_body import read_json
from sentire.web.problems import Problem


class PredictRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text or several, and what is wanted of them."""

    text: str | UnsetType = UNSET
    texts: list[Any] | UnsetType = UNSET
    sentences: bool = False
    emotion: bool = False
    on_long: OnLong = "window"
    model: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.text is UNSET) == (self.texts is UNSET):
            came = "neither" if self.text is UNSET else "both"
            raise ValueError(f'The body has {came} of "text" and "texts"')

    @property
    def all_texts(self) -> list[Any]:
        """The texts to score."""
        return [self.text] if self.texts is UNSET else self.texts

    @property
    def predict_options(self) -> PredictOptions:
        """What is asked of each text."""
        return PredictOptions.of(
            sentences=self.sentences, emotion=self.emotion, on_long=self.on_long
        )

    @property
    def name_and_version(self) -> tuple[str | None, str | None]:
        """The model that was asked for; None where that was left open."""
        if self.model is UNSET:
            return None, None
        name, _, version = self.model.partition("@")
        return name, version or None


class Predictions(msgspec.Struct, frozen=True):
    """Answers to several texts: as many, in the same order."""

    predictions: list[Answer]


_DECODER = msgspec.json.Decoder(PredictRequest)
_ENCODER = msgspec.json.Encoder()
_EXPECTED = (
    'Send {"text": "…"} or {"texts": ["…", …]}; further fields may be '
    '"sentences" (true or false), "emotion" (true or false), '
    '"on_long" ("window", "truncate" or "error") and "model" (a name, or NAME@VERSION).'
)


def decode(body: bytes) -> PredictRequest:
    """Read a request.

    Raises
    ------
    ProblemError
        400 where it is no JSON in UTF-8, 422 where it is JSON of another shape.
    """
    return read_json(body, _DECODER, expected=_EXPECTED)


def encode(answer: Prediction | Predictions) -> bytes:
    """Write an answer as JSON."""
    return _ENCODER.encode(answer)


def schemas() -> dict[str, Any]:
    """JSON Schemas of everything on this wire, by the names that OpenAPI refers to them by."""
    _, named = msgspec.json.schema_components(
        [PredictRequest, Prediction, Unscored, Problem],
        ref_template="#/components/schemas/{name}",
    )
    # msgspec describes no union of records that bear no tag.
    either = [{"$ref": f"#/components/schemas/{name}"} for name in ("Prediction", "Unscored")]
    named["Predictions"] = {
        "title": "Predictions",
        "description": Predictions.__doc__,
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": {"oneOf": either}}},
        "required": ["predictions"],
    }
    request = named["PredictRequest"]
    request["oneOf"] = [{"required": ["text"]}, {"required": ["texts"]}]
    request["properties"]["texts"]["description"] = (
        "Strings. Any other value gets an error in its own place."
    )
    request["properties"]["model"]["description"] = (
        "Name of a served model, or NAME@VERSION. Without it the default model answers."
    )
    request["examples"] = [
        {"text": "这个产品使用体验非常棒！"},
        {"texts": ["Great room, rude staff.", "还行"], "sentences": True},
    ]
    return named
