import os
import shutil
import time

from sentire.doctor.clock import look
from sentire.doctor.findings import Machine
from sentire.service.settings import Settings


def test_the_clock_of_this_machine_is_fine(only):
    assert only(look(Machine())).status == "fine"


def test_a_clock_that_starts_in_1970_is_broken(only):
    finding = only(look(Machine(now_s=86_400.0)))
    assert finding.status == "broken"
    assert "1970-01-02" in finding.found


def test_a_file_from_the_future_shows_that_the_clock_is_behind(tiny_bundle, tmp_path, only):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    later = time.time() + 7200
    os.utime(bundle / "bundle.json", (later, later))
    finding = only(look(Machine(Settings(model=str(bundle)))))
    assert finding.status == "warning"
    assert "2.0 h later" in finding.found
    assert "bundle.json" in finding.fix
