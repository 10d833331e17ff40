"""The commands on the page about containers run as they stand there, one after the other."""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from engine import free_port
from images import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

PAGE = ROOT / "docs" / "guides" / "containers.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(images, tmp_path):
    """What a build reads, in a folder that commands may write to."""
    shutil.copytree(images.context, tmp_path, dirs_exist_ok=True)
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def environment(images, folder):
    """A terminal with our command on its path, and the network that podman has by itself."""
    settings = folder / "containers.conf"
    before = Path(images.engine.environment["CONTAINERS_CONF"]).read_text()
    settings.write_text(before.replace('netns = "host"', 'netns = "bridge"'))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**images.engine.environment, "CONTAINERS_CONF": str(settings), "PATH": path}


def test_commands_run_and_print_what_the_page_shows(images, folder, environment):
    here = {
        "podman build": f"podman build {' '.join(images.build_options)}",
        "podman push": "podman push --tls-verify=false",
        "registry.example.com": images.registry,
        "podman run --rm "
        + images.registry: f"podman run --rm --tls-verify=false {images.registry}",
        "127.0.0.1:8080": f"127.0.0.1:{free_port()}",
        "127.0.0.1:5000": f"127.0.0.1:{free_port()}",
    }
    blocks = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 5
    try:
        for script, expected in blocks:
            meant = functools.reduce(lambda text, pair: text.replace(*pair), here.items(), script)
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", meant],
                check=False,
                capture_output=True,
                text=True,
                cwd=folder,
                env=environment,
                timeout=900,
            )
            assert done.returncode == 0, f"{meant}\n{done.stdout}{done.stderr}"
            assert expected in done.stdout, meant
    finally:
        images.engine("rm", "--force", "sentire", "model", "gateway", ok=False)
        images.engine("network", "rm", "sentire", ok=False)
