"""How long and how fast to learn."""

import math
from collections.abc import Iterator
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from msgspec import Meta

from sentire.training.encoder import Encoder
from sentire.training.examples import batches


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long and how fast to learn. The defaults suit encoders of up to 12 layers."""

    epochs: Annotated[int, Meta(ge=1)] = 2
    learning_rate: Annotated[float, Meta(gt=0, lt=1)] = 1e-4
    """Peak of the linear schedule, for the heads and the last layer."""
    layer_decay: Annotated[float, Meta(gt=0, le=1)] = 0.95
    """Each layer below learns at this share of the rate above it."""
    warmup: Annotated[float, Meta(ge=0, lt=1)] = 0.06
    """Share of all steps in which the rate rises from 0."""
    weight_decay: Annotated[float, Meta(ge=0)] = 0.01
    max_tokens: Annotated[int, Meta(ge=16)] = 2048
    """Padded tokens of a batch."""
    max_rows: Annotated[int, Meta(ge=1)] = 64
    token_dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.05
    """Share of tokens replaced by the unknown one."""
    train_embeddings: bool = False
    """Whether word embeddings learn too; small data sets forget the words that they lack."""
    evaluations: Annotated[int, Meta(ge=1)] = 4
    """How often the dev texts are scored in an epoch."""
    patience: Annotated[int, Meta(ge=0)] = 0
    """Stop after so many evaluations without a better one; 0 never stops early."""
    checkpoint_s: Annotated[float, Meta(gt=0)] = 180.0
    """Seconds between checkpoints."""
    seed: int = 7


def plan(lengths: npt.NDArray[np.int64], schedule: Schedule) -> list[npt.NDArray[np.int64]]:
    """Indices of every batch of every epoch, the same for the same seed."""
    steps: list[npt.NDArray[np.int64]] = []
    for epoch in range(schedule.epochs):
        generator = np.random.default_rng([schedule.seed, epoch, 1])
        steps += batches(
            lengths, max_tokens=schedule.max_tokens, max_rows=schedule.max_rows, generator=generator
        )
    return steps


def rate(step: int, n_steps: int, *, warmup: float) -> float:
    """Share of the peak learning rate at a step: rising from 0, then falling to 0.

    Parameters
    ----------
    step : int
        From 0 to ``n_steps`` - 1.
    n_steps : int
        Steps of the whole run.
    warmup : float
        Share of the steps in which the rate rises, 0 to 1.
    """
    n_warm = max(1, round(n_steps * warmup))
    return min((step + 1) / n_warm, (n_steps - step) / max(1, n_steps - n_warm))


def set_rate(optimizer: torch.optim.Optimizer, share: float) -> None:
    """Set each group's learning rate to a share of its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share


def make_optimizer(model: Encoder, schedule: Schedule) -> torch.optim.AdamW:
    """AdamW with a rate for each layer; biases and norms are not decayed.

    Word embeddings stay as they are, unless the schedule says otherwise.
    """
    for name, parameter in model.named_parameters():
        if "word_embeddings" in name:
            parameter.requires_grad_(schedule.train_embeddings)
    n_layers = int(model.config.num_hidden_layers)
    groups: dict[tuple[int, bool], list[torch.Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            below = n_layers - _depth(name, n_layers)
            groups.setdefault((below, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak": schedule.learning_rate * schedule.layer_decay**below,
                "weight_decay": schedule.weight_decay if decayed else 0.0,
            }
            for (below, decayed), parameters in groups.items()
        ],
        lr=schedule.learning_rate,
        betas=(0.9, 0.98),
        eps=1e-6,
        fused=True,
    )


def evaluation_steps(n_steps: int, schedule: Schedule) -> Iterator[int]:
    """Steps after which the dev texts are scored; the last one always."""
    every = max(1, math.ceil(n_steps / (schedule.epochs * schedule.evaluations)))
    yield from range(every, n_steps, every)
    yield n_steps


def _depth(name: str, n_layers: int) -> int:
    """Layer of a parameter: 0 for the embeddings, ``n_layers`` for the last layer and the heads."""
    parts = name.split(".")
    if "layer" in parts:
        return int(parts[parts.index("layer") + 1]) + 1
    return 0 if "embeddings" in parts else n_layers
