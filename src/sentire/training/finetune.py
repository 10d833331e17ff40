"""Train an encoder on labelled texts, with checkpoints that continue to the same result.

Reads:   examples, a schedule
Gives:   trained weights; a checkpoint on disk every few minutes
Never:   pickles: weights and optimizer state are safetensors
"""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn import functional

from sentire.training.encoder import SentimentEncoder
from sentire.training.examples import Example, batches, crop

BOS, PAD, EOS = 0, 1, 2
NEUTRAL = 1

_CHECKPOINT = "checkpoint.safetensors"


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long and how fast to learn."""

    epochs: int = 2
    learning_rate: float = 1e-4
    """Peak of the linear schedule."""
    warmup: float = 0.06
    """Share of all steps in which the rate rises from 0."""
    weight_decay: float = 0.01
    max_tokens: int = 2048
    """Padded tokens of a batch."""
    max_rows: int = 48
    max_length: int = 128
    """Tokens read of a text, with the two special ones."""
    checkpoint_s: float = 180.0
    """Seconds between checkpoints."""
    seed: int = 7


def collate(
    examples: Sequence[Example], *, max_length: int, generator: np.random.Generator
) -> dict[str, torch.Tensor]:
    """Pad a batch to a multiple of 16 tokens, so that few shapes are compiled.

    Returns
    -------
    dict with ``input_ids`` and ``attention_mask`` of shape (n_texts, n_tokens), ``labels`` and
    ``binary`` of shape (n_texts,)
    """
    rows = [crop(example.ids, limit=max_length - 2, generator=generator) for example in examples]
    width = 16 * math.ceil((max(len(row) for row in rows) + 2) / 16)
    ids = np.full((len(rows), width), PAD, np.int64)
    for index, row in enumerate(rows):
        ids[index, 0] = BOS
        ids[index, 1 : len(row) + 1] = row
        ids[index, len(row) + 1] = EOS
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy((ids != PAD).astype(np.int64)),
        "labels": torch.tensor([example.label for example in examples]),
        "binary": torch.tensor([example.binary for example in examples]),
    }


def masked_loss(logits: torch.Tensor, labels: torch.Tensor, binary: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in which a two-class row says nothing about neutral.

    Parameters
    ----------
    logits : tensor of shape (n_texts, 3)
    labels, binary : tensors of shape (n_texts,)
    """
    masked = logits.clone()
    masked[binary, NEUTRAL] = -1e4
    return functional.cross_entropy(masked, labels)


def finetune(
    model: SentimentEncoder,
    examples: Sequence[Example],
    schedule: Schedule,
    *,
    checkpoints: Path,
    resume: bool = False,
    progress: Callable[[str], None] = print,
    evaluate: Callable[[SentimentEncoder], str] | None = None,
) -> None:
    """Train in place. Word embeddings stay as they were.

    A run that is stopped and resumed takes the same steps as one that was not: the order of the
    batches comes from the seed and the epoch, dropout from the seed and the step.
    """
    model.bert.embeddings.word_embeddings.weight.requires_grad_(False)
    plan = _plan(examples, schedule)
    optimizer = torch.optim.AdamW(
        _groups(model, schedule), lr=schedule.learning_rate, betas=(0.9, 0.98), eps=1e-6
    )
    first = load_checkpoint(model, optimizer, checkpoints) if resume else 0
    meter = _Meter(first, len(plan))
    saved = time.monotonic()
    evaluate_every = max(1, len(plan) // (2 * schedule.epochs))
    model.train()
    for step in range(first, len(plan)):
        generator = np.random.default_rng([schedule.seed, step])
        torch.manual_seed(schedule.seed * 1_000_003 + step)
        chosen = [examples[i] for i in plan[step]]
        batch = collate(chosen, max_length=schedule.max_length, generator=generator)
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * _rate(step, len(plan), schedule.warmup)
        loss = _learn(model, optimizer, batch)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {loss} at step {step}. The last checkpoint is whole: lower the "
                "learning rate and resume."
            )
        meter.add(loss, batch["input_ids"].numel())
        if step % 100 == 0:
            progress(meter.line(step))
        if time.monotonic() - saved > schedule.checkpoint_s or step + 1 == len(plan):
            save_checkpoint(model, optimizer, checkpoints, step + 1)
            saved = time.monotonic()
        if evaluate and (step + 1) % evaluate_every == 0:
            model.eval()
            progress(evaluate(model))
            model.train()
    model.eval()


