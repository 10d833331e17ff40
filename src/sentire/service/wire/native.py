"""sentire's own dialect: ``{"text": "…"}`` or ``{"texts": […]}``, with options beside them.

Reads:   the bytes of a request body
Gives:   a checked request; the bytes of an answer; the schemas of both for the OpenAPI document
Never:   lets one broken text refuse the others of its request
"""

import codecs
import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from sentire.service.problems import Problem, Refused
from sentire.types import OnLong, Prediction, Unscored


class PredictRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text or several, and what is wanted of them."""

    text: str | UnsetType = UNSET
    texts: list[Any] | UnsetType = UNSET
    sentences: bool = False
    emotion: bool = False
    on_long: OnLong = "window"

    def __post_init__(self) -> None:
        if (self.text is UNSET) == (self.texts is UNSET):
            came = "neither" if self.text is UNSET else "both"
            raise ValueError(f'The body has {came} of "text" and "texts"')

    @property
    def all_texts(self) -> list[Any]:
        """The texts to score."""
        return [self.text] if self.texts is UNSET else self.texts


class Predictions(msgspec.Struct, frozen=True):
    """Answers to several texts: as many, in the same order."""

    predictions: list[Prediction | Unscored]


_DECODER = msgspec.json.Decoder(PredictRequest)
_ENCODER = msgspec.json.Encoder()
_EXPECTED = (
    'Send {"text": "…"} or {"texts": ["…", …]}; further fields may be '
    '"sentences" (true or false), "emotion" (true or false) and '
    '"on_long" ("window", "truncate" or "error").'
)

# An escaped backslash, a surrogate pair, or (the group) half of one.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def decode(body: bytes) -> PredictRequest:
    """Read a request.

    Raises
    ------
    Refused
        400 where it is no JSON in UTF-8, 422 where it is JSON of another shape.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        try:
            return _DECODER.decode(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            # JavaScript cuts strings inside an emoji and sends the half as an escape. Such a text
            # is read with the replacement character there, which keeps the offsets too.
            mended = _SURROGATES.sub(lambda m: rb"\ufffd" if m[1] else m[0], body)
            if mended == body:
                raise
            return _DECODER.decode(mended)
    except msgspec.ValidationError as error:
        raise Refused(422, "invalid_request", f"{_sentence(error)} {_EXPECTED}") from None
    except UnicodeDecodeError as error:
        raise Refused(
            400,
            "malformed_encoding",
            f"The body is not UTF-8 ({error.reason}). Send JSON in UTF-8.",
        ) from None
    except msgspec.DecodeError as error:
        raise Refused(400, "malformed_json", f"{_sentence(error)} {_EXPECTED}") from None
    except RecursionError:
        raise Refused(
            400, "malformed_json", f"The JSON is nested too deeply. {_EXPECTED}"
        ) from None


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('.')}."


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
    request["examples"] = [
        {"text": "这个产品使用体验非常棒！"},
        {"texts": ["Great room, rude staff.", "还行"], "sentences": True},
    ]
    return named
