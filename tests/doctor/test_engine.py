from pathlib import Path

import pytest

from sentire.doctor.engine import look, missing_library
from sentire.doctor.findings import Machine
from sentire.service.settings import Settings
from sentire.serving.settings import RemoteSettings


def write_module(folder: Path, name: str, code: str) -> dict[str, str]:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_engines_that_load_are_fine(only, engine):
    if engine == "onnxruntime":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    finding = only(look(Machine(Settings(engine=engine))))
    assert (finding.status, finding.details["engine"]) == ("fine", engine)


def test_a_library_that_a_broken_engine_lacks_is_named(doctor, tmp_path):
    code = "raise ImportError('libtbb.so.12: cannot open shared object file')"
    env = write_module(tmp_path / "broken", "openvino", code)
    [finding] = doctor("--only", "engine", code=1, **env)
    assert "libtbb.so.12" in finding["found"]
    assert "installed, and can't be loaded" in finding["found"]


def test_an_engine_that_is_not_installed_is_told_with_its_extra(doctor, tmp_path):
    code = "raise ModuleNotFoundError('No module named onnxruntime', name='onnxruntime')"
    env = write_module(tmp_path / "absent", "onnxruntime", code)
    [finding] = doctor("--only", "engine", "--engine", "onnxruntime", code=1, **env)
    assert finding["fix"].endswith("[onnxruntime]'")


@pytest.mark.parametrize("engine", ["onnxruntime-cuda", "onnxruntime-tensorrt"])
def test_an_onnxruntime_without_the_provider_is_broken(only, engine):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if len(runtime.get_available_providers()) > 2:
        pytest.skip("this onnxruntime is built for a GPU")
    finding = only(look(Machine(Settings(engine=engine))))
    assert finding.status == "broken"
    assert "ExecutionProvider" in finding.found
    assert "[gpu]'" in finding.fix


def test_a_provider_s_library_that_lacks_another_is_found(tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    folder = Path(runtime.__file__).parent / "capi"
    whole = folder / "libonnxruntime_providers_shared.so"
    if not whole.exists():
        pytest.skip("this onnxruntime has no libraries of ELF")
    data = whole.read_bytes()
    assert data.count(b"libc.so.6\0")
    cut = tmp_path / "libonnxruntime_providers_cuda.so"
    cut.write_bytes(data.replace(b"libc.so.6\0", b"libcuda.9\0"))
    assert missing_library(whole) is None
    assert "libcuda.9" in missing_library(cut)
    assert "is not there" in missing_library(tmp_path / "libnothing.so")


def test_a_gateway_needs_no_engine(only):
    settings = Settings(
        engine="onnxruntime-cuda", remote=RemoteSettings(urls=("http://127.0.0.1:1",))
    )
    assert only(look(Machine(settings))).status == "fine"
