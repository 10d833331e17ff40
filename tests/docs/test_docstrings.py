"""Docstrings of public functions describe their arguments and what they raise."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pages import ROOT

SOURCE = ROOT / "src" / "sentire"
MANY = 3
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Public(NamedTuple):
    """A function that others may call."""

    name: str
    node: Function
    docs: str
    """Its docstring; that of the class for ``__init__``."""


def public(file: Path) -> Iterator[Public]:
    """Public functions of a module and methods of its public classes; overloads of one aside."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    where = file.relative_to(SOURCE).as_posix()
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield Public(f"{where}::{node.name}", node, ast.get_docstring(node) or "")
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        for inner in node.body:
            if isinstance(inner, Function) and inner.name == "__init__":
                docs = ast.get_docstring(node) or ""
                yield Public(f"{where}::{node.name}", inner, docs)
            elif isinstance(inner, Function) and not inner.name.startswith("_"):
                docs = ast.get_docstring(inner) or ""
                yield Public(f"{where}::{node.name}.{inner.name}", inner, docs)


def arguments(node: Function) -> list[str]:
    """Names of the arguments, with ``self`` and ``cls`` left out."""
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    named += [each for each in (node.args.vararg, node.args.kwarg) if each is not None]
    return [each.arg for each in named if each.arg not in {"self", "cls"}]


def raised(node: ast.AST) -> Iterator[str]:
    """Names of the errors that a function's own body raises; not those of functions inside it."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, Function | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(inner, ast.Raise) and isinstance(inner.exc, ast.Call):
            name = ast.unparse(inner.exc.func).rpartition(".")[2]
            if name[:1].isupper():
                yield name
        yield from raised(inner)


def section(docs: str, title: str) -> str:
    """The text below a heading of a docstring in numpy's form."""
    match = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", docs, re.M | re.S)
    return match[1] if match else ""


def described(docs: str) -> set[str]:
    """Arguments that a docstring describes: ``name : what``, or ``one, another : what``."""
    text = "\n".join(section(docs, title) for title in ("Parameters", "Attributes"))
    heads = re.findall(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)\s*(?::|$)", text, re.M)
    return {name.strip("* ") for head in heads for name in head.split(",")}


@pytest.mark.parametrize(
    "file",
    sorted(SOURCE.glob("**/*.py")),
    ids=lambda file: file.relative_to(SOURCE).as_posix(),
)
def test_many_arguments_are_each_described_and_errors_are_named(file):
    faults = []
    for name, node, docs in public(file):
        names = arguments(node)
        if len(names) >= MANY:
            faults += [f"{name}: {each}" for each in names if each not in described(docs)]
        known = section(docs, "Raises")
        faults += [
            f"{name} raises {each}" for each in sorted(set(raised(node))) if each not in known
        ]
    assert faults == []
