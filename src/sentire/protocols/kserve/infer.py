"""Inference requests of the Open Inference Protocol (KServe v2): one tensor of texts.

Reads:   the body of ``POST …/infer``, JSON or JSON with a binary tensor behind it
Gives:   a checked request
Never:   guesses at a tensor whose shape, data type or size contradict each other
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from sentire.protocols.kserve.outputs import OUTPUTS, RequestedOutput
from sentire.types import OnLong, PredictOptions
from sentire.web.json_body import read_json
from sentire.web.problems import ProblemError

INPUT = "text"


class InferTensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An input tensor."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: list[Any] | UnsetType = UNSET


class InferOutput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Texts to score as a tensor, and the tensors that are wanted."""

    inputs: list[InferTensor]
    outputs: list[InferOutput] = []
    id: str | UnsetType = UNSET
    parameters: dict[str, Any] = {}
    model_name: str | UnsetType = UNSET
    """Some clients repeat it here; the path says which model is meant."""
    model_version: str | UnsetType = UNSET


class InferInput(NamedTuple):
    """A checked request."""

    id: str | None
    texts: list[str]
    shape: list[int]
    """Of the input: (n_texts,) or (n_texts, 1). Outputs with one value a text have it too."""
    outputs: list[RequestedOutput]
    options: PredictOptions


class _Options(msgspec.Struct, frozen=True):
    """The parameters of a request that mean something here; others are let pass."""

    sentences: bool = False
    emotion: bool = False
    on_long: OnLong = "window"
    binary_data_output: bool = False


class _OutputOptions(msgspec.Struct, frozen=True):
    binary_data: bool | None = None
    classification: int = 0


_DECODER = msgspec.json.Decoder(InferRequest)
_EXAMPLE = '{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["…"]}'
_EXPECTED = f'Send {{"inputs": [{_EXAMPLE}]}}.'


def decode(body: bytes, header_length: str | None) -> InferInput:
    """Read a request.

    Parameters
    ----------
    body : bytes
    header_length : str or None
        The header ``Inference-Header-Content-Length``: bytes of the JSON in front of the tensors.

    Raises
    ------
    ProblemError
        400 or 422: it is no JSON, or the tensors are not what it says, or not what is taken here.
    """
    head, tail = _split(body, header_length)
    request = read_json(head, _DECODER, expected=_EXPECTED)
    options = _converted(request.parameters, _Options, "the parameters of the request")
    if len(request.inputs) != 1 or request.inputs[0].name != INPUT:
        names = ", ".join(repr(tensor.name) for tensor in request.inputs) or "none"
        raise _invalid(f"The inputs are {names}. There is one, {INPUT!r}. {_EXPECTED}")
    tensor = request.inputs[0]
    outputs = [_wanted(output, options) for output in request.outputs or list(_default_outputs())]
    if len({output.name for output in outputs}) < len(outputs):
        raise _invalid("An output is asked for twice. Ask for each once.")
    heads = {OUTPUTS[output.name].head for output in outputs} - {"polarity"}
    if options.emotion:
        heads.add("emotion")
    return InferInput(
        None if request.id is UNSET else request.id,
        _texts(tensor, tail),
        tensor.shape,
        outputs,
        PredictOptions(options.sentences, tuple(sorted(heads)), options.on_long),
    )


