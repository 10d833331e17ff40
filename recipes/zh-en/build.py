"""Make the bundle from trained weights; README.md shows the command.

Exports to ONNX, quantizes to INT8, fits temperatures on the dev files, measures the served INT8
graph and the FP32 graph through the engine, and writes the bundle only if every gate holds.
"""

import argparse
import gzip
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from safetensors.torch import load_file
from transformers import BertConfig

from sentire.backends.openvino import OpenVinoBackend
from sentire.bundle.manifest import Evaluation, Golden, Head, Manifest, Training
from sentire.bundle.store import Bundle, write_bundle
from sentire.evaluation.calibration import expected_calibration_error, fit_temperature
from sentire.evaluation.metrics import Interval, Metric, accuracy, bootstrap, macro_f1, macro_recall
from sentire.export.onnx import export_onnx
from sentire.export.quantize import Inputs, quantize
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler
from sentire.labels import POLARITY
from sentire.text.path import TextPath, TextSettings
from sentire.training.encoder import SentimentEncoder
from sentire.training.examples import label_id
from sentire.types import Document, Prediction

GOLDEN = (
    "I absolutely love the new movie, it's fantastic!",
    "房间太小，服务态度也很差",
    "这个产品使用体验非常棒！",
    "The train leaves at nine from platform two.",
    "Worst purchase I have ever made, it broke after a day.",
    "会议将于明天上午九点开始。",
    "手机不错，就是电池不耐用 😕",
    "Not bad at all, would buy again.",
)
METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "macro_recall": macro_recall,
    "macro_f1": macro_f1,
}


class DevSet(NamedTuple):
    """A dev file and what is asked of it."""

    name: str
    language: str
    metric: str
    gate: float
    texts: list[str]
    gold: np.ndarray

    @property
    def binary(self) -> bool:
        """Whether the set has no neutral class."""
        return 1 not in self.gold


class Measured(NamedTuple):
    """Log-probabilities at temperature 1 on one dev set."""

    log_shares: np.ndarray
    predicted: np.ndarray


