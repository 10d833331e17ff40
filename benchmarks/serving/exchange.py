"""Versions of a model exchanged under full load.

Reads:   a bench
Gives:   what clients saw without an exchange and during some, and how long each took
Never:   waits for the service to see a new version by itself: it is told, so that the time is known
"""

import http.client
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sentire.bundle.store import write_bundle
from serving import load
from serving.figures import CLIENTS
from serving.measured import Swaps
from serving.parts import NO_CACHE, PATH, Bench
from serving.processes import Server

_LOAD = "/v2/repository/models/live/load"
PAUSE_S = 0.5
ROOM_S = 3.0
"""No exchange begins so shortly before the load ends."""


def swap(bench: Bench) -> None:
    """Exchange versions one after another while 64 clients ask as fast as they can."""
    places = [_version(bench, number) for number in (1, 2)]
    alias, seconds = bench.folder / "alias", bench.seconds + 4
    _point(alias, places[0])
    with bench.serve({**NO_CACHE, "SENTIRE_RELOAD_S": "0"}, model=f"live={alias}") as server:
        bench.warm(server)
        without = load.full(server.port, PATH, bench.one, clients=CLIENTS, seconds=seconds)
        exchanges = _Exchanges(server, alias, places, until=time.perf_counter() + seconds - ROOM_S)
        exchanges.start()
        during = load.full(server.port, PATH, bench.one, clients=CLIENTS, seconds=seconds)
        exchanges.join()
        if exchanges.failure is not None:
            raise RuntimeError(f"the exchange failed: {exchanges.failure}")
        bench.results.swaps = Swaps(without=without, during=during, seconds=exchanges.seconds)


class _Exchanges(threading.Thread):
    """Exchanges two versions for each other until a moment."""

    def __init__(
        self, server: Server, alias: Path, places: Sequence[Path], *, until: float
    ) -> None:
        super().__init__(daemon=True)
        self._server, self._alias, self._places, self._until = server, alias, places, until
        self.seconds: list[float] = []
        self.failure: str | None = None

    def run(self) -> None:
        """Exchange, with a pause between."""
        time.sleep(1)
        while time.perf_counter() < self._until and self.failure is None:
            _point(self._alias, self._places[(len(self.seconds) + 1) % 2])
            began = time.perf_counter()
            try:
                status, answer = self._server.ask("POST", _LOAD, b"{}")
            except (OSError, http.client.HTTPException) as error:
                self.failure = f"{type(error).__name__}: {error}"
                return
            if status != 200:
                self.failure = f"status {status}: {answer[:200].decode(errors='replace')}"
                return
            self.seconds.append(time.perf_counter() - began)
            time.sleep(PAUSE_S)


def _version(bench: Bench, number: int) -> Path:
    """A copy of the bundle under a version of its own."""
    place = bench.folder / f"version-{number}"
    shutil.copytree(bench.bundle.path, place)
    version = f"{bench.bundle.manifest.version}.{number}"
    write_bundle(place, msgspec.structs.replace(bench.bundle.manifest, version=version))
    return place


def _point(alias: Path, place: Path) -> None:
    """Name another bundle, in one step."""
    partial = alias.with_suffix(".partial")
    partial.write_text(f"{place}\n", encoding="utf-8")
    partial.replace(alias)
