"""The examples in docstrings give what they show."""

import doctest
from pathlib import Path

import pytest

import sentire

ROOT = Path(sentire.__file__).parent
WITH_A_SERVER = {"sentire.client"}
"""Shown as one uses it, with a server at the address."""


def name_of(file):
    return ".".join(("sentire", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


NAMES = sorted(
    name_of(file) for file in ROOT.rglob("*.py") if ">>>" in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_A_SERVER])
def test_examples_give_what_they_show(name):
    module = pytest.importorskip(name, exc_type=ImportError)  # some stand on an extra
    assert not doctest.testmod(module).failed
