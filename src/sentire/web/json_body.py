"""Read JSON that anybody may have written, the same way in every dialect.

Reads:   the bytes of a request body
Gives:   a checked record
Never:   lets a body that is broken in any way out as anything but a refusal
"""

import codecs
import json
import re
from typing import TypeVar

import msgspec

from sentire.web.problems import ProblemError

T = TypeVar("T")

# An escaped backslash, a surrogate pair, or (the group) half of one.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def read_json(body: bytes, decoder: "msgspec.json.Decoder[T]", *, expected: str) -> T:
    """Decode a body.

    Parameters
    ----------
    body : bytes
    decoder : for the record that is expected
    expected : str
        What to send, as a sentence; every refusal ends with it.

    Raises
    ------
    ProblemError
        400 where it is no JSON in UTF-8, 422 where it is JSON of another shape.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            # JavaScript cuts strings inside an emoji and sends the half as an escape. Such a text
            # is read with the replacement character there, which keeps the offsets too.
            mended = _SURROGATES.sub(lambda m: rb"\ufffd" if m[1] else m[0], body)
            if mended == body:
                raise
            return decoder.decode(mended)
    except msgspec.ValidationError as error:
        raise ProblemError(422, "invalid_request", f"{_sentence(error)} {expected}") from None
    except UnicodeDecodeError as error:
        raise ProblemError(
            400,
            "malformed_encoding",
            f"The body is not UTF-8 ({error.reason}). Send JSON in UTF-8.",
        ) from None
    except msgspec.DecodeError as error:
        encoding = _other_encoding(body)
        if encoding is not None:
            raise ProblemError(
                400, "malformed_encoding", f"The body is in {encoding}. Send JSON in UTF-8."
            ) from None
        raise ProblemError(400, "malformed_json", f"{_sentence(error)} {expected}") from None
    except RecursionError:
        raise ProblemError(
            400, "malformed_json", f"The JSON is nested too deeply. {expected}"
        ) from None


def _other_encoding(body: bytes) -> str | None:
    """Name the encoding of JSON that is not in UTF-8; None where the body is no such thing."""
    found = json.detect_encoding(body)  # by the zero bytes around its first characters
    if found.startswith("utf-8"):
        return None
    begins = body[:64].decode(found, "ignore").lstrip()
    return found[:6].upper() if begins.startswith(("{", "[", '"')) else None


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('.')}."
