from pathlib import Path

import pytest
from mounts import mounting

from sentire.doctor.disk import judge, look
from sentire.doctor.findings import Machine
from sentire.service.settings import Settings


@pytest.mark.parametrize(("is_needed", "status"), [(False, "warning"), (True, "broken")])
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux")
def test_a_folder_that_can_not_be_written_is_found(is_needed, status):
    finding = judge(Path("/proc/sentire"), is_needed=is_needed)
    assert finding.status == status
    assert "SENTIRE_DOWNLOADS" in finding.fix


@pytest.mark.parametrize(
    ("options", "said"),
    [("size=1m", "left"), ("size=2g,nr_inodes=500", "inodes")],
    ids=["room", "files"],
)
def test_a_disk_that_is_nearly_full_is_found(doctor, tmp_path, options, said):
    (tmp_path / "small").mkdir()
    before = mounting(f'mount -t tmpfs -o {options} tmpfs {tmp_path}/small && exec "$@"')
    model = f"{tmp_path}/registry/tiny@production"
    words = ("--only", "disk", "--model", model)
    [finding] = doctor(*words, before=before, code=1, SENTIRE_DOWNLOADS=f"{tmp_path}/small/models")
    assert said in finding["found"]


def test_room_in_a_folder_that_is_not_there_yet_is_fine(tmp_path, only):
    settings = Settings(downloads=str(tmp_path / "new" / "models"))
    finding = only(look(Machine(settings)))
    assert finding.status == "fine"
    assert finding.details["free"] > 0
    assert not (tmp_path / "new").exists()
