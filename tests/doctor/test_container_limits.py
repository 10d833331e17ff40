import resource
import sys

import pytest
from groups import control_group
from mounts import mounting

from sentire.doctor.findings import Machine
from sentire.doctor.limits import look
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings

READ_ONLY = (
    "for folder in /tmp /var/tmp /usr/tmp; do [ -d $folder ] && "
    'mount -t tmpfs -o ro,size=4k tmpfs $folder; done; cd /proc && exec "$@"'
)


def by_key(findings, key):
    return next(finding for finding in findings if key in finding["details"])


@pytest.mark.parametrize(("limit", "status"), [(64, "broken"), (512, "warning"), (4096, "fine")])
def test_a_limit_of_open_files_is_found(doctor, limit, status):
    def start():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    finding = by_key(doctor("--only", "limits", start=start), "files")
    assert (finding["status"], finding["details"]["files"]) == (status, limit)


def test_a_limit_of_processes_is_compared_with_what_a_server_starts(machine_root):
    root = machine_root({"sys/fs/cgroup/pids.max": "100"})
    for n_workers, status in ((1, "fine"), (4, "broken")):
        settings = Settings(threads=4, server=ServerSettings(workers=n_workers))
        findings = look(Machine(settings, root=root))
        assert [f.status for f in findings if "processes" in f.details] == [status]


def test_a_real_limit_of_processes_is_found(doctor):
    with control_group("pids", {"pids.max": "40"}) as enter:
        found = doctor("--only", "limits", "--threads", "8", start=enter, code=1)
    finding = by_key(found, "processes")
    assert (finding["status"], finding["details"]["processes"]) == ("broken", 40)


@pytest.mark.skipif(sys.prefix.startswith("/tmp/"), reason="it hides /tmp, where this Python is")
@pytest.mark.parametrize(("n_workers", "status"), [(1, "warning"), (2, "broken")])
def test_a_container_without_a_writable_folder_is_found(doctor, n_workers, status):
    words = ("--only", "limits", "--workers", n_workers)
    found = doctor(*words, before=mounting(READ_ONLY))
    assert by_key(found, "temporary")["status"] == status
