from pathlib import Path

import pytest
from groups import control_group

from sentire.cgroups import cpu_quota, memory_limit, process_limit, throttled
from sentire.doctor.findings import Machine
from sentire.doctor.threads import judge, look
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings

V1 = {"proc/self/cgroup": "4:cpu,cpuacct:/app\n0::/\n"}
V2 = {"proc/self/cgroup": "0::/app.slice/sentire.service\n"}
OWN = "sys/fs/cgroup/app.slice/sentire.service"


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        pytest.param({"sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5, id="v2, a container"),
        pytest.param(V2 | {f"{OWN}/cpu.max": "50000 100000"}, 0.5, id="v2, a service of systemd"),
        pytest.param(
            V2
            | {f"{OWN}/cpu.max": "max 100000", "sys/fs/cgroup/app.slice/cpu.max": "200000 100000"},
            2.0,
            id="v2, a group above",
        ),
        pytest.param(
            V1
            | {
                "sys/fs/cgroup/cpu/app/cpu.cfs_quota_us": "50000",
                "sys/fs/cgroup/cpu/app/cpu.cfs_period_us": "100000",
            },
            0.5,
            id="v1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:cpu:/docker/0123\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            3.0,
            id="v1, a container that sees its host's path",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/../../other\n", "sys/fs/cgroup/cpu.max": "100000 100000"},
            1.0,
            id="v2, a path that leads out",
        ),
        pytest.param(V2 | {f"{OWN}/cpu.max": "max 100000"}, None, id="no quota"),
        pytest.param({}, None, id="no control groups"),
    ],
)
def test_the_smallest_quota_of_all_groups_counts(machine_root, files, cpus):
    quota = cpu_quota(machine_root(files))
    assert (quota.cpus if quota else None) == cpus


def test_limits_of_memory_and_processes_are_read(machine_root):
    root = machine_root(
        V2
        | {
            f"{OWN}/memory.max": "536870912",
            f"{OWN}/memory.high": "max",
            "sys/fs/cgroup/app.slice/memory.max": "1073741824",
            f"{OWN}/pids.max": "64",
        }
    )
    assert memory_limit(root) == 512 << 20
    assert process_limit(root) == 64


def test_no_limit_of_version_1_is_none(machine_root):
    top = "sys/fs/cgroup/memory/memory.limit_in_bytes"
    assert memory_limit(machine_root({top: "9223372036854771712\n"})) is None


def test_more_threads_than_the_quota_are_told_with_the_right_number(machine_root, only):
    root = machine_root(V2 | {f"{OWN}/cpu.max": "200000 100000"})
    finding = only(look(Machine(Settings(threads=8), root=root)))
    assert finding.status == "warning"
    assert "Set --threads" in finding.fix


def test_more_workers_than_cpus_are_told():
    finding = judge(taken=2, n_cpus=2, quota=None, n_workers=5)
    assert (finding.status, finding.fix) == ("warning", "Set --workers 2.")


def test_threads_within_the_quota_are_fine(machine_root, only):
    root = machine_root(V2 | {f"{OWN}/cpu.max": "400000 100000"})
    finding = only(look(Machine(Settings(threads=1, server=ServerSettings(workers=1)), root=root)))
    assert finding.status == "fine"


def test_a_group_that_was_often_stopped_is_told(machine_root):
    stat = "usage_usec 9\nnr_periods 200\nnr_throttled 90\nthrottled_usec 5\n"
    root = machine_root(V2 | {f"{OWN}/cpu.max": "100000 100000", f"{OWN}/cpu.stat": stat})
    findings = list(look(Machine(Settings(threads=1), root=root)))
    assert [finding.status for finding in findings] == ["fine", "warning"]
    assert throttled(root) == 0.45


def test_a_real_group_with_half_a_cpu_is_found(doctor):
    limits = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}
    with control_group("cpu", limits) as enter:
        findings = doctor("--only", "threads", start=enter, code=0)
    assert findings[0]["status"] == "warning"
    assert findings[0]["details"]["quota"] == 0.5
    assert "--threads 1" in findings[0]["fix"] or "at least one CPU" in findings[0]["fix"]


@pytest.mark.skipif(not Path("/proc/self/cgroup").exists(), reason="needs Linux")
def test_this_very_machine_can_be_read():
    quota = cpu_quota(Path("/"))
    assert quota is None or quota.cpus > 0