def _learn(
    model: SentimentEncoder, optimizer: torch.optim.Optimizer, batch: dict[str, torch.Tensor]
) -> float:
    """One step; gives the loss. A loss that is not finite changes nothing."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(batch["input_ids"], batch["attention_mask"])
    loss = masked_loss(logits.float(), batch["labels"], batch["binary"])
    if torch.isfinite(loss):
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return loss.item()


class _Meter:
    """Smoothed loss, speed and time left."""

    def __init__(self, first: int, n_steps: int) -> None:
        self._first, self._n_steps = first, n_steps
        self._started = time.monotonic()
        self._loss: float | None = None
        self._n_tokens = 0

    def add(self, loss: float, n_tokens: int) -> None:
        self._loss = loss if self._loss is None else 0.98 * self._loss + 0.02 * loss
        self._n_tokens += n_tokens

    def line(self, step: int) -> str:
        spent = time.monotonic() - self._started
        left = spent / (step - self._first + 1) * (self._n_steps - step)
        return (
            f"step {step}/{self._n_steps} loss {self._loss or 0.0:.3f} "
            f"{self._n_tokens / spent:.0f} tokens/s {left / 60:.0f} min left"
        )


def _plan(examples: Sequence[Example], schedule: Schedule) -> list[np.ndarray]:
    lengths = np.array([min(len(example.ids) + 2, schedule.max_length) for example in examples])
    plan = []
    for epoch in range(schedule.epochs):
        generator = np.random.default_rng([schedule.seed, epoch, 1])
        plan += batches(
            lengths, max_tokens=schedule.max_tokens, max_rows=schedule.max_rows, generator=generator
        )
    return plan


def _rate(step: int, n_steps: int, warmup: float) -> float:
    rising = (step + 1) / max(1, round(n_steps * warmup))
    return min(rising, (n_steps - step) / max(1, n_steps - round(n_steps * warmup)))


def _groups(model: SentimentEncoder, schedule: Schedule) -> list[dict[str, object]]:
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [p for _, p in trained if p.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [p for _, p in trained if p.ndim == 1], "weight_decay": 0.0},
    ]


def save_checkpoint(
    model: SentimentEncoder, optimizer: torch.optim.Optimizer, folder: Path, step: int
) -> None:
    """Write weights, moments and step as one file; the old one stays until the new is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, state in enumerate(optimizer.state_dict()["state"].values()):
        tensors[f"first.{number}"] = state["exp_avg"]
        tensors[f"second.{number}"] = state["exp_avg_sq"]
    partial = folder / f"{_CHECKPOINT}.partial"
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(whole, partial, {"step": str(step)})
    partial.replace(folder / _CHECKPOINT)


def load_checkpoint(model: SentimentEncoder, optimizer: torch.optim.Optimizer, folder: Path) -> int:
    """Restore what :func:`save_checkpoint` wrote; 0 when there is nothing yet."""
    path = folder / _CHECKPOINT
    if not path.exists():
        return 0
    with safe_open(path, "pt") as file:
        step = int(file.metadata()["step"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    model.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    state = optimizer.state_dict()
    numbers = [n for group in state["param_groups"] for n in group["params"]]
    state["state"] = {
        n: {
            "step": torch.tensor(float(step)),
            "exp_avg": tensors[f"first.{n}"],
            "exp_avg_sq": tensors[f"second.{n}"],
        }
        for n in numbers
    }
    optimizer.load_state_dict(state)
    return step
