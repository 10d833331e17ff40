"""The bundle's weights in FP32, as a folder in Hugging Face layout, for peers that run PyTorch.

    python benchmarks/serving/weights.py BUNDLE FOLDER

They are taken out of the INT8 graph, so every peer computes with the same numbers. Beside them lies
the INT8 file itself, under the name by which Infinity finds it.
"""

import json
import shutil
import sys
from pathlib import Path

from safetensors.torch import save_file

from sentire.labels import LABELS
from sentire.training.backbone import open_backbone

_MODELING = Path(__file__).parents[1] / "peers" / "modeling.py"
_HEADS = ("heads.polarity.", "classifier.")


def write(bundle: Path, folder: Path) -> None:
    """Write the folder."""
    backbone = open_backbone(str(bundle))
    tensors = {f"bert.{name}": tensor for name, tensor in backbone.weights.items()}
    for kind in ("weight", "bias"):
        found = [
            tensors.pop(name, None) if name.startswith("bert.") else backbone.heads.get(name)
            for head in _HEADS
            for name in (f"{head}{kind}", f"bert.{head}{kind}")
        ]
        tensors[f"classifier.{kind}"] = next(tensor for tensor in found if tensor is not None)
    config = json.loads((bundle / "config.json").read_text("utf-8"))
    labels = LABELS["polarity"]
    config |= {
        "architectures": ["MeanBertForSequenceClassification"],
        "auto_map": {
            "AutoModelForSequenceClassification": "modeling.MeanBertForSequenceClassification"
        },
        "id2label": {str(n): label for n, label in enumerate(labels)},
        "label2id": {label: n for n, label in enumerate(labels)},
        "dtype": "float32",
        "torch_dtype": "float32",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1), "utf-8")
    shutil.copy(_MODELING, folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(bundle / name, folder)
    shutil.copy(bundle / "model.onnx", folder / "model_quantized.onnx")
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
