"""What was assembled, in lines for people."""

from collections.abc import Iterator

from sentire.bundle.manifest import Manifest
from sentire.cli.tables import aligned
from sentire.export.assemble import Assembled
from sentire.export.gate import mean_points


def report(made: Assembled) -> str:
    """What was assembled, in lines for people."""
    bundle = made.bundle
    manifest, info = bundle.manifest, bundle.info
    lines = [f"{info.name} {info.version} -> {bundle.path}", f"{info.digest}"]
    lines += _quantization(manifest)
    lines += _figures(made)
    lines += _calibration(manifest)
    return "\n".join(lines)


def _quantization(manifest: Manifest) -> Iterator[str]:
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


def _figures(made: Assembled) -> Iterator[str]:
    if made.whole is None or made.trial is None:
        return
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


def _calibration(manifest: Manifest) -> Iterator[str]:
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
