"""podman and buildah with a storage of their own, which is gone when the tests are."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

NEEDED = ("podman", "buildah", "skopeo", "runc", "conmon")

# Host network by default, because the registries of the tests listen on loopback.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=16384:16384"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
static_dir = "{folder}/static"
tmp_dir = "{folder}/tmp"
volume_path = "{folder}/volumes"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
_STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
[storage.options.overlay]
skip_mount_home = "true"
"""

# What Kubernetes' strictest profile asks for, as a user whom nobody foresaw.
HARDENED = (
    *("--read-only", "--read-only-tmpfs=false", "--cap-drop=all"),
    *("--security-opt", "no-new-privileges", "--user", "1234567:0"),
)


class Done(NamedTuple):
    """How a container ended, and what it wrote to both outputs."""

    exit_code: int
    said: str


class Container(NamedTuple):
    """A server in a container."""

    engine: "Engine"
    name: str
    url: str

    def state(self) -> dict[str, Any]:
        """What the engine knows: ``Status``, ``ExitCode``, ``OOMKilled`` and more."""
        return self.engine.state(self.name)

    def logs(self) -> str:
        """What it wrote to both outputs."""
        return self.engine.logs(self.name)

    def ask(self, *texts: str, path: str = "/predict") -> list[dict[str, Any]]:
        """Predictions for texts."""
        answer = httpx.post(self.url + path, json={"texts": texts}, timeout=300)
        answer.raise_for_status()
        return answer.json()["predictions"]

    def stop(self) -> Done:
        """Send SIGTERM and see it end, or be killed after 150 s."""
        self.engine("stop", "--time", "150", self.name)
        return Done(self.state()["ExitCode"], self.logs())


class Engine:
    """Runs ``podman`` and ``buildah``; ``environment`` leads both to the storage."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._number = folder, 0
        files = {"containers.conf": _CONTAINERS, "storage.conf": _STORAGE}
        for name, content in files.items():
            (folder / name).write_text(content.format(folder=folder))
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    def __call__(self, *words: object, program: str = "podman", ok: bool = True) -> str:
        """Run a command and give what it prints; it may fail where not ``ok``."""
        done = subprocess.run(
            [program, *map(str, words)],
            check=False,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=1200,
        )
        assert done.returncode == 0 or not ok, f"{words}\n{done.stdout[-4000:]}{done.stderr}"
        return done.stdout

    def state(self, name: str) -> dict[str, Any]:
        """What the engine knows of a container."""
        return json.loads(self("inspect", "--format", "{{json .State}}", name))

    def logs(self, name: str) -> str:
        """Both outputs of a container."""
        done = subprocess.run(
            ["podman", "logs", name],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        )
        # Without systemd podman says there that it can't make a timer for the health check.
        return "".join(
            line for line in done.stdout.splitlines(True) if 'level=error msg="' not in line
        )

    def once(self, *words: object) -> Done:
        """Run a container to its end; ``words`` are options, image and command."""
        # In the foreground, or with `podman wait`, some machines add 20 s to each.
        name = self._start(words)
        try:
            deadline = time.monotonic() + 240
            # "stopped" has ended as well, and was not cleaned up yet.
            while (state := self.state(name))["Status"] not in {"exited", "stopped"}:
                assert time.monotonic() < deadline, self.logs(name)
                time.sleep(0.05)
            return Done(state["ExitCode"], self.logs(name))
        finally:
            self("rm", "--force", name)

    @contextmanager
    def serving(self, *words: object, ready: bool = True) -> Iterator[Container]:
        """Run a server on a free port until the end of the block; wait until it is ready."""
        port = free_port()
        name = self._start(("--env", f"SENTIRE_SERVER_PORT={port}", *words))
        container = Container(self, name, f"http://127.0.0.1:{port}")
        try:
            deadline = time.monotonic() + 240
            while not answers(f"{container.url}/health/{'ready' if ready else 'live'}"):
                assert container.state()["Status"] == "running", container.logs()
                assert time.monotonic() < deadline, container.logs()
                time.sleep(0.05)
            yield container
        finally:
            self("rm", "--force", name)

    def _start(self, words: tuple[object, ...]) -> str:
        self._number += 1
        name = f"sentire-test-{os.getpid()}-{self._number}"
        self("run", "--detach", "--name", name, *words)
        return name


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def open_engine() -> Iterator[Engine]:
    """Make an engine with an empty storage; at the end both are taken away."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: apt-get install {' '.join(NEEDED)}")
    if os.geteuid() != 0:
        pytest.skip("needs root: the images are built and run without user namespaces")
    # Not in pytest's folders, which outlive the run: images take gigabytes.
    folder = Path(tempfile.mkdtemp(prefix="sentire-images-", dir="/var/tmp"))
    engine = Engine(folder)
    try:
        yield engine
    finally:
        engine("rm", "--all", "--force", ok=False)
        # Removing image after image would take a minute; what stages of a build were mounted stays.
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            where = line.split()[1]
            if where.startswith(f"{folder}/"):
                subprocess.run(["umount", where], check=False)
        shutil.rmtree(folder, ignore_errors=True)
