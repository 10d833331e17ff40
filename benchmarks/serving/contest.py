"""The peers, measured as our own service is.

Reads:   a bench, and which peers
Gives:   a record of each: its figures, or its error
Never:   stops because of one
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sentire.threads import available_threads
from serving import load
from serving.figures import CLIENTS
from serving.measured import PeerRun
from serving.parts import HERE, PATH, Bench
from serving.peers import FOLDER, Peer, body_of, install, python_of, versions
from serving.processes import Server, free_port, last_line, started
from serving.texts import write_bodies

FEW = (1, 8)
N_COMPARED = 64


def prepare(bench: Bench, peers: Sequence[Peer], cache: Path, *, may_install: bool) -> Path:
    """Make the environments and the FP32 weights that are not there; give the weights' folder.

    What fails here fails again, and is recorded, when the peer is measured.
    """
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "log").mkdir(exist_ok=True)
    weights = cache / f"weights-{bench.bundle.info.digest.removeprefix('sha256:')[:12]}"
    if peers and not (weights / "model.safetensors").is_file():
        print(f"writing FP32 weights into {weights}", file=sys.stderr)
        command = [sys.executable, str(HERE / "weights.py"), str(bench.bundle.path), str(weights)]
        with (cache / "log" / "weights.log").open("wb") as output:
            subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    if may_install:
        install_all(peers, cache)
    return weights


def install_all(peers: Sequence[Peer], cache: Path) -> None:
    """Make the environments that are not there; what fails is told."""
    for peer in peers:
        try:
            install(peer, cache, allowed=True)
        except Exception as error:
            print(f"{peer.name}: {error}", file=sys.stderr)


def compete(
    bench: Bench, peer: Peer, *, cache: Path, weights: Path, labels: dict[str, str]
) -> PeerRun:
    """Measure one peer.

    Parameters
    ----------
    labels : text -> label that sentire gives it
    """
    run = PeerRun(
        name=peer.name, title=peer.title, runs_onnx=peer.runs_onnx, settings=peer.settings
    )
    try:
        install(peer, cache, allowed=False)
        run.versions = versions(peer, cache)
        _measure(bench, peer, run, cache=cache, weights=weights, labels=labels)
    except Exception as error:
        run.error = f"{type(error).__name__}: {error}"
    return run


def _measure(
    bench: Bench, peer: Peer, run: PeerRun, *, cache: Path, weights: Path, labels: dict[str, str]
) -> None:
    port = free_port()
    bodies = bench.folder / f"{peer.name}.txt"
    write_bodies(bodies, bench.texts.mix, peer.body)
    sample = next(iter(labels))
    with tempfile.TemporaryDirectory(dir=bench.folder, ignore_cleanup_errors=True) as scratch:
        environ = {
            "BUNDLE": str(bench.bundle.path),
            "WEIGHTS": str(weights),
            "PORT": str(port),
            "PORT_2": str(free_port()),
            "PORT_3": str(free_port()),
            "CPUS": str(available_threads()),
            "SCRATCH": scratch,
            "HF_HUB_OFFLINE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with started(
            [str(python_of(peer, cache)), str(FOLDER / peer.program)],
            port=port,
            ready=("POST", peer.path, body_of(peer, sample)),
            log=cache / "log" / f"{peer.name}.log",
            environ=environ,
            limit_s=100,
        ) as server:
            run.start_s = server.start_s
            run.agreement = _agreement(peer, server, labels)
            # The first run warms it; so do those with few clients, before the one that counts.
            load.full(port, peer.path, bodies, clients=CLIENTS, seconds=2)
            for clients in (*FEW, CLIENTS):
                seconds = bench.seconds if clients == CLIENTS else bench.seconds / 2
                run.loads[clients] = load.full(
                    port, peer.path, bodies, clients=clients, seconds=seconds
                )
            run.memory_mb = server.memory_mb
            found = run.loads[CLIENTS]
            if found.n_failed:
                failed = f"{found.n_failed} of {found.n_requests} requests failed"
                run.error = f"{failed}: {last_line(server.log)}"


def _agreement(peer: Peer, server: Server, labels: dict[str, str]) -> float:
    same = 0
    for text, label in labels.items():
        status, answer = server.ask("POST", peer.path, body_of(peer, text))
        same += status == 200 and peer.label(json.loads(answer)) == label
    return same / len(labels)


def labels_of(bench: Bench, server: Server) -> dict[str, str]:
    """What sentire says about the first texts."""
    texts = bench.texts.mix[:N_COMPARED]
    body = json.dumps({"texts": texts}, ensure_ascii=False).encode()
    answers = json.loads(server.ask("POST", PATH, body)[1])["predictions"]
    return {text: answer["label"] for text, answer in zip(texts, answers, strict=True)}
