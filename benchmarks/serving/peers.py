"""Which peers there are, how each is asked, and where its packages lie.

Each has a small program under ``benchmarks/peers/`` and a file of requirements; it runs in a
virtual environment of its own, because their requirements exclude each other's and ours.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

from serving.processes import last_line

FOLDER = Path(__file__).parents[1] / "peers"


class NotInstalled(Exception):
    """A peer's packages are not there."""


class Peer(NamedTuple):
    """Another way to serve the same weights."""

    name: str
    title: str
    program: str
    """File under ``benchmarks/peers/``."""
    packages: str
    """Name of its requirements and of its environment."""
    runs_onnx: bool
    """Whether it runs the very INT8 file on ONNX Runtime."""
    path: str
    body: Callable[[str], Any]
    label: Callable[[Any], str]
    shown: tuple[str, ...]
    """Packages whose versions the report names."""
    settings: str


def _infinity_body(text: str) -> dict[str, Any]:
    return {"model": "model", "input": [text]}


def _infinity_label(answer: Any) -> str:
    return str(max(answer["data"][0], key=lambda found: found["score"])["label"])


def _v2_body(text: str) -> dict[str, Any]:
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}
    return {"inputs": [tensor | {"parameters": {"content_type": "str"}}]}


def _text(text: str) -> dict[str, str]:
    return {"text": text}


def _label(answer: Any) -> str:
    return str(answer["label"])


PEERS = (
    Peer(
        "flask", "Flask, PyTorch pipeline", "flask_pipeline.py", "flask", False,
        "/predict", _text, _label, ("flask", "torch", "transformers"),
        "gunicorn, a process a core, FP32",
    ),
    Peer(
        "fastapi", "FastAPI, no batching", "fastapi_onnx.py", "fastapi", True,
        "/predict", _text, _label, ("fastapi", "onnxruntime"),
        "uvicorn, a worker and a session of one thread a core",
    ),
    Peer(
        "litserve", "LitServe", "litserve_onnx.py", "litserve", True,
        "/predict", _text, _label, ("litserve", "onnxruntime"),
        "batches of 32 within 2 ms, a worker a core, texts sorted by length within a batch",
    ),
    Peer(
        "infinity", "Infinity, ONNX", "infinity_optimum.py", "infinity", True,
        "/classify", _infinity_body, _infinity_label, ("infinity-emb", "onnxruntime"),
        "optimum engine, batches of 32, token counts not asked for",
    ),
    Peer(
        "infinity-torch", "Infinity, PyTorch", "infinity_torch.py", "infinity", False,
        "/classify", _infinity_body, _infinity_label, ("infinity-emb", "torch"),
        "torch engine, batches of 32, FP32",
    ),
    Peer(
        "bentoml", "BentoML", "bentoml_onnx.py", "bentoml", True,
        "/predict", lambda text: {"texts": [text]}, lambda answer: str(answer[0]["label"]),
        ("bentoml", "onnxruntime"),
        "adaptive batches of at most 32, a worker a core, texts sorted by length within a batch",
    ),
    Peer(
        "mlserver", "MLServer", "mlserver_onnx.py", "mlserver", True,
        "/v2/models/sentiment/infer", _v2_body, lambda answer: str(answer["outputs"][0]["data"][0]),
        ("mlserver", "onnxruntime"),
        "adaptive batches of 32 within 2 ms, one process, texts sorted by length within a batch",
    ),
    Peer(
        "ray", "Ray Serve", "ray_serve_onnx.py", "ray", True,
        "/", _text, _label, ("ray", "onnxruntime"),
        "batches of 32 within 2 ms, a replica a core, texts sorted by length within a batch",
    ),
)  # fmt: skip


def python_of(peer: Peer, cache: Path) -> Path:
    """The interpreter of a peer's environment."""
    return cache / "venvs" / peer.packages / "bin" / "python"


def install(peer: Peer, cache: Path, *, allowed: bool) -> None:
    """Make a peer's environment, if it is not there as its requirements say.

    Raises
    ------
    NotInstalled
        It is not there and may not be made, or pip failed.
    """
    requirements = FOLDER / "requirements" / f"{peer.packages}.txt"
    folder = cache / "venvs" / peer.packages
    made = folder / "installed.txt"
    if made.is_file() and made.read_bytes() == requirements.read_bytes():
        return
    if not allowed:
        raise NotInstalled(f"{folder} is not made; run without --no-install")
    log = cache / "log" / f"{peer.packages}.pip.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"installing {peer.packages} into {folder}", file=sys.stderr)
    with log.open("wb") as output:
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python_of(peer, cache)), "-m", "pip", "install", "-r", str(requirements)],
        ):
            if subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, check=False
            ).returncode:
                raise NotInstalled(f"pip failed: {last_line(log)}")
    made.write_bytes(requirements.read_bytes())


def versions(peer: Peer, cache: Path) -> str:
    """What the report names: ``flask 3.1.3, torch 2.13.0``."""
    places = [str(p) for p in (cache / "venvs" / peer.packages).glob("lib/python*/site-packages")]
    found = {d.metadata["Name"].lower(): d.version for d in distributions(path=places)}
    return ", ".join(f"{name} {found[name]}" for name in peer.shown if name in found)


def body_of(peer: Peer, text: str) -> bytes:
    """A request."""
    return json.dumps(peer.body(text), ensure_ascii=False).encode()
