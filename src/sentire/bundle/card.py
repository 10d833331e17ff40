"""The model card: what a manifest says, for people and for the Hub's index.

Reads:   a manifest
Gives:   ``README.md`` with YAML front matter
"""

import json

from sentire.bundle.manifest import Evaluation, Manifest

_USE = """\
```python
import sentire

print(sentire.load("{name}").analyze("这个产品使用体验非常棒！"))
```
"""


def model_card(manifest: Manifest) -> str:
    """Write the card of a bundle; its figures are the manifest's, never typed by hand."""
    return "\n".join(
        [
            _front_matter(manifest),
            f"# {manifest.name} {manifest.version}\n\n{manifest.description}\n",
            _USE.format(name=manifest.name),
            _heads(manifest),
            _evaluation(manifest),
            _quantization(manifest),
            _training(manifest),
        ]
    )


def _front_matter(manifest: Manifest) -> str:
    results = [
        {
            "task": {"type": "text-classification"},
            "dataset": {"name": e.data, "type": e.data, "split": e.split},
            "metrics": [{"type": e.metric, "value": round(e.value, 4)}],
        }
        for e in manifest.evaluation
    ]
    # JSON is YAML; one value a line keeps the front matter readable without a YAML library.
    lines = [
        "---",
        f"language: {json.dumps(list(manifest.languages))}",
        f"license: {json.dumps(manifest.licence.lower())}",
        'pipeline_tag: "text-classification"',
        'library_name: "sentire"',
        f"model-index: {json.dumps([{'name': manifest.name, 'results': results}])}",
        "---\n",
    ]
    return "\n".join(lines)


def _heads(manifest: Manifest) -> str:
    lines = [
        "## Outputs\n",
        "| output | labels | temperature | calibration error | unsure below |",
        "|---|---|---|---|---|",
    ]
    for name, head in manifest.heads.items():
        cells = [
            name,
            ", ".join(head.labels),
            _by_language(head.temperature, 2),
            _by_language(head.calibration_error, 3) or "not measured",
            f"{head.low_confidence:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if manifest.embedding is not None:
        lines.append(f"| embedding | {manifest.embedding.dimensions} dimensions | | | |")
    lines.append(
        f"\nReads {manifest.text.max_length} tokens at once; longer texts are read in overlapping "
        f"windows. Text path `{manifest.fingerprint[:19]}`.\n"
    )
    return "\n".join(lines)


def _by_language(values: dict[str, float], digits: int) -> str:
    return ", ".join(f"{code} {value:.{digits}f}" for code, value in values.items())


def _evaluation(manifest: Manifest) -> str:
    if not manifest.evaluation:
        calibrated = any(head.calibration_error for head in manifest.heads.values())
        return "## Figures\n\nNobody has measured this graph on labelled texts." + (
            "\n"
            if calibrated
            else " Its scores are not calibrated: they tell which answer is surer, not how often "
            "it is right.\n"
        )
    lines = [
        "## Figures\n",
        "Measured on the graph that is served, through the engine. Sets that lack a label: argmax "
        "over the labels they have. Intervals: 95 %, bootstrap.\n",
        "| data | output | split | texts | metric | served | interval | FP32 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(e) for e in manifest.evaluation]
    return "\n".join(lines) + "\n"


def _row(e: Evaluation) -> str:
    return (
        f"| {e.data} | {e.head} | {e.split} | {e.n} | {e.metric} | {e.value:.4f} "
        f"| {e.low:.4f} to {e.high:.4f} | {e.fp32:.4f} |"
    )


def _quantization(manifest: Manifest) -> str:
    found = manifest.quantization
    if found is None:
        return ""
    n_int8 = found.layers - len(found.kept)
    lines = [
        "## Quantization\n",
        f"{n_int8} of {found.layers} layers are INT8; {found.fp32_bytes / 1e6:.1f} MB became "
        f"{found.int8_bytes / 1e6:.1f} MB. On {found.calibration_texts} texts, probabilities moved "
        f"by {_by_language(found.shift, 4)} on average, and the label changed for a share of "
        f"{_by_language(found.changed, 4)}. OpenVINO and ONNX Runtime differ by at most "
        f"{found.engines:.3f} in a probability.\n",
    ]
    if found.kept:
        lines += ["| kept in FP32 | costs in INT8, nats | bytes |", "|---|---|---|"]
        lines += [f"| {layer.name} | {layer.cost:.2g} | {layer.bytes:+} |" for layer in found.kept]
        lines.append("")
    return "\n".join(lines)


def _training(manifest: Manifest) -> str:
    if not manifest.training:
        return "## Training data\n\nNot known.\n"
    lines = [
        "## Training data\n",
        "Texts that stand in any dev file were left out. Each set keeps its own terms.\n",
        "| data | language | rows | read from | terms |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {t.name} | {t.language} | {t.rows} | {t.source} | {t.licence} |"
        for t in manifest.training
    ]
    return "\n".join(lines) + "\n"
