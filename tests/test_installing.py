"""Advice to install something names the place that sentire came from, and works as it stands."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
METADATA = """Metadata-Version: 2.1
Name: sentire
Version: 0.1.0
Provides-Extra: redis
"""
BACKEND = '''
import pathlib, zipfile

METADATA = """{metadata}"""

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(pathlib.Path(folder, "sentire-0.1.0-py3-none-any.whl"), "w") as wheel:
        info = "sentire-0.1.0.dist-info"
        wheel.writestr(f"{{info}}/METADATA", METADATA)
        wheel.writestr(f"{{info}}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{{info}}/RECORD", "")
    return "sentire-0.1.0-py3-none-any.whl"

get_requires_for_build_editable, build_editable = get_requires_for_build_wheel, build_wheel
'''
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "sentire"
version = "0.1.0"
"""


@pytest.fixture
def clone(tmp_path):
    """A folder that pip can install from without a network."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND.format(metadata=METADATA))
    return folder


@pytest.fixture
def advice(tmp_path):
    """The advice of a process whose sentire was installed from somewhere."""

    def ask(origin, code="install_command('redis')"):
        site = tmp_path / "site"
        info = site / "sentire-0.1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(METADATA)
        if origin is not None:
            (info / "direct_url.json").write_text(json.dumps(origin))
        command = f"import sys; sys.path.insert(0, {str(site)!r}); "
        command += f"from sentire.optional import *; print({code})"
        done = subprocess.run(
            [sys.executable, "-c", command], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    return ask


def would_install(command):
    """Run a command of pip without a network, installing nothing; what it would install."""
    words = shlex.split(command)
    at = words.index("install") + 1
    options = ["--dry-run", "--no-deps", "--no-index", "--force-reinstall"]
    done = subprocess.run(
        [*words[:at], *options, *words[at:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "does not provide the extra" not in done.stdout + done.stderr
    return re.findall(r"^Would install (.*)$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("is_editable", [True, False], ids=["editable", "copied"])
def test_from_a_clone_the_command_names_the_clone_and_runs(clone, advice, is_editable):
    command = advice({"url": clone.as_uri(), "dir_info": {"editable": is_editable}})
    assert command.endswith(f"'{clone}[redis]'")
    assert (" -e " in command) is is_editable
    assert would_install(command) == ["sentire-0.1.0"]


def test_from_a_wheel_the_command_names_the_wheel_and_runs(clone, advice):
    sys.path.insert(0, str(clone))
    try:
        import backend

        wheel = clone / backend.build_wheel(clone)
    finally:
        sys.path.remove(str(clone))
        del sys.modules["backend"]
    command = advice({"url": wheel.as_uri(), "archive_info": {}})
    assert command.endswith(f"'sentire[redis] @ {wheel.as_uri()}'")
    assert would_install(command) == ["sentire-0.1.0"]


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        pytest.param(
            {"url": "https://git.example/sentire", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "install 'sentire[redis] @ git+https://git.example/sentire@abc'",
            id="a repository",
        ),
        pytest.param(
            {"url": "file:///no/clone", "dir_info": {"editable": False}},
            "install '.[redis]' (in a clone of sentire)",
            id="a folder that is gone",
        ),
        pytest.param(
            {"url": "file:///no/sentire.whl", "archive_info": {}},
            "install '.[redis]' (in a clone of sentire)",
            id="a wheel that is gone",
        ),
        pytest.param(None, "install '.[redis]' (in a clone of sentire)", id="nobody knows"),
    ],
)
def test_elsewhere_the_command_is_the_nearest_that_works(advice, origin, words):
    assert advice(origin).endswith(words)


def test_the_command_acts_on_the_environment_that_asked(monkeypatch, advice):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    if Path(sys.executable).with_name("pip").exists():
        assert advice(None).startswith("pip install")
    monkeypatch.setenv("PATH", "/nowhere")
    assert shlex.split(advice(None))[:3] == [sys.executable, "-m", "pip"]


def test_nobody_says_that_an_index_has_sentire():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git repository")
    wrong = re.compile(r"\bpip install [^\n`&|;]*?\bsentire(\[[^\n]*?\])?(?=['\"`.,; ]|$)", re.M)
    found = []
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.suffix not in {".onnx", ".svg", ".png", ".gz"}:
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {match[0]}" for match in wrong.finditer(text)]
    assert found == []
