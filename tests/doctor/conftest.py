"""The real command in a real process, and machines that are made of files."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentire.doctor.findings import Finding

Doctor = Callable[..., list[dict[str, object]]]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Run ``sentire doctor --json`` in another process; gives its findings.

    ``before`` are words in front of it, such as those of ``unshare``; ``start`` is called in the
    process before the command begins.
    """

    def run(
        *words: object,
        before: tuple[str, ...] = (),
        start: Callable[[], None] | None = None,
        code: int | None = None,
        **env: str,
    ) -> list[dict[str, object]]:
        kept = {name: value for name, value in os.environ.items() if name[:8] != "SENTIRE_"}
        command = [sys.executable, "-m", "sentire", "doctor", "--json", *map(str, words)]
        done = subprocess.run(
            [*before, *command],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={**kept, **env},
            preexec_fn=start,
            text=True,
            timeout=240,
        )
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        statuses = {finding["status"] for finding in answer["findings"]}
        assert done.returncode == (1 if "broken" in statuses else 0)
        assert code is None or done.returncode == code, answer
        return answer["findings"]

    return run


@pytest.fixture
def machine_root(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files of ``/proc``, ``/sys`` and ``/dev`` into a folder that stands for ``/``."""

    def write(files: dict[str, str]) -> Path:
        root = tmp_path / "root"
        for name, content in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        root.mkdir(exist_ok=True)
        return root

    return write


@pytest.fixture
def only() -> Callable[[Iterator[Finding]], Finding]:
    """The one finding of a check."""

    def one(findings: Iterator[Finding]) -> Finding:
        [finding] = findings
        return finding

    return one
