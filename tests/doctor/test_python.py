import pytest

from sentire.doctor.findings import Machine
from sentire.doctor.python import judge, look


def test_the_python_that_runs_this_is_fine(only):
    assert only(look(Machine())).status == "fine"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"version": "3.10.2"}, "needs Python >=3.11", id="too old"),
        pytest.param({"bits": 32}, "64 bits only", id="32 bits"),
        pytest.param({"is_threaded": True}, "without the global lock", id="free-threaded"),
    ],
)
def test_a_python_that_can_not_work_is_broken(change, said):
    usual = {"version": "3.11.7", "wanted": ">=3.11", "bits": 64, "is_threaded": False}
    usual |= change
    finding = judge(usual.pop("version"), **usual)
    assert finding.status == "broken"
    assert said in finding.found
    assert finding.fix
