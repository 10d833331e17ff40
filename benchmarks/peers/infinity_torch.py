"""Infinity with its PyTorch engine on the FP32 weights."""

import os
import runpy
from pathlib import Path

if __name__ == "__main__":
    os.environ["ENGINE"] = "torch"
    runpy.run_path(str(Path(__file__).with_name("infinity_optimum.py")), run_name="__main__")
