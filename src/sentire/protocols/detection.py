"""Tell dialects that share a path apart, by their keys.

Reads:   the bytes of a request body
Gives:   whose request it is
Never:   decodes more of our own dialect's requests than it takes to see that they are ours
"""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sentire.web.json_body import read_json

INPUTS_REQUESTS = ("HuggingFaceRequest", "TeiRequest")
"""Names of the records that have ``inputs``, in the OpenAPI document."""
INPUTS_ANSWERS = ("HuggingFaceAnswer", "TeiAnswer")
INPUTS_ERRORS = ("HuggingFaceError", "TeiError")


class _BodyKeys(msgspec.Struct, frozen=True):
    inputs: Raw | UnsetType = UNSET
    parameters: Raw | UnsetType = UNSET
    options: Raw | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(_BodyKeys)
_EXPECTED = 'Send {"inputs": "…"}, or {"text": "…"} to /predict.'


def has_inputs(body: bytes) -> bool:
    r"""Whether a body is meant for the dialects of Hugging Face and TEI, not for our own.

    Examples
    --------
    >>> has_inputs(b'{"inputs": "great"}'), has_inputs(b'{"text": "\"inputs\""}')
    (True, False)
    """
    if b'"inputs"' not in body:
        return False
    try:
        return _DECODER.decode(body).inputs is not UNSET
    except (msgspec.DecodeError, RecursionError):
        return b'"text' not in body


def dialect_of(body: bytes) -> Literal["huggingface", "tei"]:
    """Whose request a body with ``inputs`` is: Hugging Face's clients send ``parameters``, too.

    Raises
    ------
    ProblemError
        400 where it is no JSON in UTF-8, 422 where it is no object.
    """
    keys = read_json(body, _DECODER, expected=_EXPECTED)
    return "tei" if keys.parameters is UNSET and keys.options is UNSET else "huggingface"