def _split(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    if header_length is None:
        return body, b""
    length = header_length.strip()
    if not (length.isascii() and length.isdecimal()) or int(length) > len(body):
        raise ProblemError(
            400,
            "malformed_tensor",
            f"Inference-Header-Content-Length is {header_length!r}, and the body has {len(body)} "
            "bytes. It is the number of bytes of JSON in front of the binary tensors.",
        )
    return body[: int(length)], body[int(length) :]


def _texts(tensor: InferTensor, tail: bytes) -> list[str]:
    if tensor.datatype != "BYTES":
        raise _invalid(
            f"Input {INPUT!r} has datatype {tensor.datatype!r}. It takes BYTES: texts in UTF-8."
        )
    n_texts = tensor.shape[0] if tensor.shape else -1
    if n_texts < 0 or len(tensor.shape) > 2 or tensor.shape[1:] not in ([], [1]):
        raise _invalid(
            f"Input {INPUT!r} has shape {tensor.shape}. It takes [n] or [n, 1], with n texts."
        )
    size = tensor.parameters.get("binary_data_size")
    if (size is None) == (tensor.data is UNSET):
        came = "neither" if size is None else "both"
        raise _invalid(
            f'Input {INPUT!r} has {came} of "data" and the parameter "binary_data_size". '
            "Shared memory is not supported; send the texts in the request."
        )
    if size is None and tail:
        raise _invalid(f"{len(tail)} bytes stand behind the JSON, and no input claims them.")
    if size is not None:
        if size != len(tail):
            raise _invalid(
                f'"binary_data_size" is {size!r}, and {len(tail)} bytes stand behind the JSON. '
                "Inference-Header-Content-Length says where they begin."
            )
        texts = list(_elements(tail))
    else:
        assert tensor.data is not UNSET  # noqa: S101 - one of the two is there
        texts = [_text(value, index) for index, value in enumerate(_flat(tensor.data))]
    if len(texts) != n_texts:
        raise _invalid(f"Input {INPUT!r} has shape {tensor.shape} and {len(texts)} texts.")
    return texts


def _flat(data: list[Any]) -> Iterator[Any]:
    """Tensors may be written flat or nested."""
    for value in data:
        if isinstance(value, list):
            yield from value
        else:
            yield value


def _text(value: object, index: int) -> str:
    if not isinstance(value, str):
        raise _invalid(f"Text {index} is no string. {_EXPECTED}")
    return value


def _elements(data: bytes) -> Iterator[str]:
    """Texts of a binary tensor: for each the number of its bytes, 4 bytes little-endian, and them.

    The bytes are UTF-8.
    """
    place, index = 0, 0
    while place < len(data):
        start = place + 4
        end = start + (int.from_bytes(data[place:start], "little") if start <= len(data) else 0)
        if start > len(data) or end > len(data):
            raise ProblemError(
                400,
                "malformed_tensor",
                f"Text {index} of the binary tensor ends behind the body. "
                "Each text is its number of bytes, 4 bytes little-endian, and then its bytes.",
            )
        try:
            yield data[start:end].decode()
        except UnicodeDecodeError as error:
            raise ProblemError(
                400,
                "malformed_encoding",
                f"Text {index} of the binary tensor is not UTF-8 ({error.reason}).",
            ) from None
        place, index = end, index + 1


def _default_outputs() -> Iterator[InferOutput]:
    return (InferOutput(name=name) for name, output in OUTPUTS.items() if output.by_default)


def _wanted(output: InferOutput, options: _Options) -> RequestedOutput:
    known = OUTPUTS.get(output.name)
    if known is None:
        raise _invalid(f"There is no output {output.name!r}. There are {', '.join(OUTPUTS)}.")
    given = _converted(output.parameters, _OutputOptions, f"the parameters of {output.name!r}")
    if "shared_memory_region" in output.parameters:
        raise _invalid("Shared memory is not supported; take the outputs from the answer.")
    if given.classification and (not known.has_columns or given.classification < 0):
        raise _invalid(
            f'"classification" is {given.classification} for output {output.name!r}. It takes a '
            'number from 1, for "probabilities" and "emotion_probabilities".'
        )
    binary = options.binary_data_output if given.binary_data is None else given.binary_data
    return RequestedOutput(output.name, binary, given.classification)


def _converted(parameters: dict[str, Any], kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(parameters, kind)
    except msgspec.ValidationError as error:
        raise _invalid(f"In {where}: {str(error).rstrip('.')}.") from None


def _invalid(detail: str) -> ProblemError:
    return ProblemError(422, "invalid_request", detail)
