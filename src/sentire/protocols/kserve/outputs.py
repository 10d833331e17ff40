"""Inference answers of the Open Inference Protocol (KServe v2): several tensors, one row a text.

Reads:   predictions, and the outputs that are wanted
Gives:   the body of the answer, as JSON or with binary tensors behind it
Never:   gives another number of rows than there are texts
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from sentire.labels import probabilities_of
from sentire.types import ModelInfo, Prediction


class Output(NamedTuple):
    """A tensor that can be asked for."""

    datatype: str
    head: str = "polarity"
    """The head that it tells of."""
    has_columns: bool = False
    """Whether it holds the probabilities of the head, one column a label, or one value a text."""
    by_default: bool = False


OUTPUTS: Mapping[str, Output] = {
    "label": Output("BYTES", by_default=True),
    "score": Output("FP32", by_default=True),
    "probabilities": Output("FP32", has_columns=True, by_default=True),
    "emotion": Output("BYTES", head="emotion"),
    "emotion_probabilities": Output("FP32", head="emotion", has_columns=True),
    "warnings": Output("BYTES"),
    "prediction": Output("BYTES"),
}
"""``warnings`` are codes with commas between them; ``prediction`` is the whole record as JSON."""


class RequestedOutput(NamedTuple):
    """An output, and the form it is wanted in."""

    name: str
    binary: bool
    n_classes: int
    """Of the classification extension; 0 wants the numbers."""


def encode(
    outputs: Sequence[RequestedOutput],
    predictions: Sequence[Prediction],
    *,
    shape: list[int],
    request_id: str | None,
    name: str,
    model: ModelInfo,
    labels: Mapping[str, Sequence[str]],
) -> tuple[bytes, int | None]:
    """Write the answer.

    Parameters
    ----------
    outputs : what is wanted
    predictions : one for each text, in order
    shape : of the input, (n_texts,) or (n_texts, 1); outputs with one value a text have it too
    request_id : str or None
        What the client called its request.
    name : str
        The name that the model is served under.
    model : ModelInfo
        Which version answered.
    labels : the labels of each head, in the order of the columns

    Returns
    -------
    The body, and the number of bytes of JSON in front of its binary tensors, None without any.
    """
    tensors, tail = [], []
    for wanted in outputs:
        tensor, binary = _tensor(wanted, shape, predictions, labels)
        tensors.append(tensor)
        tail.append(binary)
    answer: dict[str, Any] = {"model_name": name, "model_version": model.version}
    if request_id is not None:
        answer["id"] = request_id
    head = msgspec.json.encode({**answer, "outputs": tensors})
    has_binary = any(wanted.binary for wanted in outputs)
    return b"".join([head, *tail]), len(head) if has_binary else None


def _tensor(
    wanted: RequestedOutput,
    shape: list[int],
    predictions: Sequence[Prediction],
    labels: Mapping[str, Sequence[str]],
) -> tuple[dict[str, Any], bytes]:
    """Describe an output, and give its bytes where it is wanted binary."""
    known = OUTPUTS[wanted.name]
    datatype = known.datatype
    values: list[Any]
    if not known.has_columns:
        values = [_value(wanted.name, prediction) for prediction in predictions]
    else:
        names = labels[known.head]
        rows = [[probabilities_of(p, known.head)[name] for name in names] for p in predictions]
        n_columns = len(names)
        if wanted.n_classes:
            datatype, n_columns = "BYTES", min(wanted.n_classes, n_columns)
            rows_of_classes = [_classes(row, names)[:n_columns] for row in rows]
            values = [one for row in rows_of_classes for one in row]
        else:
            values = [share for row in rows for share in row]
        shape = [shape[0], n_columns]
    tensor = {"name": wanted.name, "shape": shape, "datatype": datatype}
    if not wanted.binary:
        return {**tensor, "data": values}, b""
    data = _packed(values, datatype)
    return {**tensor, "parameters": {"binary_data_size": len(data)}}, data


def _value(name: str, prediction: Prediction) -> str | float:
    match name:
        case "label":
            return prediction.label
        case "score":
            return prediction.score
        case "emotion":
            return prediction.emotion.label if prediction.emotion is not UNSET else ""
        case "warnings":
            return ",".join(warning.code for warning in prediction.warnings)
        case _:
            return msgspec.json.encode(prediction).decode()


def _classes(row: Sequence[float], names: Sequence[str]) -> list[str]:
    """Write a row as the classification extension does: ``value:index:label``, largest first."""
    order = sorted(range(len(row)), key=lambda index: row[index], reverse=True)
    return [f"{row[index]:f}:{index}:{names[index]}" for index in order]


def _packed(values: Sequence[Any], datatype: str) -> bytes:
    if datatype == "FP32":
        return struct.pack(f"<{len(values)}f", *values)
    encoded = [value.encode() for value in values]
    return b"".join(part for each in encoded for part in (struct.pack("<I", len(each)), each))
