import resource

import pytest
from groups import control_group

from sentire.doctor.findings import Machine
from sentire.doctor.memory import available, judge, look
from sentire.doctor.trial import Trial

MB = 1 << 20
LOADED = Trial(rss=300 * MB, seconds=1.0, engine="openvino")
KILLED = Trial(kind="SIGKILL", error="its process was ended by SIGKILL.")


@pytest.mark.parametrize(
    ("trials", "left", "n_workers", "status"),
    [
        pytest.param([LOADED], 8000 * MB, 4, "fine", id="plenty"),
        pytest.param([LOADED], 500 * MB, 1, "warning", id="no room for the next version"),
        pytest.param([LOADED], 900 * MB, 4, "broken", id="too many workers"),
        pytest.param([LOADED, LOADED], 500 * MB, 1, "broken", id="too many models"),
        pytest.param([KILLED], 8000 * MB, 1, "broken", id="the trial was killed"),
        pytest.param([Trial(kind="X", error="no")], 8000 * MB, 1, "fine", id="the trial failed"),
    ],
)
def test_models_are_compared_with_what_is_left(trials, left, n_workers, status):
    finding = judge(trials, left=left, limit=None, n_workers=n_workers, addresses=None)
    assert finding.status == status


def test_the_container_s_limit_counts_without_the_pages_that_can_go(machine_root):
    root = machine_root(
        {
            "proc/meminfo": f"MemTotal: {9 << 20} kB\nMemAvailable: {8 << 20} kB\n",
            "sys/fs/cgroup/memory.max": str(512 * MB),
            "sys/fs/cgroup/memory.current": str(400 * MB),
            "sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {100 * MB}\n",
        }
    )
    assert available(root) == 212 * MB
    assert available(machine_root({"sys/fs/cgroup/memory.max": "max"})) == 8 << 30


def test_a_machine_with_little_memory_left_is_told(machine_root, only, tiny_bundle):
    from sentire.service.settings import Settings

    root = machine_root({"proc/meminfo": "MemAvailable: 20480 kB\n"})
    finding = only(look(Machine(Settings(model=str(tiny_bundle)), root=root)))
    assert finding.status == "broken"
    assert "21 MB free" in finding.found


def test_a_limit_of_addresses_that_is_too_small_is_found(doctor):
    def start():
        resource.setrlimit(resource.RLIMIT_AS, (800 * MB, 800 * MB))

    findings = doctor("--only", "bundle", "--only", "memory", start=start, code=1)
    by_check = {finding["check"]: finding for finding in findings if finding["status"] == "broken"}
    assert "can't be loaded" in by_check["bundle"]["found"]
    assert "ulimit -v allows 839 MB" in by_check["memory"]["found"]
    assert "ulimit -v" in by_check["memory"]["fix"]


def test_a_container_with_too_little_memory_is_found(doctor):
    with control_group("memory", {"memory.limit_in_bytes": str(160 * MB)}) as enter:
        findings = doctor("--only", "memory", start=enter, code=1)
    [finding] = findings
    assert finding["details"]["limit"] == 160 * MB
    assert "could not be loaded" in finding["found"]


@pytest.mark.parametrize(("addresses", "status"), [(800 * MB, "broken"), (None, "fine")])
def test_a_thread_that_can_t_start_is_a_want_of_addresses_where_they_are_limited(addresses, status):
    trial = Trial(error="RuntimeError: can't start new thread", kind="1")
    found = judge([trial], left=8 << 30, limit=None, n_workers=1, addresses=addresses)
    assert found.status == status
