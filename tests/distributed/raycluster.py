"""Start a Ray cluster in a process of its own, with its own home and folder, and end all of it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

DRIVER = Path(__file__).with_name("raydriver.py")
END_S = 120.0

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # or it takes more than the loopback address
    "RAY_SERVE_LOG_TO_STDERR": "0",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "sentire.distributed.proxy_errors:middlewares",
    # No processes before somebody needs them.
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
}
PATIENT = {
    "RAY_agent_register_timeout_ms": "120000",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
}
"""For machines that are busy with other things."""


class Cluster:
    """A running cluster.

    Attributes
    ----------
    url : str
        Of Ray's proxy.
    """

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process, self._log = process, log
        self._busy = threading.Lock()
        self._publish()

    def run(self, name: str, prefix: str, **arguments: object) -> str:
        """Deploy an application; gives its URL."""
        self._ask("run", name, prefix, arguments)
        return self.url + prefix.rstrip("/")

    def delete(self, name: str) -> None:
        self._ask("delete", name)

    def n_running(self, name: str) -> int:
        """Replicas of an application that take requests."""
        return self._ask("running", name)

    def replicas(self, name: str) -> list[psutil.Process]:
        """The processes of an application's replicas."""
        title = f"ray::ServeReplica:{name}:"
        return [each for each in self.processes() if title in _title(each)]

    def processes(self) -> list[psutil.Process]:
        """Everything that the cluster consists of."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def _ask(self, *command: object) -> object:
        with self._busy:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            return self._publish()

    def _publish(self) -> object:
        line = self._process.stdout.readline()
        assert line, self._log.read_text()
        return json.loads(line)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


@contextmanager
def ray_cluster() -> Iterator[Cluster]:
    """Run a cluster; at the end it has to go by itself, and leave no process behind."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder,
        (Path(folder) / "driver.log").open("w") as log,
    ):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, DRIVER, f"{folder}/r", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**kept, **QUIET, **PATIENT, "HOME": folder},
        )
        try:
            cluster = Cluster(process, port, Path(log.name))
            yield cluster
            process.stdin.close()
            assert process.wait(END_S) == 0
            assert left_of(folder, within_s=END_S / 4) == []
        finally:
            end(process, folder)
            process.stdin.close()
            process.stdout.close()


def left_of(home: str, *, within_s: float) -> list[psutil.Process]:
    """Processes of a cluster that has its own home, those that are there after some seconds."""
    found = [each for each in psutil.process_iter() if _home(each) == home]
    return psutil.wait_procs(found, timeout=within_s)[1]


def end(process: subprocess.Popen[str], home: str) -> None:
    """End whatever is left of a cluster and of the process that started it."""
    process.kill()
    process.wait()
    while left := left_of(home, within_s=0):  # what is killed may just have started another
        for each in left:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(left, timeout=1)


def _home(process: psutil.Process) -> str:
    try:
        return process.environ().get("HOME", "")
    except psutil.Error:  # it has just ended, or is another user's
        return ""
