"""``sentire serve`` as a process of its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from sentire.web.server import bind, url_of
from servers import serving

SENTIRE = Path(sys.executable).with_name("sentire")


def refused(*options):
    command = [SENTIRE, "serve", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=lambda sign: sign.name)
def test_it_says_where_it_is_answers_and_stops_in_good_order(tiny_bundle, sign):
    with serving("serve", "--model", tiny_bundle) as (process, url, lines):
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


@pytest.mark.parametrize("workers", [1, 2])
def test_an_ignored_ctrl_c_stays_ignored(tiny_bundle, workers):
    ignoring = ("sh", "-c", 'trap "" INT; exec "$0" "$@"')
    options = ["--model", tiny_bundle, "--workers", workers]
    with serving("serve", *options, before=ignoring) as (process, url, _):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert httpx.get(f"{url}/health/ready", timeout=30).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_public_address_without_keys_is_allowed_where_it_is_said_and_warned_of(tiny_bundle):
    options = ["--model", tiny_bundle, "--host", "0.0.0.0", "--open"]
    with serving("serve", *options) as (process, url, lines):
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/health/live").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert any(line.startswith("Warning: other machines") for line in lines)


def test_a_public_address_without_keys_is_refused(tmp_path):
    ended = refused("--host", "0.0.0.0", "--port", "0", "--model", str(tmp_path / "none"))
    assert ended.returncode == 2
    assert all(word in ended.stderr for word in ("--keys", "--open", "0.0.0.0"))
    assert ended.stderr.count("\n") == 1


def test_a_public_address_with_keys_lets_in_who_has_one(tiny_bundle, tmp_path):
    file = tmp_path / "keys.txt"
    command = [SENTIRE, "keys", file, "--add", "shop"]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    key = made.stdout.strip()
    assert key not in file.read_text()
    options = ["--model", tiny_bundle, "--host", "0.0.0.0", "--keys", file]
    with serving("serve", *options) as (_, url, lines):
        assert httpx.get(f"{url}/").status_code == 401
        assert httpx.get(f"{url}/health/ready").status_code == 200
        answer = httpx.post(f"{url}/analyze", json={"text": "a"}, auth=("", key), timeout=30)
        assert answer.status_code == 200
    assert not any(key in line or "Warning" in line for line in lines)


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
