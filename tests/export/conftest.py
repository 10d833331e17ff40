"""Small real models: what learning leaves, and checkpoints as other people make them."""

import warnings
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FP32 graph of polarity, emotion and embedding, with tokenizer and config."""
    from checkpoints import make_folder  # needs PyTorch, which a conftest must not

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's and transformers' own parts
        return make_folder(tmp_path_factory.mktemp("learned") / "fp32")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints by what is special about them."""
    from checkpoints import STARS, TWO, make_checkpoint

    root = tmp_path_factory.mktemp("checkpoints")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "three": make_checkpoint(root / "three"),
            "stars": make_checkpoint(
                root / "stars", architecture="xlm-roberta", tokenizer="unigram", names=STARS
            ),
            "two": make_checkpoint(root / "two", architecture="distilbert", names=TWO),
            "nameless": make_checkpoint(
                root / "nameless",
                architecture="electra",
                names=("LABEL_0", "LABEL_1", "LABEL_2"),
                order=(2, 0, 1),
            ),
            "english": make_checkpoint(
                root / "english", architecture="roberta", tokenizer="unigram", languages=["en"]
            ),
        }
