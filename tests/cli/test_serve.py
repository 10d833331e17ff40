"""``sentire serve`` as a process of its own."""

import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sentire.service.server import bind, url_of

SENTIRE = Path(sys.executable).with_name("sentire")


@contextmanager
def serving(*options):
    """Start the command; gives the process, its URL and the lines it has written to stderr."""
    process = subprocess.Popen(
        [SENTIRE, "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines, ready = [], threading.Event()

    def read():
        for line in process.stderr:
            lines.append(line)
            if line.startswith("Stop it"):
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(60)
        urls = [word for line in lines for word in line.split() if word.startswith("http://")]
        assert urls, lines
        yield process, urls[0].rstrip("/"), lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        process.stderr.close()


def refused(*options):
    command = [SENTIRE, "serve", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=lambda sign: sign.name)
def test_it_says_where_it_is_answers_and_stops_in_good_order(tiny_bundle, sign):
    with serving("--model", tiny_bundle) as (process, url, lines):
        answer = httpx.post(f"{url}/analyze?text=queried", json={"text": "typed 很好"}, timeout=30)
        assert answer.json()["model"]["name"] == "tiny"
        assert httpx.get(f"{url}/health/ready").status_code == 200
        process.send_signal(sign)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""
    written = "".join(lines)
    assert written.startswith("sentire is ready.\n")
    assert "POST /analyze 200" in written
    assert not any(word in written for word in ("typed", "很好", "queried", "Traceback", "Warning"))


def test_a_public_address_is_allowed_with_a_warning(tiny_bundle):
    with serving("--model", tiny_bundle, "--host", "0.0.0.0") as (process, url, lines):
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/health/live").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert any(line.startswith("Warning: other machines") for line in lines)


def test_a_port_in_use_is_one_line_and_no_model_is_loaded_for_it(tmp_path):
    with bind("127.0.0.1", 0) as holder:
        holder.listen()
        port = url_of(holder).rpartition(":")[2]
        ended = refused("--port", port, "--model", str(tmp_path / "no model there"))
    assert ended.returncode == 2
    assert f"port {port} on 127.0.0.1 is in use" in ended.stderr
    assert "--port" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--model", "no-such-model"], "no-such-model", id="model"),
        pytest.param(["--host", "no.such.host.invalid"], "no.such.host.invalid", id="host"),
        pytest.param(["--host", "192.0.2.1"], "not an address of this machine", id="not ours"),
        pytest.param(["--port", "70000"], "70000", id="port"),
        pytest.param(["--config", "no-such.toml"], "no-such.toml", id="config"),
    ],
)
def test_what_cannot_be_served_is_said_without_a_traceback(options, said):
    ended = refused("--port", "0", *options)
    assert ended.returncode in {1, 2}
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_misspelt_variable_is_a_usage_error(monkeypatch):
    monkeypatch.setenv("SENTIRE_SERVER_PROT", "1")
    ended = refused()
    assert ended.returncode == 2
    assert "SENTIRE_SERVER_PROT" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_help_shows_examples():
    ended = refused("--help")
    assert ended.returncode == 0
    assert "sentire serve --port 9000" in ended.stdout
