"""The options that ``sentire train`` and ``sentire distill`` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sentire.cli.bundle_options import MAKING
from sentire.cli.deferred import Extra

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

LEARNING = (
    Extra(
        "training,export",
        ("torch", "transformers", "safetensors", "onnx", "onnxscript", "matplotlib"),
        "learning",
    ),
    MAKING,
)

_OUTPUT = "The bundle to make; the run's own files lie beside it, in BUNDLE.training."
_DEV = "Labelled texts to be judged by, never learned.  [default: a share of DATA]"
_DEV_SHARE = "Share of DATA to hold back, where --dev is not given."
_LAYER_DECAY = "Share of the rate that each layer below gets.  [default: 0.95]"
_BATCH_TOKENS = "Padded tokens of a batch.  [default: 2048]"
_DROPPED = "Share of tokens made unknown, as typing errors are.  [default: 0.05]"
_EVALUATIONS = "How often the dev texts are scored in an epoch.  [default: 4]"
_PATIENCE = "Stop after so many evaluations without a better one.  [default: never]"


def learning_options(command: _Decorated) -> _Decorated:
    """Add the options of a run."""
    number = click.FLOAT
    folder = click.Path(path_type=Path)
    share = click.FloatRange(0.01, 0.5)
    add = click.option
    options = (
        add("-o", "--output", required=True, type=folder, metavar="BUNDLE", help=_OUTPUT),
        add("--dev", multiple=True, metavar="DATA", help=_DEV),
        add("--dev-share", type=share, default=0.1, show_default=True, help=_DEV_SHARE),
        add("--epochs", type=click.IntRange(1), help="Passes over the data.  [default: 2]"),
        add("--learning-rate", type=number, help="Peak rate.  [default: 1e-4]"),
        add("--layer-decay", type=number, help=_LAYER_DECAY),
        add("--batch-tokens", type=click.IntRange(16), help=_BATCH_TOKENS),
        add("--token-dropout", type=number, help=_DROPPED),
        add("--evaluations", type=click.IntRange(1), help=_EVALUATIONS),
        add("--patience", type=click.IntRange(0), help=_PATIENCE),
        add("--seed", type=click.INT, help="The same seed, the same run.  [default: 7]"),
        add("--max-length", type=click.IntRange(16, 8192), default=128, show_default=True,
            help="Tokens read at once; longer texts are read in windows."),
        add("--resume", is_flag=True, help="Go on where an interrupted run stopped."),
        add("--name", metavar="N", help="Name of the bundle.  [default: its folder's]"),
        add("--bundle-version", default="0.1.0", show_default=True, metavar="V",
            help="Version of the bundle."),
        add("--licence", default="unstated", show_default=True, help="Licence of the bundle."),
        add("--description", metavar="TEXT", help="What the model card says first."),
        add("--force", is_flag=True, help="Replace a bundle, or a run, that stands there."),
        add("--no-bundle", is_flag=True, help="Stop when the weights are trained."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
