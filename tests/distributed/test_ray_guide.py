"""What docs/guides/ray.md says is run as it stands there, on a cluster that the guide starts."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from raycluster import QUIET, end, left_of

from processes import start
from sentire.distributed.options import DeploymentOptions, read_options

pytest.importorskip("ray", reason="needs the extra ray")

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guides" / "ray.md").read_text(encoding="utf-8")
YAML = re.search(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[1]
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
WITHIN_S = 180
TRIES = 5
SLOW = "timed out during startup"
"""Ray gives a node 30 s to start, which a machine that is busy with other things may exceed."""


def starting(word: str) -> list[str]:
    return [line for line in COMMANDS if line.startswith(word)]


def test_the_table_has_every_argument_and_its_default():
    rows = [line.split("|") for line in GUIDE.splitlines() if line.startswith("| `")]
    defaults = {}
    for _, names, values, *_ in rows:
        each = re.findall(r"`(\w+)`", names)
        defaults |= dict(zip(each, values.split(","), strict=True))
    known = {
        name: getattr(DeploymentOptions(), name) for name in DeploymentOptions.__struct_fields__
    }
    assert defaults.keys() == known.keys()
    for name, value in known.items():
        if isinstance(value, int | float):
            assert float(defaults[name]) == value, name


def test_the_command_line_says_what_an_application_takes():
    [line, _] = starting("serve run")
    _, _, path, *arguments = shlex.split(line)
    assert path == "sentire.distributed.serve:build"
    options = read_options(dict(each.split("=", 1) for each in arguments))
    assert options == DeploymentOptions(models=("zh-en",), max_replicas=2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_file_runs_and_answers_and_ends_at_ctrl_c(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shelf = tmp_path / "models"
    sentire, serve = (Path(sys.executable).with_name(name) for name in ("sentire", "serve"))
    push = [sentire, "models", "push", "zh-en", str(shelf), "--alias", "production"]
    subprocess.run(push, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    Path("ray.yaml").write_text(YAML.replace("8000", port).replace("/srv/models", str(shelf)))
    exports = dict(shlex.split(line)[1].split("=", 1) for line in starting("export"))
    assert exports["RAY_USAGE_STATS_ENABLED"] == "0"
    [command] = [line for line in starting("serve run") if "ray.yaml" in line]
    [curl] = starting("curl")
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        env = {"PATH": os.environ["PATH"], "HOME": folder, "RAY_TMPDIR": folder, **QUIET, **exports}
        url = f"http://127.0.0.1:{port}"
        with running([serve, *shlex.split(command)[1:]], url, env) as process:
            answer = json.loads(subprocess.check_output(shlex.split(curl.replace("8000", port))))
            assert answer["label"] == "positive"
            assert answer["model"]["name"] == "zh-en"
            process.send_signal(signal.SIGINT)
            process.wait(WITHIN_S)
            assert left_of(folder, within_s=WITHIN_S / 4) == []


@contextmanager
def running(command: list[object], url: str, env: dict[str, str]) -> Iterator[subprocess.Popen]:
    """Run ``serve run`` until the application answers; it is ended behind."""
    log = Path(env["HOME"]) / "serve.log"
    for tried in range(1, TRIES + 1):
        with log.open("w") as out:
            process = start(command, stdout=out, stderr=subprocess.STDOUT, env=env)
        try:
            if answers(url, process):
                yield process
                return
            assert tried < TRIES, log.read_text()
            assert SLOW in log.read_text(), log.read_text()
        finally:
            end(process, env["HOME"])


def answers(url: str, process: subprocess.Popen) -> bool:
    """Wait until a server is ready; False where its process ends before."""
    until = time.monotonic() + WITHIN_S
    with httpx.Client(base_url=url, timeout=WITHIN_S) as client:
        while time.monotonic() < until and process.poll() is None:
            try:
                if client.get("/health/ready").status_code == 200:
                    return True
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(0.5)
    return False
