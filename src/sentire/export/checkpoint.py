"""Open a stranger's sequence-classification checkpoint without running anything that came with it.

Reads:   a folder in Hugging Face layout, or a name on the Hub
Gives:   the network in FP32, its tokenizer, the names of its labels
Never:   unpickles, runs remote code, or takes a head that was not trained
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import huggingface_hub
import torch
import transformers
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from sentire.bundle.manifest import MANIFEST_NAME
from sentire.errors import SourceError

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*(/[\w.\-]+)?")
_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "README.md")
_UNSAFE = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.pkl")
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
_UNBOUNDED = 1_000_000
"""Tokenizers without a limit say 10**30."""
_MOST_TOKENS = 512
"""Longer rows cost more than windows do; --max-length may ask for more."""

_CONVERT = (
    "from transformers import AutoModelForSequenceClassification as M; "
    "M.from_pretrained('{folder}').save_pretrained('{folder}-safe')"
)


class Checkpoint(NamedTuple):
    """A classifier as its makers left it."""

    source: str
    model: nn.Module
    config: dict[str, Any]
    tokenizer: Any
    """A fast tokenizer of ``transformers``."""
    names: tuple[str, ...]
    """Of the labels, by column of the logits."""
    longest: int
    """Tokens of the longest row that the network reads, special ones included."""
    licence: str
    languages: tuple[str, ...]
    """ISO 639-1 codes that the model card names; empty where it names none."""

    @property
    def tokenizer_json(self) -> str:
        """The tokenizer as one file, with its padding token in it."""
        copy = Tokenizer.from_str(self.tokenizer.backend_tokenizer.to_str())
        copy.enable_padding(
            pad_id=self.tokenizer.pad_token_id, pad_token=str(self.tokenizer.pad_token)
        )
        return str(copy.to_str())


def open_checkpoint(name: str) -> Checkpoint:
    """Open a checkpoint.

    Parameters
    ----------
    name : a folder with ``config.json``, safetensors and a tokenizer; or a Hub name, which is
        fetched into the Hub's own cache

    Raises
    ------
    SourceError
        It is not there, is no classifier of texts, has no safe weights, or needs code of its own.
    """
    with _quiet():
        folder = _folder(name)
        _check_files(name, folder)
        model, config = _open_model(name, folder)
        tokenizer = _open_tokenizer(name, folder)
    names = tuple(str(config.id2label[at]) for at in sorted(config.id2label))
    _check_head(name, config, names)
    licence, languages = _card(folder)
    limit = getattr(tokenizer, "model_max_length", _UNBOUNDED)
    return Checkpoint(
        source=name,
        model=model,
        config=config.to_dict(),
        tokenizer=tokenizer,
        names=names,
        longest=min(_positions(model, config), int(limit) if limit < _UNBOUNDED else _UNBOUNDED),
        licence=licence,
        languages=languages,
    )


def default_length(checkpoint: Checkpoint) -> int:
    """Tokens to read at once, where nobody asked for another number."""
    return min(checkpoint.longest, _MOST_TOKENS)


def _folder(name: str) -> Path:
    folder = Path(name)
    if folder.exists():
        return folder
    if not _HUB_NAME.fullmatch(name):
        raise SourceError(
            f"{name}: there is no such folder. Name a folder, or a checkpoint on the Hub such as "
            "owner/name."
        )
    try:
        return Path(
            huggingface_hub.snapshot_download(
                name, allow_patterns=list(_WANTED), ignore_patterns=["*/*"]
            )
        )
    except Exception as error:  # the client's errors share no base
        raise SourceError(
            f"{name} is no folder, and can't be fetched from the Hub: {_first_line(error)}"
        ) from None


def _check_files(name: str, folder: Path) -> None:
    if folder.is_file():
        raise SourceError(f"{name} is a file. Name the checkpoint's folder.")
    if (folder / MANIFEST_NAME).is_file():
        raise SourceError(
            f"{name} is a sentire bundle already: use it as it is, or make it INT8 with "
            "sentire quantize."
        )
    if not (folder / "config.json").is_file():
        raise SourceError(
            f"{name} is no checkpoint: it has no config.json. Name a folder in Hugging Face layout."
        )
    if any(folder.glob("*.safetensors")):
        return
    unsafe = sorted(file.name for pattern in _UNSAFE for file in folder.glob(pattern))
    has = f"only {', '.join(unsafe)}, which can run code when read" if unsafe else "no weights"
    raise SourceError(
        f"{name} has no safetensors ({has}). If you trust it, convert it once: "
        f'python -c "{_CONVERT.format(folder=name)}"'
    )


def _open_model(name: str, folder: Path) -> tuple[nn.Module, Any]:
    safe = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(folder, **safe)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            **safe,
        )
    except Exception as error:  # transformers and safetensors raise many kinds
        if "custom code" in str(error) or "trust_remote_code" in str(error):
            raise SourceError(
                f"{name} needs code of its own, and sentire runs none that comes with a "
                "checkpoint. Choose one of an architecture that transformers knows."
            ) from None
        raise SourceError(f"{name} can't be read as a classifier: {_first_line(error)}") from None
    missing = sorted({*loading["missing_keys"], *map(str, loading["mismatched_keys"])})
    if missing:
        raise SourceError(
            f"{name} is no trained classifier: it has no weights for {', '.join(missing[:4])}"
            f"{', …' if len(missing) > 4 else ''}. Train it first: sentire train --backbone {name}"
        )
    return model.eval(), config


def _open_tokenizer(name: str, folder: Path) -> Any:
    # Without any of its files, transformers makes an empty tokenizer that knows no word.
    if not any(file for pattern in _VOCABULARIES for file in folder.glob(pattern)):
        raise SourceError(f"{name} has no tokenizer: it has none of {', '.join(_VOCABULARIES)}.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise SourceError(f"{name} has no tokenizer: {_first_line(error)}") from None
    if not getattr(tokenizer, "is_fast", False):
        raise SourceError(
            f"{name}: its tokenizer {type(tokenizer).__name__} has no fast form, and so no "
            "tokenizer.json. Choose a checkpoint with one."
        )
    if tokenizer.pad_token_id is None:
        raise SourceError(
            f"{name}: its tokenizer has no padding token, so texts can't be read together. Choose "
            "an encoder such as BERT or RoBERTa."
        )
    return tokenizer


def _check_head(name: str, config: Any, names: tuple[str, ...]) -> None:
    kind = config.problem_type
    if kind in {"regression", "multi_label_classification"} or len(names) < 2:
        raise SourceError(
            f"{name} tells {kind or 'one number'}, not one label of several. Sentiment needs a "
            "checkpoint for single-label classification."
        )


def _positions(model: nn.Module, config: Any) -> int:
    """Longest row by the network's own table of positions; some begin behind the padding's."""
    for module_name, module in model.named_modules():
        if module_name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            behind = 0 if module.padding_idx is None else module.padding_idx + 1
            return int(module.num_embeddings - behind)
    return int(getattr(config, "max_position_embeddings", _MOST_TOKENS))


def _card(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Licence and languages that the model card names."""
    try:
        data = huggingface_hub.ModelCard.load(folder / "README.md").data
    except Exception:  # no card, or one that is not YAML: it only describes
        return "unknown", ()
    licence, language = data.get("license"), data.get("language")
    codes = language if isinstance(language, list) else [language]
    return (
        licence if isinstance(licence, str) else "unknown",
        tuple(code for code in codes if isinstance(code, str)),
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Transformers tells about every file that it reads; errors come as exceptions."""
    log: Any = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity(log.CRITICAL)
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
