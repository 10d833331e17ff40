"""A real OCI registry: Debian's ``docker-registry``."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

_SETTINGS = """
version: 0.1
storage:
  filesystem: {{rootdirectory: {folder}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error, accesslog: {{disabled: true}}}}
"""


@contextmanager
def oci_registry(folder: Path, *, more: str = "") -> Iterator[str]:
    """Run a registry that keeps its blobs in ``folder``; gives ``HOST:PORT``.

    Parameters
    ----------
    more : str
        Further settings.
    """
    binary = shutil.which("docker-registry")
    if binary is None:
        pytest.skip("docker-registry is not installed: apt-get install docker-registry")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    settings = folder.with_name(f"{folder.name}.yml")
    settings.write_text(_SETTINGS.format(folder=folder, port=port) + more)
    process = subprocess.Popen(
        [binary, "serve", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            assert process.poll() is None, "docker-registry has ended"
            try:
                httpx.get(f"http://127.0.0.1:{port}/v2/")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
