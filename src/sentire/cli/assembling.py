"""What the commands that make a bundle share.

Reads:   their options, and what was assembled
Gives:   limits, texts to calibrate with, a progress display on stderr, a report in plain lines
Never:   assembles anything; ``export`` does
"""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from sentire.cli.interrupts import Interrupts, Stopped
from sentire.cli.main import INTERRUPTED, TERMINATED, say

if TYPE_CHECKING:
    from sentire.bundle.manifest import Manifest
    from sentire.export.assemble import Assembled
    from sentire.export.gate import Limits

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_MODULES = ("onnx", "onnxruntime")
_LEARNING = ("torch", "transformers", "onnxscript")


def assembling_options(command: _Decorated) -> _Decorated:
    """Add the options that say how INT8 is made and where the bundle goes."""
    options = (
        click.option("-o", "--output", required=True, type=click.Path(path_type=Path),
                     metavar="BUNDLE", help="Folder of the new bundle."),
        click.option("--data", multiple=True, metavar="DATA",
                     help="Labelled texts that the model has not learned from: a file, or a .toml "
                     "that lists them. May be repeated."),
        click.option("--calibration", type=click.Path(path_type=Path), metavar="FILE",
                     help="Texts like those that will be served; no labels are needed.  "
                     "[default: packaged sentences]"),
        click.option("--gate", type=click.FloatRange(0.0, 100.0), default=0.3, show_default=True,
                     help="Points that INT8 may lose on the mean of a language's data."),
        click.option("--gate-set", type=click.FloatRange(0.0, 100.0), metavar="POINTS",
                     help="Points that it may lose on one set.  [default: 0.8, or --gate]"),
        click.option("--force", is_flag=True, help="Replace a bundle that is there."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def require_extra(*, learning: bool) -> None:
    """Refuse to begin without the libraries of the extra.

    Parameters
    ----------
    learning : whether those that run and export a PyTorch network are needed too

    Raises
    ------
    MissingExtra
    """
    from sentire.optional import import_extra, import_nncf

    for module in (*_MODULES, *(_LEARNING if learning else ())):
        import_extra(module, extra="export", purpose="making a bundle")
    import_nncf()


def limits_of(gate: float, gate_set: float | None) -> "Limits":
    """Limits that the options mean."""
    from sentire.export.gate import Limits

    return Limits(language_points=gate, set_points=max(0.8, gate) if gate_set is None else gate_set)


def read_texts(path: Path | None) -> list[str]:
    """Texts of any input; none where none is named.

    Raises
    ------
    SourceError
        It can't be read, or holds no text.
    """
    from sentire.errors import SourceError
    from sentire.io.inputs import open_source

    if path is None:
        return []
    with open_source(path) as rows:
        texts = [row.text for row in rows if row.error is None and row.text.strip()]
    if not texts:
        raise SourceError(f"{path} holds no text")
    return texts


def unbroken(work: Callable[["Stages"], None]) -> int:
    """Do some work with a display, so that Ctrl-C and SIGTERM leave nothing behind.

    Returns
    -------
    Exit code.
    """
    try:
        with Interrupts(), Stages() as stages:
            work(stages)
    except Stopped as stopped:
        say("interrupted; nothing was written")
        return TERMINATED if stopped.number == signal.SIGTERM else INTERRUPTED
    return 0


class Stages(AbstractContextManager["Stages"]):
    """The stage that is under way, on a terminal only. Call it as ``export`` tells its progress."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        shown = sys.stderr is not None and sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not shown,
        )
        self._stage = ""
        self._task = self._bar.add_task("", total=None, visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is; a new one begins a new bar."""
        if stage != self._stage:
            self._bar.remove_task(self._task)
            self._task = self._bar.add_task(stage, total=None)
            self._stage = stage
            self._bar.refresh()
        self._bar.update(self._task, completed=done, total=total or None)


def report(made: "Assembled") -> str:
    """What was assembled, in lines for people."""
    bundle = made.bundle
    manifest, info = bundle.manifest, bundle.info
    lines = [f"{info.name} {info.version} -> {bundle.path}", f"{info.digest}"]
    lines += _quantization(manifest)
    lines += _figures(made)
    lines += _calibration(manifest)
    return "\n".join(lines)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, the first column to the left and the others to the right.

    Widths are those on a screen, where a Chinese character takes the room of two letters.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        room = [" " * (w - cell_len(cell)) for w, cell in zip(widths, row, strict=True)]
        cells = [space + cell for space, cell in zip(room[1:], row[1:], strict=True)]
        lines.append("  ".join([row[0] + room[0], *cells]).rstrip())
    return lines


def _quantization(manifest: "Manifest") -> Iterator[str]:
    found = manifest.quantization
    if found is None:
        yield "\nThe graph is FP32; make it INT8 with sentire quantize."
        return
    before, after = found.fp32_bytes / 1e6, found.int8_bytes / 1e6
    n_int8 = found.layers - len(found.kept)
    yield (
        f"\n{n_int8} of {found.layers} layers in INT8, {before:.1f} MB -> {after:.1f} MB, "
        f"calibrated with {found.calibration_texts} texts"
    )
    yield f"OpenVINO and ONNX Runtime differ by at most {found.engines:.3f} in a probability"
    if found.kept:
        rows = [
            [layer.name, f"{layer.cost:.2g}", f"{layer.bytes / 1e6:+.2f}"] for layer in found.kept
        ]
        yield ""
        yield from aligned([["kept in FP32", "costs in INT8, nats", "MB"], *rows])


def _figures(made: "Assembled") -> Iterator[str]:
    if made.whole is None or made.trial is None:
        return
    from sentire.export.gate import mean_points

    yield ""
    whole, served = made.whole, made.trial.verdict
    if not served.losses:
        yield "No labelled data: nothing is known of how right it is. Against the FP32 graph:"
        rows = [
            [f"{s.head}, {s.language}", f"{s.n}", f"{s.distance:.4f}", f"{s.changed:.1%}"]
            for s in served.shifts
        ]
        heading = ["output", "texts", "probability moved", "labels changed"]
        yield from aligned([heading, *rows])
        return
    rows = [
        [
            f"{a.data}, {a.language}",
            a.metric,
            f"{a.n:,}",
            f"{100 * a.fp32:.2f}",
            f"{100 * b.int8:.2f}",
            f"{100 * a.int8:.2f}",
            _signed(-a.points),
        ]
        for a, b in zip(served.losses, whole.losses, strict=True)
    ]
    before = mean_points(whole.losses)
    rows += [
        [f"mean, {language}", "", "", "", _signed(-before[language]), "", _signed(-points)]
        for language, points in mean_points(served.losses).items()
    ]
    heading = ["data, %", "figure", "texts", "FP32", "all INT8", "served", "points"]
    yield from aligned([heading, *rows])


def _signed(points: float) -> str:
    """Two digits and a sign, of which nothing has none."""
    rounded = round(points, 2)
    return f"{rounded:+.2f}" if rounded else "0.00"


def _calibration(manifest: "Manifest") -> Iterator[str]:
    if not manifest.evaluation:
        return
    rows = [
        [
            f"{name}, {language}",
            f"{temperature:.2f}",
            f"{head.calibration_error[language]:.3f}" if language in head.calibration_error else "",
            f"{head.low_confidence:.2f}",
        ]
        for name, head in manifest.heads.items()
        for language, temperature in head.temperature.items()
    ]
    yield ""
    yield from aligned([["scores", "temperature", "calibration error", "unsure below"], *rows])
