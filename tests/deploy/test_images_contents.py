"""What is in the images, and what is not."""

import gzip
import json
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec

import httpx
import pytest
from engine import HARDENED
from images import ROOT, TARGETS

from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_bundle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

MOST_BYTES = 250_000_000
PORTS = {"model": "5000/tcp", "gateway": "8080/tcp", "all": "8080/tcp"}
_PACKAGES = """
from importlib.metadata import distributions
for part in distributions():
    print(f"{part.name}=={part.version}")
"""


def manifest(images, target):
    return json.loads(
        images.engine(
            *("inspect", "--raw", "--tls-verify=false", f"docker://{images.pinned(target)}"),
            program="skopeo",
        )
    )


def configuration(images, target):
    return json.loads(images.engine("inspect", images.names[target]))[0]


def layers(images, target):
    for layer in manifest(images, target)["layers"]:
        url = f"http://{images.registry}/v2/sentire-{target}/blobs/{layer['digest']}"
        yield gzip.decompress(httpx.get(url, timeout=60).content)


def test_an_image_is_small(images, capsys):
    sizes = [layer["size"] for layer in manifest(images, "model")["layers"]]
    with capsys.disabled():
        sys.stdout.write(f"\nlayers of sentire-model: {sizes}, together {sum(sizes)} bytes\n")
    assert sum(sizes) <= MOST_BYTES


def test_all_targets_are_the_same_layers(images):
    first, *others = (manifest(images, target)["layers"] for target in TARGETS)
    assert others == [first, first]


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_says_what_it_is(images, target):
    config = configuration(images, target)["Config"]
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in config["Labels"].items()
    }
    assert labels["version"] == images.version
    assert labels["revision"] == images.revision
    assert labels["licenses"] == "Apache-2.0"
    assert labels["base.name"] == images.base
    assert labels["base.digest"] == images.base_digest
    assert labels["source"].startswith("https://")
    assert [*config["ExposedPorts"]] == [PORTS[target]]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["sentire"]


def test_the_base_is_the_one_that_was_pinned(images):
    base = json.loads(images.engine("inspect", images.base))[0]
    ours = configuration(images, "model")
    n_layers = len(base["RootFS"]["Layers"])
    assert ours["RootFS"]["Layers"][:n_layers] == base["RootFS"]["Layers"]


def test_secrets_of_the_build_are_nowhere(images):
    described = json.dumps(configuration(images, "model")).encode()
    for content in (described, *layers(images, "model")):
        assert [mark for mark in images.marks if mark in content] == []


def test_nothing_of_the_repository_but_the_package_is_inside(images):
    done = images.engine.once(
        *("--entrypoint", "python3", images.names["model"], "-c"),
        "import os; print(os.listdir('/opt/sentire'), os.path.exists('/source'))",
    )
    assert done.exit_code == 0
    listed = done.said.split("]")
    assert "False" in listed[1]
    assert set(eval(listed[0] + "]")) <= {
        *("bin", "include", "lib", "lib64", "share", "pyvenv.cfg", "health.py")
    }


def test_the_model_inside_is_that_of_the_package(images):
    done = images.engine.once(images.names["model"], "models", "verify", "zh-en")
    assert done.exit_code == 0
    assert read_bundle(find_bundle()).info.digest in done.said


def test_what_was_left_out_is_missed_by_no_command(images, tmp_path):
    """Arrow reads and writes Parquet; the tests that serve ask for OpenVINO and for S3."""
    (tmp_path / "in.csv").write_text('text,id\n"服务态度很好",1\n"Terrible.",2\n', encoding="utf-8")
    tmp_path.chmod(0o777)
    # The reader of Parquet makes a temporary file.
    mounts = ("--tmpfs=/tmp:mode=1777", f"--volume={tmp_path}:/data")
    options = (*HARDENED, *mounts, images.names["model"])
    for source, output in (("in.csv", "out.parquet"), ("out.parquet", "again.jsonl")):
        words = ("analyze", "-i", f"/data/{source}", "-o", f"/data/{output}")
        done = images.engine.once(*options, *words)
        assert done.exit_code == 0, done.said
    records = (tmp_path / "again.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(record)["label"] for record in records] == ["positive", "negative"]


def test_the_packages_inside_are_listed_and_looked_up(images, capsys, tmp_path):
    options = ("--entrypoint", "python3", images.names["model"], "-c", _PACKAGES)
    python = sorted(images.engine.once(*options).said.split())
    options = (
        "--entrypoint",
        "dpkg-query",
        images.names["model"],
        "-Wf",
        "${Package}=${Version}\n",
    )
    debian = sorted(images.engine.once(*options).said.split())
    kept = ROOT / "build" / "image-packages.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("\n".join([*python, *debian, ""]))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(python)} Python packages: {' '.join(python)}\n"
            f"{len(debian)} Debian packages: {' '.join(debian)}\n"
            f"{_audit([line for line in python if not line.startswith('sentire==')], tmp_path)}\n"
        )
    assert any(line.startswith("openvino==") for line in python)
    assert not any(line.split("==")[0] in {"torch", "pip", "pytest"} for line in python)


def _audit(packages, folder):
    """What is known of their vulnerabilities, where the index can be asked."""
    if find_spec("pip_audit") is None:
        return "pip-audit is not installed"
    listed = folder / "packages.txt"
    listed.write_text("\n".join(packages))
    options = ("--disable-pip", "--no-deps", "--progress-spinner=off", "--format=json")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *options, "--timeout=10", "-r", listed],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except subprocess.TimeoutExpired:
        return "pip-audit had no answer in time"
    if not done.stdout:
        return f"pip-audit found no index to ask: {done.stderr[-300:]}"
    found = json.loads(done.stdout)["dependencies"]
    asked = [package for package in found if "skip_reason" not in package]
    known = [
        f"{package['name']} {package['version']} {vulnerability['id']}"
        for package in asked
        for vulnerability in package["vulns"]
    ]
    return f"pip-audit knew {len(asked)} of {len(found)}: {', '.join(known) or 'nothing found'}"


def test_docker_and_podman_send_the_same_files_to_the_build():
    ignored = [(ROOT / name).read_text() for name in (".containerignore", ".dockerignore")]
    assert ignored[0] == ignored[1]


@pytest.mark.parametrize("name", ["Containerfile", "Containerfile.gpu"])
def test_a_containerfile_builds_the_version_of_the_project(name):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = re.findall(r"^ARG VERSION=(.+)$", (ROOT / "deploy" / name).read_text(), re.MULTILINE)
    assert set(said) == {project["version"]}
