"""The real command in a real process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[bytes]


@pytest.fixture(scope="session")
def command(tiny_bundle: Path) -> list[str]:
    """How ``sentire analyze`` over the tiny model is started."""
    return [sys.executable, "-m", "sentire", "analyze", "--model", str(tiny_bundle)]


@pytest.fixture
def analyze(command: list[str], tmp_path: Path) -> Callable[..., Done]:
    """Run ``sentire analyze`` in ``tmp_path``; ``given`` goes into its standard input."""

    def run(*options: object, given: bytes = b"", **env: str) -> Done:
        return subprocess.run(
            [*command, *map(os.fspath, map(_as_word, options))],
            input=given,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **env},
            check=False,
            timeout=60,
        )

    return run


def _as_word(option: object) -> str | bytes:
    return option if isinstance(option, bytes) else str(option)


@pytest.fixture
def records() -> Callable[[bytes], list[dict[str, object]]]:
    """Decode JSON Lines."""
    return lambda data: [json.loads(line) for line in data.splitlines()]
