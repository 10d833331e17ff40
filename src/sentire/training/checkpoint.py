"""The state of a training run, as one file that is either whole or not there.

Reads:   weights, the optimizer's moments, what the run knows about itself
Gives:   ``checkpoint.safetensors``
Never:   pickles, or gives up the last good file before the next one is whole
"""

from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from sentire.atomic import partial_file
from sentire.errors import OutputError
from sentire.training.encoder import Encoder

_CHECKPOINT = "checkpoint.safetensors"
_BEST = "best.safetensors"


class TrainingProgress(msgspec.Struct, kw_only=True):
    """Where a run stands."""

    step: int = 0
    """Steps taken."""
    best: float | None = None
    """Best dev score so far, higher is better."""
    best_step: int = 0
    stale: int = 0
    """Evaluations since then."""
    plan: str = ""
    """Digest of the data and the schedule: a run goes on only with its own."""


def save_checkpoint(
    folder: Path, model: Encoder, optimizer: torch.optim.Optimizer, progress: TrainingProgress
) -> None:
    """Write weights, moments and progress; the old file stays until the new one is whole.

    Parameters
    ----------
    folder : Path
        Where the checkpoint lies.
    model : Encoder
    optimizer : Optimizer
        Its moments are written.
    progress : TrainingProgress
        How far the run is.

    Raises
    ------
    OutputError
        There is no room for it, or no permission.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors[f"first.{number}"] = state["exp_avg"]
        tensors[f"second.{number}"] = state["exp_avg_sq"]
    _save(folder / _CHECKPOINT, tensors, {"progress": msgspec.json.encode(progress).decode()})


def load_checkpoint(
    folder: Path, model: Encoder, optimizer: torch.optim.Optimizer
) -> TrainingProgress | None:
    """Restore what :func:`save_checkpoint` wrote; None when there is nothing yet.

    Parameters
    ----------
    folder : Path
        Where the checkpoint lies.
    model : Encoder
        Gets the weights.
    optimizer : Optimizer
        Gets the moments.
    """
    path = folder / _CHECKPOINT
    if not path.exists():
        return None
    with safe_open(path, "pt") as file:
        progress = msgspec.json.decode(file.metadata()["progress"], type=TrainingProgress)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    model.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    state = optimizer.state_dict()
    state["state"] = {
        number: {
            "step": torch.tensor(float(progress.step)),
            "exp_avg": tensors[f"first.{number}"],
            "exp_avg_sq": tensors[f"second.{number}"],
        }
        for group in state["param_groups"]
        for number in group["params"]
        if f"first.{number}" in tensors
    }
    optimizer.load_state_dict(state)
    return progress


def save_best(folder: Path, model: Encoder) -> None:
    """Keep the weights that did best on the dev texts."""
    _save(folder / _BEST, dict(model.state_dict()), {})


def load_best(folder: Path, model: Encoder) -> None:
    """Restore what :func:`save_best` wrote."""
    model.load_state_dict(load_file(folder / _BEST))


def save_weights(path: Path, model: Encoder) -> None:
    """Write the weights alone, under the names that ``transformers`` knows."""
    _save(path, dict(model.state_dict()), {"format": "pt"})


def _save(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial_file(path) as partial:
            save_file({k: v.detach().contiguous() for k, v in tensors.items()}, partial, metadata)
    except (OSError, SafetensorError) as error:
        raise OutputError(
            f"{path} can't be written: {error}. The last whole one is kept; make room, then go on "
            "with --resume."
        ) from None
