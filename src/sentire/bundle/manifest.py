"""What ``bundle.json`` says.

Reads:   the bytes of a manifest
Gives:   a checked :class:`Manifest`
Never:   opens the files that the manifest names; ``store.py`` does
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sentire.labels import LABELS, HeadKind, labels_of
from sentire.text.path import TextSettings

MANIFEST_NAME = "bundle.json"

NAME_PATTERN = "[a-z0-9][a-z0-9._-]{0,63}"
Name = Annotated[str, Meta(pattern=f"^{NAME_PATTERN}$")]
Version = Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(?:[.+-][0-9A-Za-z.-]+)?$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Temperature = Annotated[float, Meta(gt=0.0)]


class Head(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One output of the model."""

    output: str
    """Name of the graph's output, logits of shape (n_rows, n_labels)."""
    labels: Annotated[tuple[str, ...], Meta(min_length=2)]
    """In the order of the output's columns."""
    temperature: dict[str, Temperature]
    """Per language code; ``*`` for every other language."""
    low_confidence: Annotated[float, Meta(ge=0.0, le=1.0)]
    """A score below this earns the warning ``low_confidence``."""
    calibration_error: dict[str, float] = {}
    """Expected calibration error per language code, on development texts that the temperature was
    not fitted on; empty where there were none."""
    kind: HeadKind = "single-label"


class Embedding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An output that tells what a text is about, for search, groups and categories."""

    output: str
    """Name of the graph's output, vectors of shape (n_rows, dimensions)."""
    dimensions: Annotated[int, Meta(ge=1)]


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
    head: str = "polarity"
    split: str
    n: int
    metric: str
    value: float
    low: float
    """Lower end of the 95 % confidence interval."""
    high: float
    fp32: float
    """The same figure before quantization."""
    fp32_low: float | None = None
    fp32_high: float | None = None


class KeptLayer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A layer that stays in FP32 because INT8 cost too much there."""

    name: str
    cost: float
    """How much nearer the answers come to those of the FP32 graph, in nats of divergence."""
    bytes: int
    """How much larger the file is for it."""


class Quantization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the INT8 graph was made of the FP32 graph, and how near it came."""

    layers: int
    """Layers that could become INT8, those kept in FP32 among them."""
    kept: tuple[KeptLayer, ...] = ()
    calibration_texts: int
    """Texts from which the ranges of activations were taken."""
    fp32_bytes: int
    """Size of the graph before."""
    int8_bytes: int
    shift: dict[str, float]
    """Per language: how far probabilities moved on the calibration texts, as the mean share of
    probability that went to another label."""
    changed: dict[str, float]
    """Per language: share of the calibration texts that got another label."""
    engines: float
    """Largest difference of a probability between OpenVINO and ONNX Runtime on those texts."""


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
    embedding: Embedding | None = None
    golden: Annotated[tuple[Golden, ...], Meta(min_length=1)]
    golden_tolerance: Annotated[float, Meta(gt=0.0, lt=0.5)]
    """Largest accepted difference of a golden probability; engines differ in rounding. The
    self-test accepts no more than its own bound, whatever stands here."""
    files: dict[str, Sha256]
    training: tuple[Training, ...] = ()
    evaluation: tuple[Evaluation, ...] = ()
    """Empty where nobody has measured the model on labelled texts."""
    quantization: Quantization | None = None

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of each head, in the order of its output's columns."""
        return {name: head.labels for name, head in self.heads.items()}

    def __post_init__(self) -> None:
        """Refuse labels that are not the contract's: nothing behind the manifest knows others."""
        for name, head in self.heads.items():
            allowed = labels_of(name, head.labels)
            if not set(head.labels) <= set(allowed) or len(set(head.labels)) < len(head.labels):
                raise ValueError(
                    f"head {name} has the labels {', '.join(head.labels)}. "
                    f"Allowed are {', '.join(dict.fromkeys(allowed))}, each once."
                )
            if name in LABELS and head.kind != "single-label":
                raise ValueError(f"head {name} is {head.kind}. Allowed is single-label.")


# Made here once: two threads that make msgspec's description of a type at the same time crash.
_DECODER = msgspec.json.Decoder(Manifest)


def decode_manifest(data: bytes) -> Manifest:
    """Parse and check a manifest.

    Raises
    ------
    msgspec.DecodeError
        The bytes are no JSON, or break the schema; the message names the field.
    """
    return _DECODER.decode(data)


def encode_manifest(manifest: Manifest) -> bytes:
    """Indented JSON, the same bytes for the same manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def digest_of(data: bytes) -> str:
    """``sha256:`` and the hex digest of a manifest's bytes, which name the digest of every file."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
