"""How far a job has come, in a small file beside its unfinished output.

Reads:   ``<output>.partial.json``
Gives:   the checkpoint of the same job, or an error that says what differs
Never:   leaves half a checkpoint: a new one replaces the old in one step
"""

import os
from pathlib import Path

import msgspec

from sentire.errors import OptionError
from sentire.types import Answer, Prediction


class Tally(msgspec.Struct):
    """Rows that are done, by outcome."""

    rows: int = 0
    labels: dict[str, int] = msgspec.field(default_factory=dict)
    errors: dict[str, int] = msgspec.field(default_factory=dict)

    def count(self, answer: Answer) -> None:
        """Add one row."""
        self.rows += 1
        if isinstance(answer, Prediction):
            self.labels[answer.label] = self.labels.get(answer.label, 0) + 1
        else:
            self.errors[answer.error.code] = self.errors.get(answer.error.code, 0) + 1


class JobCheckpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything up to here is safe on disk."""

    job: dict[str, str]
    """What makes this job the one it is: input, options, model."""
    tally: Tally
    digest: str
    """Of all rows read so far."""
    position: int
    """Bytes of the partial file, or parts of the partial table."""
    ascii: bool = True
    """Whether the partial file holds nothing but ASCII."""
    marked: bool = False
    """Whether it begins with a byte-order mark."""


def partial_path(output: Path) -> Path:
    """Where the unfinished output stands."""
    return output.with_name(output.name + ".partial")


def checkpoint_path(output: Path) -> Path:
    """Where its checkpoint stands."""
    return output.with_name(output.name + ".partial.json")


def save_checkpoint(output: Path, checkpoint: JobCheckpoint) -> None:
    """Write the checkpoint so that a crash leaves the old one or the new one."""
    path = checkpoint_path(output)
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(msgspec.json.encode(checkpoint))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def load_checkpoint(output: Path, job: dict[str, str]) -> JobCheckpoint | None:
    """Find where an interrupted job stopped; None where nothing was left behind.

    Raises
    ------
    OptionError
        What was left behind is another job's.
    """
    path = checkpoint_path(output)
    try:
        checkpoint = msgspec.json.decode(path.read_bytes(), type=JobCheckpoint)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not partial_path(output).exists():
        return None
    if checkpoint.job != job:
        names = sorted({*checkpoint.job, *job})
        changed = [name for name in names if checkpoint.job.get(name) != job.get(name)]
        raise OptionError(
            f"{partial_path(output)} belongs to another job: it differs in {', '.join(changed)}. "
            "Run it with what it had, or leave --resume out to start from the beginning."
        )
    return checkpoint


def clear_checkpoint(output: Path) -> None:
    """Forget the checkpoint."""
    path = checkpoint_path(output)
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".new").unlink(missing_ok=True)
