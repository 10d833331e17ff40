"""What every command shares: help, version, one line for an error, the exit code."""

import importlib.metadata
import json
import os
import subprocess
import sys
import time

import pytest

HEAVY = ("openvino", "onnxruntime", "pyarrow", "fastapi", "sqlalchemy", "numpy", "rich")


def sentire(*words, **env):
    return subprocess.run(
        [sys.executable, "-m", "sentire", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
        timeout=60,
    )


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["analyze", "--help"], ["serve", "--help"]])
def test_help_is_quick_and_imports_nothing_heavy(words):
    code = (
        "import json, sys\n"
        "from sentire.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    seconds = time.monotonic() - began
    code, modules = json.loads(done.stderr)
    assert code == 0
    assert done.stdout.startswith("Usage: sentire")
    assert not set(HEAVY) & set(modules)
    assert seconds < 2, "far above the 0.4 s it takes, so that a busy machine does not matter"


def test_no_page_of_help_imports_anything_heavy():
    """Of all commands, at once; their options are declared apart from their work."""
    code = (
        "import json, sys\n"
        "import click\n"
        "from sentire.cli.commands import commands\n"
        "def read(command, *words):\n"
        "    context = click.Context(command, info_name=' '.join(words))\n"
        "    command.get_help(context)\n"
        "    n_pages = 1\n"
        "    if isinstance(command, click.Group):\n"
        "        for name in command.list_commands(context):\n"
        "            n_pages += read(command.get_command(context, name), *words, name)\n"
        "    return n_pages\n"
        "print(json.dumps([read(commands, 'sentire'), sorted(sys.modules)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    n_pages, modules = json.loads(done.stdout)
    assert n_pages > 20
    assert not set(HEAVY) & set(modules)


def test_the_version_is_the_packages():
    assert sentire("--version").stdout == f"sentire {importlib.metadata.version('sentire')}\n"


def test_every_command_is_listed_with_a_line_of_help():
    from sentire.cli.commands import commands

    listed = sentire("--help").stdout.partition("Commands:")[2]
    for name in ("analyze", "serve"):
        assert name in listed
        assert commands.get_command(None, name).name == name


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(["foo"], "No such command 'foo'.", id="no such command"),
        pytest.param(["analyze", "--fo"], "No such option '--fo'.", id="no such option"),
        pytest.param(["analyze", "--on-long", "x", "a"], "'--on-long': 'x' is not", id="no choice"),
        pytest.param(["analyze", "a", "-i", "b"], "give texts or -i, not both", id="two inputs"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(words, line):
    done = sentire(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert line in done.stderr


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_error_that_should_not_happen_is_one_line_without_its_message(tmp_path, debug):
    (tmp_path / "boom.py").write_text(
        "import click\n@click.command()\ndef boom():\n    raise ValueError('a private text')\n"
    )
    code = (
        "import sys\n"
        "from sentire.cli import commands\n"
        "from sentire.cli.main import main\n"
        "commands._COMMANDS['boom'] = ('boom', '')\n"
        "sys.argv[1:] = ['boom']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SENTIRE_DEBUG": debug, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    if debug:
        assert "Traceback" in done.stderr
    else:
        assert done.stderr.startswith("sentire: unexpected ValueError in ")
        assert done.stderr.count("\n") == 1
        assert "a private text" not in done.stderr
