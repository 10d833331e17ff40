import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentire.bundle.builtin import find_bundle

SCRIPT = Path(__file__).with_name("forking.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("how", ["pool", "fork"])
@pytest.mark.parametrize("engine", ["fake", "openvino"])
def test_a_forked_process_is_told_at_once_to_load_the_model_itself(tiny_bundle, engine, how):
    path = tiny_bundle if engine == "fake" else find_bundle()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(path), how],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
