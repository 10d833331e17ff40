from pathlib import Path

import pytest

from sentire.doctor.cpu import look
from sentire.doctor.findings import Machine
from sentire.processor import read_processor


def cpuinfo(*cores: str, key: str = "flags") -> dict[str, str]:
    lines = [f"processor\t: {n}\nmodel name\t: Test\n{key}\t: {f}\n" for n, f in enumerate(cores)]
    return {"proc/cpuinfo": "\n".join(lines)}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        pytest.param(cpuinfo("sse4_2 avx2 avx512_vnni amx_int8"), "fine", id="Sapphire Rapids"),
        pytest.param(cpuinfo("sse4_2 avx2 avx_vnni"), "fine", id="VNNI of AVX"),
        pytest.param(cpuinfo("asimd asimddp bf16", key="Features"), "fine", id="Graviton 3"),
        pytest.param(cpuinfo("sse4_2 avx2"), "warning", id="no VNNI"),
        pytest.param(cpuinfo("sse4_2 avx"), "warning", id="no AVX2"),
        pytest.param(cpuinfo("sse2"), "broken", id="qemu64"),
        pytest.param(cpuinfo("asimd", key="Features"), "warning", id="an old ARM"),
        pytest.param({}, "fine", id="nothing tells"),
        pytest.param(
            cpuinfo("sse4_2 avx2 avx_vnni", "sse4_2 avx2"), "warning", id="cores that differ"
        ),
    ],
)
def test_what_the_processor_lacks_is_told(machine_root, only, files, status):
    finding = only(look(Machine(root=machine_root(files))))
    assert finding.status == status
    assert bool(finding.fix) == (status != "fine")


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs Linux")
def test_this_very_machine_is_read():
    processor = read_processor(Path("/"))
    assert processor.name
    assert processor.flags
