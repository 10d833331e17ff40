"""What a run said on its way, and the curve of it.

Reads:   the moments of a run
Gives:   ``history.jsonl``, which a resumed run continues, and ``curve.svg``
Never:   holds more than a line for every few steps
"""

from pathlib import Path

import msgspec

from sentire.optional import import_extra
from sentire.training.finetune import StepReport

_EVERY = 20
_FILE = "history.jsonl"


class HistoryPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the history."""

    step: int
    n_steps: int
    loss: float
    tokens_per_s: float
    dev: dict[str, float] | None = None


class History:
    """Appends to the history of a run in a folder.

    Parameters
    ----------
    folder : Path
        Of the run.
    resume : bool
        Whether to keep what is there.
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / _FILE
        if not resume:
            self._path.unlink(missing_ok=True)

    def add(self, report: StepReport) -> None:
        """Note a step, if it is one in twenty or an evaluation."""
        if report.dev is None and report.step % _EVERY:
            return
        point = HistoryPoint(
            step=report.step,
            n_steps=report.n_steps,
            loss=round(report.loss, 5),
            tokens_per_s=round(report.tokens_per_s, 1),
            dev=report.dev,
        )
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(point) + b"\n")

    def points(self) -> list[HistoryPoint]:
        """Everything noted, by step; where a resumed run took a step again, the later line."""
        if not self._path.exists():
            return []
        lines = self._path.read_bytes().splitlines()
        found = {
            p.step: p
            for p in (msgspec.json.decode(line, type=HistoryPoint) for line in lines if line)
        }
        return [found[step] for step in sorted(found)]


def plot(points: list[HistoryPoint], path: Path) -> None:
    """Draw loss and dev scores over the steps, as SVG.

    Raises
    ------
    MissingExtra
        matplotlib is not installed.
    """
    purpose = "the learning curve"
    figures = import_extra("matplotlib.figure", extra="training", purpose=purpose)
    figure = figures.Figure(figsize=(8, 4.5), layout="constrained")
    left = figure.subplots()
    left.plot([p.step for p in points], [p.loss for p in points], color="0.55", label="loss")
    left.set_xlabel("step")
    left.set_ylabel("loss, smoothed")
    right = left.twinx()
    right.set_ylabel("mean recall over the classes of a dev set")
    scored = [(p.step, p.dev) for p in points if p.dev]
    for name in sorted({name for _, dev in scored for name in dev}):
        curve = [(step, dev[name]) for step, dev in scored if name in dev]
        steps, values = zip(*curve, strict=True)
        right.plot(steps, values, marker="o", linewidth=2.5 if name == "mean" else 1, label=name)
    if scored:
        right.legend(fontsize=7, ncols=2, loc="lower right")
    figure.savefig(path, format="svg", metadata={"Date": None})
