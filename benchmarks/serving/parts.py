"""What is measured of our own service, part by part.

Reads:   a bench: texts, request bodies, and how long to measure
Gives:   measurements, put into the bench's results
Never:   judges them; ``figures.py`` does
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import msgspec

from sentire.bundle.store import Bundle
from serving import load
from serving.figures import CLIENTS
from serving.measured import Calls, Load, Results
from serving.processes import Server, free_port, started
from serving.texts import Texts, distinct, write_batches, write_bodies, write_texts

HERE = Path(__file__).parent
PATH = "/predict"
CURVE = (1, 2, 4, 8, 16, 32, 128, 256)
BATCH, BATCH_CLIENTS = 32, 8
WARM_S = 2.0
QUIET = {"SENTIRE_SERVER_ACCESS_LOG": "false"}
"""Nobody's access log is on."""
NO_CACHE = {**QUIET, "SENTIRE_CACHE_BYTES": "0"}


class Bench(NamedTuple):
    """What the parts have in common."""

    bundle: Bundle
    texts: Texts
    folder: Path
    """For what is written on the way."""
    seconds: float
    """How long the main figures are measured."""
    options: Sequence[str]
    """Further options of ``sentire serve-model``."""
    results: Results

    @property
    def one(self) -> Path:
        """Bodies of one text of the mix."""
        return self._made("one", self.texts.mix)

    @property
    def short(self) -> Path:
        """Bodies of one short text."""
        return self._made("short", self.texts.short)

    def _made(self, name: str, texts: Sequence[str]) -> Path:
        path = self.folder / f"{name}.txt"
        if not path.exists():
            write_bodies(path, texts, lambda text: {"text": text})
        return path

    def serve(
        self, environ: Mapping[str, str] = NO_CACHE, *, model: str | None = None
    ) -> AbstractContextManager[Server]:
        """Our own service until the ``with`` ends."""
        port = free_port()
        source = str(self.bundle.path) if model is None else model
        command = [sys.executable, "-m", "sentire", "serve-model", "--port", str(port)]
        return started(
            [*command, "--model", source, *self.options],
            port=port,
            ready=("GET", "/health/ready", None),
            log=self.folder / "sentire.log",
            environ=environ,
        )

    def warm(self, server: Server) -> None:
        """Let every shape be met once before it counts."""
        load.full(server.port, PATH, self.one, clients=CLIENTS, seconds=WARM_S)


def generator(bench: Bench) -> None:
    """The load generator against a server that does nothing."""
    port = free_port()
    with started(
        [sys.executable, str(HERE / "idle.py"), str(port)],
        port=port,
        ready=("POST", "/", b"{}"),
        log=bench.folder / "idle.log",
    ):
        bench.results.generator = load.full(port, PATH, bench.one, clients=CLIENTS, seconds=3)


def bare(bench: Bench) -> float:
    """Texts a second of the bare engine in sorted batches."""
    n = max(500, round(min(len(bench.texts.mix), 1000 * bench.seconds)))
    path = write_texts(bench.folder / "mix.jsonl", bench.texts.mix[:n])
    return float(_bare(bench, str(path)))


def calls(bench: Bench) -> None:
    """Single calls of the bare engine."""
    mix = write_texts(bench.folder / "calls.jsonl", bench.texts.mix)
    short = write_texts(bench.folder / "short.jsonl", bench.texts.short)
    found = json.loads(_bare(bench, str(mix), "--one-by-one", str(short)))
    bench.results.calls = msgspec.convert(found, Calls)


def _bare(bench: Bench, *words: str) -> str:
    command = [sys.executable, str(HERE.parent / "bare.py"), *words]
    command += ["--model", str(bench.bundle.path)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def peak(bench: Bench, server: Server) -> Load:
    """One text a request, 64 clients."""
    return load.full(server.port, PATH, bench.one, clients=CLIENTS, seconds=bench.seconds)


def batches(bench: Bench, server: Server) -> Load:
    """32 texts a request."""
    path = bench.folder / "batches.txt"
    if not path.exists():
        write_batches(path, bench.texts.mix, size=BATCH)
    return load.full(server.port, PATH, path, clients=BATCH_CLIENTS, seconds=bench.seconds)


def lone(bench: Bench, server: Server) -> None:
    """One client, short texts."""
    load.full(server.port, PATH, bench.short, clients=1, seconds=1)
    bench.results.lone = load.full(server.port, PATH, bench.short, clients=1, seconds=4)


def half(bench: Bench, server: Server) -> None:
    """Half of the peak load, at random times."""
    per_s = bench.results.peak[-1].per_s / 2
    seconds = max(10.0, bench.seconds)
    bench.results.half = load.paced(server.port, PATH, bench.one, per_s=per_s, seconds=seconds)


def curve(bench: Bench, server: Server) -> None:
    """From one client to many."""
    for clients in CURVE:
        bench.results.curve[clients] = load.full(
            server.port, PATH, bench.one, clients=clients, seconds=bench.seconds / 2
        )


def memory(bench: Bench, n_requests: int) -> None:
    """Memory of a server with its default settings, after a tenth of the requests and after all."""
    texts = list(distinct(bench.texts.whole, n_requests))
    first = n_requests // 10
    with bench.serve(QUIET) as server:
        for n_answered, part in ((first, texts[:first]), (n_requests, texts[first:])):
            path = write_bodies(bench.folder / "memory.txt", part, lambda text: {"text": text})
            found = load.full(
                server.port, PATH, path, clients=CLIENTS, seconds=900, n_requests=len(part)
            )
            path.unlink()
            bench.results.memory_failed += found.n_failed
            time.sleep(1)
            bench.results.memory_mb[n_answered] = server.memory_mb


def cold(bench: Bench) -> None:
    """From the start of the process to the first 200 of its readiness."""
    for _ in range(5):
        with bench.serve() as server:
            bench.results.cold_s.append(server.start_s)
