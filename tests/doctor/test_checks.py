import importlib
import threading
from pathlib import Path

import pytest

from sentire.doctor import checks
from sentire.doctor.checks import CHECKS, run
from sentire.doctor.deadline import within
from sentire.doctor.findings import Machine, broken, fine, warning, worst
from sentire.errors import Unavailable

GUIDE = Path(__file__).parents[2] / "docs/guides/doctor.md"


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_has_a_module_of_its_name_and_a_line_in_the_guide(name):
    module = importlib.import_module(f"sentire.doctor.{name}")
    assert name == module.NAME
    assert f"| `{name}` |" in GUIDE.read_text(encoding="utf-8")


def write_checks(folder: Path, monkeypatch, **codes: str) -> None:
    """Put checks beside the real ones, and run those alone."""
    for name, code in codes.items():
        (folder / f"{name}.py").write_text(code)
    package = importlib.import_module("sentire.doctor")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.setattr(checks, "CHECKS", dict.fromkeys(codes, ""))


GOOD = "from sentire.doctor.findings import fine\ndef look(machine):\n    yield fine('z', 'good')\n"


def test_a_check_that_fails_keeps_no_other_from_looking(tmp_path, monkeypatch):
    write_checks(
        tmp_path,
        monkeypatch,
        x_lacks="import a_library_that_is_gone\n",
        x_fails="def look(machine):\n    raise KeyError('inside')\n    yield\n",
        x_works=GOOD,
    )
    lacks, fails, works = run(Machine())
    assert [f.status for f in (lacks, fails, works)] == ["broken", "broken", "fine"]
    assert "a_library_that_is_gone" in lacks.found
    assert "KeyError" in fails.found


def test_a_check_that_hangs_is_left_behind(tmp_path, monkeypatch):
    code = "import threading\ndef look(machine):\n    threading.Event().wait(60)\n    yield\n"
    write_checks(tmp_path, monkeypatch, x_hangs=code, x_goes_on=GOOD)
    monkeypatch.setattr(checks, "_LONGEST_S", 0.2)
    hangs, goes_on = run(Machine())
    assert (hangs.status, goes_on.status) == ("broken", "fine")
    assert "within 0.2 s" in hangs.found


def test_only_the_checks_that_are_named_run():
    assert {finding.check for finding in run(Machine(), only=("clock", "python"))} == {
        "clock",
        "python",
    }


def test_an_answer_in_time_is_given_and_an_error_is_raised():
    assert within(5, lambda: 7, what="it") == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0, what="it")
    with pytest.raises(TimeoutError, match="its own"):
        within(5, raise_timeout, what="it")
    never = threading.Event()
    with pytest.raises(Unavailable, match="it gave no answer within"):
        within(0.05, lambda: never.wait(30), what="it")
    never.set()


def raise_timeout():
    raise TimeoutError("its own")


def test_the_gravest_finding_is_the_whole():
    a, b, c = fine("x", ""), warning("x", "", ""), broken("x", "", "")
    assert (worst([a]), worst([a, b]), worst([c, a, b]), worst([])) == (
        "fine",
        "warning",
        "broken",
        "fine",
    )
