"""A real S3 server: moto's, which answers one request after the other."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("moto", reason="moto is not installed")
pytest.importorskip("s3fs", reason="s3fs is not installed")

# With threads, moto itself would look and write in two steps; S3 does it in one.
_SERVER = """
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
application = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, application, threaded=False)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def object_store() -> Iterator[dict[str, str]]:
    """Run a server with the bucket ``bucket``; gives the variables that lead clients to it."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _SERVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = process.stdout.readline().strip()
        assert port, "moto did not start"
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        import httpx

        httpx.put(f"{variables['AWS_ENDPOINT_URL']}/bucket", timeout=60).raise_for_status()
        yield variables
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables of this process for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
