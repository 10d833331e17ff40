"""A trained network on disk, before it becomes a bundle.

Reads:   a folder in Hugging Face layout
Gives:   the encoder with its heads, its tokenizer, and the record of how it was made
Never:   serves; ``export`` makes a bundle of it
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
from safetensors.torch import load_file

from sentire.atomic import write_file
from sentire.errors import MissingBackbone, OutputError
from sentire.training.backbone import Backbone, open_backbone
from sentire.training.checkpoint import save_weights
from sentire.training.encoder import Encoder
from sentire.training.record import RECORD, TrainingRecord, read_record

WEIGHTS = "model.safetensors"


class Trained(NamedTuple):
    """A trained network."""

    encoder: Encoder
    tokenizer_json: str
    record: TrainingRecord


def new_encoder(backbone: Backbone, heads: Mapping[str, int], *, seed: int) -> Encoder:
    """An encoder with the backbone's weights and new heads, the same for the same seed.

    Parameters
    ----------
    backbone : Backbone
    heads : mapping of str to int
        Number of labels of each head.
    seed : int
        Decides the weights of the new heads.

    Raises
    ------
    MissingBackbone
        The weights are not those of the shape that the configuration names.
    """
    torch.manual_seed(seed)
    encoder = Encoder(backbone.config, heads=heads)
    try:
        missing, _ = encoder.base.load_state_dict(backbone.weights, strict=False)
    except RuntimeError as error:
        raise MissingBackbone(f"the weights don't fit config.json: {error}") from None
    absent = [name for name in missing if not name.endswith("position_ids")]
    if absent:
        raise MissingBackbone(
            f"the checkpoint lacks {len(absent)} tensors of the encoder, {absent[0]} among them. "
            "Name a whole checkpoint."
        )
    return encoder


def save_trained(folder: Path, trained: Trained) -> None:
    """Write config, tokenizer, record and weights; the weights last, so that they mean whole.

    Raises
    ------
    OutputError
        There is no room for it, or no permission.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trained.encoder.config.save_pretrained(folder)
        write_file(folder / "tokenizer.json", trained.tokenizer_json.encode())
        record = msgspec.json.format(msgspec.json.encode(trained.record), indent=1)
        write_file(folder / RECORD, record + b"\n")
    except OSError as error:
        raise OutputError(f"{folder} can't be written: {error.strerror}") from None
    save_weights(folder / WEIGHTS, trained.encoder)


def load_trained(folder: Path) -> Trained:
    """Read what :func:`save_trained` wrote.

    Raises
    ------
    MissingBackbone
        The folder holds no such network.
    """
    if not (folder / RECORD).is_file() or not (folder / WEIGHTS).is_file():
        raise MissingBackbone(
            f"{folder} holds no network that sentire trained: it needs {RECORD} and {WEIGHTS}. "
            "Name the -o of a finished sentire train."
        )
    backbone = open_backbone(str(folder))
    shapes = {
        name.split(".")[1]: len(tensor)
        for name, tensor in backbone.heads.items()
        if name.startswith("heads.") and name.endswith(".weight")
    }
    vectors = backbone.heads.get("embedding.linear.weight")
    encoder = Encoder(
        backbone.config, heads=shapes, embedding=None if vectors is None else len(vectors)
    )
    encoder.load_state_dict(load_file(folder / WEIGHTS))
    encoder.eval()
    return Trained(encoder, backbone.tokenizer_json, read_record(folder))
