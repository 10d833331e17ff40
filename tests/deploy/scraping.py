"""A real Prometheus that runs with the very file of ``deploy/``; only the targets are others."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from charts import DEPLOY

from valkeyserver import free_port

CONFIG = DEPLOY / "prometheus" / "prometheus.yml"
RULES = DEPLOY / "prometheus" / "rules.yml"


class Prometheus:
    """Asks a server."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/api/v1", timeout=60)

    def _fetch(self, path: str, **parameters: object) -> object:
        answer = self._client.get(path, params=parameters).json()
        assert answer["status"] == "success", f"{parameters}: {answer}"
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What an expression gives now: labels and value."""
        data = self._fetch("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(each["metric"], float(each["value"][1])) for each in data["result"]]

    def series(self, selector: str) -> list[dict[str, str]]:
        """Every series that a selector finds."""
        return self._fetch("series", **{"match[]": selector})

    def rules(self) -> list[dict]:
        """Every rule and how it fares."""
        return [rule for group in self._fetch("rules")["groups"] for rule in group["rules"]]

    def targets(self) -> dict[str, str]:
        """The health of every target."""
        active = self._fetch("targets", state="active")["activeTargets"]
        return {each["labels"]["instance"]: each["health"] for each in active}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run Prometheus; it is killed at the end.

    Parameters
    ----------
    folder : Path
    targets : mapping
        For each target of the file, where it is here: ``HOST:PORT``.
    """
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    address = f"127.0.0.1:{free_port()}"
    config = CONFIG.read_text(encoding="utf-8")
    for target, here in {**targets, "localhost:9090": address}.items():
        assert config.count(f'"{target}"') == 1, f"{CONFIG} does not scrape {target}"
        config = config.replace(f'"{target}"', f'"{here}"')
    folder.mkdir()
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    shutil.copyfile(RULES, folder / "rules.yml")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    asked = Prometheus(f"http://{address}")
    try:
        until(lambda: is_ready(process, address), "Prometheus is ready")
        yield asked
    finally:
        asked.close()
        process.kill()
        process.wait()


def is_ready(process: subprocess.Popen, address: str) -> bool:
    """Whether it takes questions."""
    assert process.poll() is None, "Prometheus has ended"
    try:
        return httpx.get(f"http://{address}/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def until(condition: Callable[[], object], what: str, *, seconds: float = 180) -> None:
    """Wait for something that happens in another process."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)