def read_dev(data: Path, gates: dict[str, dict[str, str | float]]) -> list[DevSet]:
    """The dev files that ``settings.toml`` names."""
    sets = []
    for name, gate in gates.items():
        with gzip.open(data / f"{name}.dev.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        gold = np.array([label_id(row["label"]) for row in rows])
        texts = [row["text"] for row in rows]
        sets.append(
            DevSet(
                name,
                str(gate["language"]),
                str(gate["metric"]),
                float(gate["at_least"]),
                texts,
                gold,
            )
        )
    return sets


def measure(bundle: Bundle, sets: Sequence[DevSet]) -> list[Measured]:
    """Run every dev text through the engine that serves."""
    found = []
    with open_analyzer(bundle) as analyzer:
        for dev in sets:
            shares = np.array(
                [
                    list(p.probabilities.values()) if isinstance(p, Prediction) else [1 / 3] * 3
                    for p in analyzer.analyze_many(dev.texts)
                ]
            )
            log_shares = np.log(np.maximum(shares, 1e-9))
            if dev.binary:
                log_shares[:, 1] = -np.inf
            found.append(Measured(log_shares, log_shares.argmax(axis=1)))
    return found


def open_analyzer(bundle: Bundle) -> Analyzer:
    """An analyzer without the golden test: these bundles are drafts."""
    backend = OpenVinoBackend(bundle.path / "model.onnx", threads=2)
    return Analyzer(bundle, Scheduler(backend, pad_id=bundle.text_path.pad_id), engine="openvino")


def calibration_inputs(
    data: Path, sources: Sequence[str], path: TextPath, *, n: int
) -> list[Inputs]:
    """Training texts as the engine would run them, one a batch."""
    texts = []
    for name in sources:
        with gzip.open(data / f"{name}.train.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts += [
                json.loads(line)["text"]
                for line, _ in zip(lines, range(n // len(sources)), strict=False)
            ]
    documents = [d for d in path.prepare(texts) if isinstance(d, Document)]
    rows = [document.windows[0].ids.astype(np.int64)[None] for document in documents]
    return [{"input_ids": ids, "attention_mask": np.ones_like(ids)} for ids in rows]


def evaluations(
    sets: Sequence[DevSet], int8: Sequence[Measured], fp32: Sequence[Measured]
) -> list[Evaluation]:
    """The figures of the manifest and the card."""
    rows = []
    for dev, served, full in zip(sets, int8, fp32, strict=True):
        metric = METRICS[dev.metric]
        figure: Interval = bootstrap(metric, dev.gold, served.predicted)
        rows.append(
            Evaluation(
                data=dev.name.split("/")[1],
                split="dev",
                n=len(dev.gold),
                metric=dev.metric,
                value=figure.value,
                low=figure.low,
                high=figure.high,
                fp32=metric(dev.gold, full.predicted),
            )
        )
    return rows


def temperatures(sets: Sequence[DevSet], measured: Sequence[Measured]) -> dict[str, float]:
    """One temperature a language, each dev set weighing the same; prints the ECE after it."""
    found: dict[str, float] = {}
    for language in ("zh", "en"):
        drawn, gold = [], []
        for dev, m in zip(sets, measured, strict=True):
            if dev.language == language:
                at = np.random.default_rng(7).permutation(len(dev.gold))[:800]
                drawn.append(m.log_shares[at])
                gold.append(dev.gold[at])
        shares, labels = np.concatenate(drawn), np.concatenate(gold)
        found[language] = round(fit_temperature(shares, labels), 3)
        scaled = np.exp(shares / found[language])
        error = expected_calibration_error(scaled / scaled.sum(axis=1, keepdims=True), labels)
        print(f"temperature {language} {found[language]}, expected calibration error {error:.4f}")
    found["*"] = max(found.values())
    return found


def main() -> None:
    """Export, quantize, calibrate, measure, gate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trained", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--settings", type=Path, default=Path(__file__).with_name("settings.toml"))
    parser.add_argument("--ungated", action="store_true", help="write even if a gate fails")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    settings = tomllib.loads(args.settings.read_text(encoding="utf-8"))
    sets = read_dev(args.data, settings["gates"])
    with tempfile.TemporaryDirectory() as folder:
        fp32, int8 = Path(folder, "fp32"), Path(folder, "int8")
        manifest = make_graphs(args.trained, args.data, settings, fp32, int8)
        full = measure(write_bundle(fp32, manifest), sets)
        served = measure(write_bundle(int8, manifest), sets)
        rows = evaluations(sets, served, full)
        bundle = write_bundle(int8, prove(manifest, int8, sets, served, rows))
        print(f"{bundle.info.name} {bundle.info.version} {bundle.info.digest}")
        failed = broken_gates(sets, rows, int8, settings["quantization"])
        if failed and not args.ungated:
            sys.exit(f"not written: {', '.join(failed)}")
        shutil.rmtree(args.output, ignore_errors=True)
        shutil.copytree(int8, args.output)


def make_graphs(
    trained: Path, data: Path, settings: dict[str, Any], fp32: Path, int8: Path
) -> Manifest:
    """Lay both graphs and what belongs beside them into two folders; gives a draft manifest."""
    text = msgspec.convert(settings["text"], TextSettings)
    config = BertConfig.from_pretrained(trained)
    model = SentimentEncoder(config, n_labels=len(POLARITY))
    model.load_state_dict(load_file(trained / "model.safetensors"))
    for path in (fp32, int8):
        path.mkdir()
        shutil.copy(trained / "tokenizer.json", path)
        write_configs(path, config, text)
    tokens = TextPath((fp32 / "tokenizer.json").read_text(encoding="utf-8"), text)
    chosen = settings["quantization"]
    inputs = calibration_inputs(data, chosen["sources"], tokens, n=chosen["texts"])
    export_onnx(model, fp32 / "model.onnx", max_length=config.max_position_embeddings)
    quantize(fp32 / "model.onnx", int8 / "model.onnx", inputs)
    used = (trained / "training.json").read_bytes()
    return Manifest(
        format=1,
        files={},
        fingerprint="",
        text=text,
        languages=text.languages,
        heads={
            "polarity": Head(
                output="logits", labels=POLARITY, temperature={"*": 1.0}, low_confidence=0.5
            )
        },
        golden=(Golden(text=GOLDEN[0], probabilities={}),),
        golden_tolerance=0.1,
        training=msgspec.json.decode(used, type=tuple[Training, ...]),
        **settings["bundle"],
    )


def prove(
    manifest: Manifest,
    path: Path,
    sets: Sequence[DevSet],
    served: Sequence[Measured],
    rows: Sequence[Evaluation],
) -> Manifest:
    """Add temperatures, figures, and the golden answers that follow from them."""
    head = msgspec.structs.replace(
        manifest.heads["polarity"], temperature=temperatures(sets, served)
    )
    manifest = msgspec.structs.replace(manifest, heads={"polarity": head}, evaluation=tuple(rows))
    with open_analyzer(write_bundle(path, manifest)) as analyzer:
        answers = [analyzer.analyze(text).probabilities for text in GOLDEN]
    golden = tuple(Golden(text=t, probabilities=a) for t, a in zip(GOLDEN, answers, strict=True))
    for sentence in golden:
        print(sentence.text, sentence.probabilities)
    return msgspec.structs.replace(manifest, golden=golden)


def broken_gates(
    sets: Sequence[DevSet], rows: Sequence[Evaluation], path: Path, limits: dict[str, Any]
) -> list[str]:
    """Names of the sets below their gate, and ``size`` if the bundle is too large."""
    failed = []
    for dev, row in zip(sets, rows, strict=True):
        held = row.value >= dev.gate and row.value >= row.fp32 - limits["most_lost"]
        failed += [] if held else [row.data]
        print(
            f"{row.data:16} {row.metric:12} {row.value:.4f} ({row.low:.4f} to {row.high:.4f}), "
            f"FP32 {row.fp32:.4f}, gate {dev.gate} {'held' if held else 'MISSED'}"
        )
    size = sum(file.stat().st_size for file in path.iterdir())
    print(f"{size / 1e6:.1f} MB of {limits['most_bytes'] / 1e6:.0f}")
    return failed + (["size"] if size > limits["most_bytes"] else [])


def write_configs(path: Path, config: BertConfig, text: TextSettings) -> None:
    """The files by which ``transformers`` and ``optimum`` know the model."""
    names = dict(enumerate(POLARITY))
    described = config.to_dict() | {
        "architectures": ["BertForSequenceClassification"],
        "id2label": names,
        "label2id": {label: index for index, label in names.items()},
    }
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": text.max_length,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
    }
    for name, content in (("config.json", described), ("tokenizer_config.json", tokenizer)):
        (path / name).write_text(
            json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
