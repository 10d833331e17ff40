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
    lines = ["## Outputs\n", "| head | labels | temperature |", "|---|---|---|"]
    for name, head in manifest.heads.items():
        temperatures = ", ".join(f"{code} {value:.2f}" for code, value in head.temperature.items())
        lines.append(f"| {name} | {', '.join(head.labels)} | {temperatures} |")
    lines.append(
        f"\nReads {manifest.text.max_length} tokens at once; longer texts are read in overlapping "
        f"windows. Text path `{manifest.fingerprint[:19]}`.\n"
    )
    return "\n".join(lines)


def _evaluation(manifest: Manifest) -> str:
    lines = [
        "## Figures\n",
        "Measured on the served INT8 graph, through the engine. Two-class sets: argmax over "
        "negative and positive. Intervals: 95 %, bootstrap.\n",
        "| data | split | texts | metric | INT8 | interval | FP32 |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(e) for e in manifest.evaluation]
    return "\n".join(lines) + "\n"


def _row(e: Evaluation) -> str:
    return (
        f"| {e.data} | {e.split} | {e.n} | {e.metric} | {e.value:.4f} "
        f"| {e.low:.4f} to {e.high:.4f} | {e.fp32:.4f} |"
    )


def _training(manifest: Manifest) -> str:
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
