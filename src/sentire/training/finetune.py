"""The loop: batches in, a better model out, with checkpoints that continue to the same result.

Reads:   examples, a schedule, what a step makes smaller, what an evaluation says
Gives:   trained weights, the best on the dev texts; a checkpoint on disk every few minutes
Never:   ends without one: an interruption, a bad loss and a full disk keep the last good state
"""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from sentire.errors import TrainingFailed
from sentire.training.checkpoint import (
    TrainingProgress,
    load_best,
    load_checkpoint,
    save_best,
    save_checkpoint,
)
from sentire.training.device import Device
from sentire.training.encoder import Encoder
from sentire.training.examples import Collator, Example, TensorBatch
from sentire.training.schedule import (
    Schedule,
    evaluation_steps,
    make_optimizer,
    plan,
    rate,
    set_rate,
)

Objective = Callable[[Encoder, TensorBatch], torch.Tensor]


class StepReport(NamedTuple):
    """What a run tells about itself."""

    step: int
    n_steps: int
    loss: float
    """Smoothed over some fifty steps."""
    tokens_per_s: float
    seconds_left: float
    dev: dict[str, float] | None = None
    """Scores of an evaluation, ``mean`` among them; None between evaluations."""


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop; its state is on disk."""


def finetune(
    model: Encoder,
    examples: Sequence[Example],
    schedule: Schedule,
    *,
    collate: Collator,
    objective: Objective,
    folder: Path,
    digest: str,
    resume: bool = False,
    evaluate: Callable[[Encoder], dict[str, float]] | None = None,
    observe: Callable[[StepReport], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Train in place.

    A run that is stopped and resumed takes the same steps as one that was not: the order of the
    batches comes from the seed and the epoch, dropout from the seed and the step.

    Parameters
    ----------
    model : Encoder
    examples : sequence of Example
    schedule : Schedule
        Epochs, rates and sizes of batches.
    collate : Collator
        Makes batches of examples.
    objective : function of the model and a batch that gives the loss
    folder : where the checkpoint lies
    digest : of data and settings; a checkpoint of another run is refused
    resume : bool
        Whether to go on from the checkpoint, where there is one.
    evaluate : gives dev scores, ``mean`` among them; the best weights by it are kept
    observe : told about every step
    stop : asked after every step; True saves a checkpoint and raises :class:`Interrupted`

    Raises
    ------
    TrainingFailed
        The loss is not finite, the memory is used up, or the checkpoint is another run's.
    OutputError
        A checkpoint can't be written.
    Interrupted
        ``stop`` said so.
    """
    device = Device.best()
    model.to(device.name)
    model.base.set_attn_implementation(device.attention)
    optimizer = make_optimizer(model, schedule)
    progress = _begin(model, optimizer, folder, digest, resume=resume)
    lengths = np.array([len(example.ids) + 2 for example in examples], np.int64)
    steps = plan(np.minimum(lengths, collate.max_length), schedule)
    due = set(evaluation_steps(len(steps), schedule)) if evaluate else set()
    meter = _Meter(progress.step, len(steps))
    saved = time.monotonic()
    model.train()
    while progress.step < len(steps):
        step = progress.step
        torch.manual_seed(schedule.seed * 1_000_003 + step)
        generator = np.random.default_rng([schedule.seed, step])
        ends = generator.random(len(steps[step])) < 0.5
        batch = collate(examples, steps[step], ends=ends, generator=generator)
        set_rate(optimizer, rate(step, len(steps), warmup=schedule.warmup))
        loss = _learn(model, optimizer, batch, objective, device)
        if not math.isfinite(loss):
            save_checkpoint(folder, model, optimizer, progress)
            raise TrainingFailed(
                f"the loss became {loss} at step {step + 1} of {len(steps)}. The state before it "
                "is kept: lower --learning-rate, or look for broken rows, and start anew."
            )
        progress.step += 1
        meter.add(loss, batch.input_ids.numel())
        scores = None
        if evaluate and progress.step in due:
            scores = evaluate(model)
            model.train()
            _note(progress, scores["mean"], folder, model)
        observe(meter.report(progress.step, scores))
        stopped, over = stop(), _stale(progress, schedule)
        if stopped or over or time.monotonic() - saved > schedule.checkpoint_s:
            save_checkpoint(folder, model, optimizer, progress)
            saved = time.monotonic()
        if stopped:
            raise Interrupted
        if over:
            break
    save_checkpoint(folder, model, optimizer, progress)
    if progress.best is not None:
        load_best(folder, model)
    model.base.set_attn_implementation("sdpa")
    model.eval()


def _begin(
    model: Encoder, optimizer: torch.optim.Optimizer, folder: Path, digest: str, *, resume: bool
) -> TrainingProgress:
    progress = load_checkpoint(folder, model, optimizer) if resume else None
    if progress is None:
        return TrainingProgress(plan=digest)
    if progress.plan != digest:
        raise TrainingFailed(
            f"the checkpoint in {folder} belongs to other data or settings than these. Name the "
            "same as before, or leave --resume out to start anew."
        )
    return progress


def _learn(
    model: Encoder,
    optimizer: torch.optim.Optimizer,
    batch: TensorBatch,
    objective: Objective,
    device: Device,
) -> float:
    """One step; gives the loss. A loss that is not finite changes nothing."""
    batch = device.move(batch)
    try:
        with device.autocast():
            loss = objective(model, batch)
        value = float(loss.item())
        if math.isfinite(value):
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    except (MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        rows, width = batch.input_ids.shape
        raise TrainingFailed(
            f"the memory is used up by a batch of {rows} x {width} tokens. Lower --batch-tokens, "
            "and go on with --resume from the last checkpoint."
        ) from None
    return value


def _is_memory(error: Exception) -> bool:
    words = str(error).lower()
    return isinstance(error, MemoryError) or "memory" in words or "alloc" in words


def _note(progress: TrainingProgress, score: float, folder: Path, model: Encoder) -> None:
    if progress.best is None or score > progress.best:
        progress.best, progress.best_step, progress.stale = score, progress.step, 0
        save_best(folder, model)
    else:
        progress.stale += 1


def _stale(progress: TrainingProgress, schedule: Schedule) -> bool:
    return 0 < schedule.patience <= progress.stale


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

    def report(self, step: int, scores: dict[str, float] | None) -> StepReport:
        spent = max(time.monotonic() - self._started, 1e-9)
        left = spent / max(1, step - self._first) * (self._n_steps - step)
        return StepReport(
            step, self._n_steps, self._loss or 0.0, self._n_tokens / spent, left, scores
        )
