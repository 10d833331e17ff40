import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from sentire.doctor.findings import Machine
from sentire.doctor.gpu import look
from sentire.service.settings import Settings

CUDA = Settings(engine="onnxruntime-cuda")
PCI = {"class": "0x030200\n", "vendor": "0x10de\n"}
ON_BUS = {f"sys/bus/pci/devices/0000:01:00.0/{name}": text for name, text in PCI.items()}
DRIVER = {
    "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu\n"
}
NODE = {"dev/nvidia0": "", "dev/nvidiactl": "", "dev/null": ""}


@pytest.fixture
def open_root():
    """A folder that any user may look into; those of pytest are its owner's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def nobody():
    """Be a user without rights, as in a container; gives its number."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield os.geteuid()
    finally:
        if is_root:
            os.seteuid(0)


def test_no_gpu_is_nothing_to_say_where_none_is_needed(machine_root, only):
    assert only(look(Machine(root=machine_root({})))).status == "skipped"


def test_no_gpu_is_broken_where_the_engine_needs_one(machine_root, only):
    finding = only(look(Machine(CUDA, root=machine_root({}))))
    assert finding.status == "broken"
    assert "--gpus all" in finding.fix


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(ON_BUS, "no driver", id="no driver"),
        pytest.param(ON_BUS | DRIVER, "not given the GPU", id="a container without the device"),
    ],
)
@pytest.mark.parametrize(("settings", "status"), [(CUDA, "broken"), (Settings(), "warning")])
def test_a_gpu_that_can_not_be_reached_is_told(machine_root, files, said, settings, status):
    [finding] = look(Machine(settings, root=machine_root(files)))
    assert finding.status == status
    assert said in finding.found


def test_a_gpu_that_this_user_may_not_open_is_told_with_its_group(open_root, only):
    for name, text in (ON_BUS | DRIVER | NODE).items():
        (open_root / name).parent.mkdir(parents=True, exist_ok=True)
        (open_root / name).write_text(text)
    node = open_root / "dev/nvidia0"
    node.chmod(0)
    with nobody() as user:
        finding = only(look(Machine(CUDA, root=open_root)))
    assert finding.status == "broken"
    assert f"user {user} may not open" in finding.found
    assert f"Add the user to group {node.stat().st_gid}" in finding.fix


def test_a_gpu_that_may_be_opened_is_fine(machine_root, only):
    finding = only(look(Machine(CUDA, root=machine_root(ON_BUS | DRIVER | NODE))))
    assert finding.status == "fine"
    assert "1 NVIDIA GPU, driver 570.86.15" in finding.found


def test_a_device_file_without_a_driver_behind_it_is_broken(machine_root, only):
    root = machine_root(ON_BUS | DRIVER)
    (root / "dev").mkdir()
    try:
        os.mknod(root / "dev/nvidia0", stat.S_IFCHR | 0o666, os.makedev(195, 0))
    except OSError as error:
        pytest.skip(f"no device file can be made: {error.strerror}")
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has the driver")
    finding = only(look(Machine(CUDA, root=root)))
    assert finding.status == "broken"
    assert "opening it fails" in finding.found or "not permitted" in finding.found
