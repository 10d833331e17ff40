"""Tests of an extra that is not installed are skipped, and say which package they lack.

Active only where something of the extra ``test`` is absent: where all is installed, a module that
can't be imported is an error of ours.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from sentire.errors import MissingExtra

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
EXTRAS = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def requirements(extra: str) -> Iterator[Requirement]:
    """All that an extra asks for, through those extras of ours that it names."""
    for line in EXTRAS[extra]:
        requirement = Requirement(line)
        if requirement.name == "sentire":
            for inner in requirement.extras:
                yield from requirements(inner)
        else:
            yield requirement


def is_installed(name: str) -> bool:
    """Whether a distribution is there."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


_SAID = re.compile(r"(the extra [\w,]+): |No module named \\?'(\w+)")
"""What a process that lacks a package wrote, as a failed assertion shows it."""

IS_WHOLE = all(is_installed(requirement.name) for requirement in requirements("test"))


def reason(error: BaseException | None) -> str | None:
    """Why a test can't run here, if it is for want of a package; looks through the causes."""
    while error is not None and not IS_WHOLE:
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            return f"{error.name} is not installed"
        if isinstance(error, MissingExtra):
            return f"the extra {error.extra} is not installed"
        error = error.__cause__ or error.__context__
    return None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    """A module or a folder that can't be imported."""
    report = yield
    call = getattr(report, "call", None)
    why = reason(call.excinfo.value) if call is not None and call.excinfo is not None else None
    if report.failed and why is not None:
        report.outcome, report.longrepr = "skipped", (str(collector.path), 0, f"Skipped: {why}")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """A test or a fixture that imports as it runs, or starts a process that does."""
    report = yield
    why = reason(call.excinfo.value) if call.excinfo is not None else None
    if why is None and report.failed and not IS_WHOLE:
        said = _SAID.search(report.longreprtext)
        why = f"{said[1] or said[2]} is not installed" if said else None
    if report.failed and why is not None:
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, f"Skipped: {why}")
    return report
