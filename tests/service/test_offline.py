"""What runs from a bundle on this disk asks nobody."""

import os
import subprocess
import sys

import httpx
import pytest

from servers import serving

# Python runs this file before anything else: every connection to another machine, and every
# question for a name, fails and is written down.
_GUARD = """
import os, socket, sys

def refuse(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        target = args[1] if event.startswith("socket.c") or event == "socket.sendto" else args[0]
        host = target[0] if isinstance(target, tuple) else target
        local = isinstance(target, (str, bytes)) and event == "socket.connect"
        if not local and host not in (None, "127.0.0.1", "::1", "localhost", ""):
            with open(os.environ["ATTEMPTS"], "a") as file:
                file.write(f"{event} {target!r}\\n")
            raise OSError(f"{event} {target!r}: this test is offline")

sys.addaudithook(refuse)
"""


@pytest.fixture
def offline(tmp_path):
    """Variables under which Python refuses connections, and the file of the attempts."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(_GUARD)
    attempts = tmp_path / "attempts"
    variables = {"PYTHONPATH": str(tmp_path / "guard"), "ATTEMPTS": str(attempts)}
    return variables, attempts


def run(variables, *command):
    return subprocess.run(
        [sys.executable, *command],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=120,
    )


def test_the_guard_itself_finds_an_attempt(offline):
    variables, attempts = offline
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    done = run(variables, "-c", code)
    assert done.returncode == 1
    assert "192.0.2.1" in attempts.read_text()


def test_loading_and_analysing_ask_nobody(offline):
    variables, attempts = offline
    code = (
        "import sentire\n"
        "with sentire.load() as analyzer:\n"
        "    print(analyzer.analyze('太差了', sentences=True).label)\n"
    )
    for command in (["-c", code], ["-m", "sentire", "analyze", "太差了", "--format", "jsonl"]):
        done = run(variables, *command)
        assert done.returncode == 0, done.stderr
        assert "negative" in done.stdout
    assert not attempts.exists(), attempts.read_text()


@pytest.mark.parametrize("command", ["serve", "serve-model"])
def test_serving_from_a_bundle_or_a_registry_on_disk_asks_nobody(
    offline, command, tiny_bundle, tmp_path
):
    variables, attempts = offline
    shelf = tmp_path / "shelf"
    pushed = run(
        variables, "-m", "sentire", "models", "push", tiny_bundle, shelf, "--alias", "live"
    )
    assert pushed.returncode == 0, pushed.stderr
    options = ["--model", "zh-en", "--model", f"other={shelf}/tiny@live"]
    downloads = {"SENTIRE_DOWNLOADS": str(tmp_path / "downloads"), "SENTIRE_RELOAD_S": "0.05"}
    with serving(command, *options, **variables, **downloads) as (_, url, _):
        for model in ("zh-en", "other"):
            answer = httpx.post(f"{url}/predict", json={"text": "I love this", "model": model})
            assert answer.status_code == 200
        assert httpx.get(f"{url}/metrics").status_code == 200
    assert not attempts.exists(), attempts.read_text()
