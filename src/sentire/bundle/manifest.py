"""What ``bundle.json`` says.

Reads:   the bytes of a manifest
Gives:   a checked :class:`Manifest`
Never:   opens the files that the manifest names; ``store.py`` does
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sentire.text.path import TextSettings

MANIFEST_NAME = "bundle.json"

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Version = Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(?:[.+-][0-9A-Za-z.-]+)?$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Temperature = Annotated[float, Meta(gt=0.0)]


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One output of the model."""

    output: str
    """Name of the graph's output, logits of shape (n_rows, n_labels)."""
    labels: Annotated[tuple[str, ...], Meta(min_length=2)]
    """In the order of the output's columns."""
    temperature: dict[str, Temperature]
    """Per language code; ``*`` for every other language."""
    low_confidence: Annotated[float, Meta(ge=0.0, le=1.0)]
    """A score below this earns the warning ``low_confidence``."""


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence whose answer the bundle promises."""

    text: str
    probabilities: dict[str, float]


class Training(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data set the model learned from."""

    name: str
    language: str
    rows: int
    source: str
    licence: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure measured on the served graph."""

    data: str
    split: str
    n: int
    metric: str
    value: float
    low: float
    """Lower end of the 95 % confidence interval."""
    high: float
    fp32: float
    """The same figure before quantization."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bundle's identity, contract and proof."""

    format: Literal[1]
    name: Name
    version: Version
    description: str
    licence: str
    languages: Annotated[tuple[str, ...], Meta(min_length=1)]
    backend: Literal["onnx", "fake"] = "onnx"
    """``fake`` computes logits from token ids without a network; for tests."""
    text: TextSettings
    fingerprint: str
    """Of the text path the model was trained with."""
    heads: dict[str, Head]
    golden: Annotated[tuple[Golden, ...], Meta(min_length=1)]
    golden_tolerance: Annotated[float, Meta(gt=0.0, lt=0.5)]
    """Largest accepted difference of a golden probability; engines differ in rounding."""
    files: dict[str, Sha256]
    training: tuple[Training, ...] = ()
    evaluation: tuple[Evaluation, ...] = ()


def decode_manifest(data: bytes) -> Manifest:
    """Parse and check a manifest.

    Raises
    ------
    msgspec.DecodeError
        The bytes are no JSON, or break the schema; the message names the field.
    """
    return msgspec.json.decode(data, type=Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Indented JSON, the same bytes for the same manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def digest_of(data: bytes) -> str:
    """``sha256:`` and the hex digest of a manifest's bytes, which name the digest of every file."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
