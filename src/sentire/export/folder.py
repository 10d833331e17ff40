"""What is to be quantized: an FP32 bundle, or a folder in Hugging Face layout.

Reads:   ``bundle.json``, or ``config.json`` and the outputs of the graph
Gives:   a draft manifest
Never:   takes figures over that were measured on another graph
"""

from pathlib import Path
from typing import Any

import msgspec
import onnx

from sentire.bundle.manifest import MANIFEST_NAME, Manifest
from sentire.bundle.store import MODEL_NAME, TOKENIZER_NAME, read_bundle
from sentire.errors import BundleNotFound, OptionError, SourceError
from sentire.export.draft import (
    CONFIG_NAME,
    Identity,
    bundle_name,
    check_name,
    draft,
)
from sentire.export.graph import read_graph
from sentire.export.label_map import map_labels
from sentire.labels import EMBEDDING, EMOTIONS, OUTPUTS
from sentire.text.path import TextSettings


class Naming(msgspec.Struct, frozen=True, kw_only=True):
    """What the new bundle is called; None takes it from what there is."""

    name: str | None = None
    version: str | None = None


def draft_of(folder: Path, naming: Naming) -> Manifest:
    """Draft of what lies in a folder.

    Raises
    ------
    BundleNotFound
        There is no such folder.
    BundleDamaged, FingerprintMismatch
        It is a bundle, and a file was altered or the text path is another one.
    SourceError, OptionError
        It is no bundle, and lacks a file, or its labels are not those of the contract.
    """
    if not folder.is_dir():
        raise BundleNotFound(folder, "there is no such folder")
    if (folder / MANIFEST_NAME).is_file():
        manifest = read_bundle(folder).manifest
        name, version = naming.name or manifest.name, naming.version or manifest.version
        check_name(name, version)
        return msgspec.structs.replace(
            manifest, name=name, version=version, evaluation=(), quantization=None
        )
    return _draft_of_plain(folder, naming)


def _draft_of_plain(folder: Path, naming: Naming) -> Manifest:
    for name in (MODEL_NAME, TOKENIZER_NAME, CONFIG_NAME):
        if not (folder / name).is_file():
            raise SourceError(
                f"{folder} has no {name}, and is no bundle. It must hold {MODEL_NAME}, "
                f"{TOKENIZER_NAME} and {CONFIG_NAME}."
            )
    config = _config(folder / CONFIG_NAME)
    widths = _outputs(read_graph(folder / MODEL_NAME))
    heads: dict[str, list[str]] = {"polarity": _polarity(folder, config)}
    if OUTPUTS["emotion"] in widths:
        heads["emotion"] = list(EMOTIONS)
    for head, labels in heads.items():
        width = widths.get(OUTPUTS[head])
        if width not in {len(labels), 0}:
            raise SourceError(
                f"{folder / MODEL_NAME}: its output {OUTPUTS[head]} has "
                f"{'no' if width is None else width} columns, {head} has {len(labels)} labels. "
                f"It has the outputs: {', '.join(widths)}."
            )
    kind = (config.get("architectures") or ["a classifier"])[0]
    return draft(
        Identity(
            name=naming.name or bundle_name(folder.resolve().name),
            version=naming.version or "1.0.0",
            description=f"Made of an ONNX graph of {kind}.",
            licence="unknown",
        ),
        _text_settings(folder, config),
        heads,
        embedding=widths.get(EMBEDDING),
    )


def _config(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} is not valid: {error}") from None


def _polarity(folder: Path, config: dict[str, Any]) -> list[str]:
    """Labels by column; each must mean another label, since a graph can't be merged here."""
    named = config.get("id2label")
    if not isinstance(named, dict) or not named:
        raise SourceError(f"{folder / CONFIG_NAME} names no labels: it has no id2label")
    names = [str(named[at]) for at in sorted(named, key=int)]
    found = map_labels(names, {})
    labels = [label for label in found.meanings if label is not None]
    if found.unclear or len(set(labels)) < len(names):
        raise OptionError(
            f"{folder / CONFIG_NAME} calls its labels {', '.join(names)}. A graph can be quantized "
            "as it is where they are negative, neutral and positive; make others a bundle with "
            "sentire import, from the PyTorch checkpoint."
        )
    return labels


def _outputs(model: onnx.ModelProto) -> dict[str, int]:
    """Output -> its number of columns, 0 where the graph does not say."""
    return {
        output.name: int(output.type.tensor_type.shape.dim[-1].dim_value)
        for output in model.graph.output
        if len(output.type.tensor_type.shape.dim) == 2
    }


def _text_settings(folder: Path, config: dict[str, Any]) -> TextSettings:
    """Token limit of the tokenizer's settings, else of the network, at most 512."""
    path = folder / "tokenizer_config.json"
    limits = [_config(path).get("model_max_length")] if path.is_file() else []
    limits.append(config.get("max_position_embeddings"))
    length = min([512, *(int(limit) for limit in limits if isinstance(limit, int | float))])
    return TextSettings(max_length=length, overlap=length // 4)
