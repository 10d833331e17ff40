"""Infinity with its ONNX engine, which runs the quantized file of a folder.

It finds the file of a folder only where the folder is the current one. The file is run as it is:
the optimizer it would call first is for FP32.
"""

import os
import sys
from pathlib import Path

ENGINE = os.environ.get("ENGINE", "optimum")

if __name__ == "__main__":
    os.chdir(os.environ["WEIGHTS"])
    os.environ["HF_HUB_CACHE"] = os.environ["SCRATCH"]
    os.environ["INFINITY_ONNX_DISABLE_OPTIMIZE"] = "1"
    os.environ["DO_NOT_TRACK"] = "1"
    program = str(Path(sys.executable).with_name("infinity_emb"))
    words = ["v2", "--model-id", ".", "--served-model-name", "model", "--engine", ENGINE]
    words += ["--device", "cpu", "--host", "127.0.0.1", "--port", os.environ["PORT"]]
    words += ["--batch-size", "32", "--no-lengths-via-tokenize", "--no-bettertransformer"]
    words += ["--log-level", "warning", "--no-model-warmup"]
    os.execv(program, [program, *words])
