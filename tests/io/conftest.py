"""Inputs written as bytes, read back as rows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sentire.io.inputs import InputOptions, open_input
from sentire.io.rows import Row

Read = Callable[..., list[Row]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write ``data`` under ``name`` and read it; keywords are those of InputOptions."""

    def read_bytes(name: str, data: bytes, **wanted: object) -> list[Row]:
        path = tmp_path / name
        path.write_bytes(data)
        with open_input(path, InputOptions(**wanted)) as source:
            return list(source)

    return read_bytes


@pytest.fixture
def outcome() -> Callable[[list[Row]], list[str]]:
    """Gives the text of each row, or the code of its error."""
    return lambda rows: [row.error.code if row.error else row.text for row in rows]
