from pathlib import Path

import pytest

from sentire.doctor.findings import Machine
from sentire.doctor.packages import extras_in_use, look
from sentire.service.settings import Settings
from sentire.serving.settings import CacheSettings, RemoteSettings
from sentire.web.settings import ServerSettings

SENTIRE = ["numpy>=2.0", 'redis>=8.0; extra == "redis"', 'torch==2.13.0; extra == "training"']


def install(folder: Path, name: str, version: str, requires: list[str] = ()) -> None:
    """Write what pip writes of a distribution."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    extras = {line.split('"')[1] for line in requires if "extra ==" in line}
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Provides-Extra: {extra}" for extra in sorted(extras)]
    lines += [f"Requires-Dist: {line}" for line in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n")


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    install(folder, "sentire", "0.1.0", SENTIRE)
    return folder


def found(site, settings=None):
    return list(look(Machine(settings or Settings(), packages=[str(site)])))


def test_packages_that_fit_are_fine(site):
    install(site, "numpy", "2.1.0")
    [finding] = found(site)
    assert (finding.status, finding.fix) == ("fine", "")


def test_a_version_that_is_too_old_is_named_with_who_needs_it(site):
    install(site, "numpy", "1.26.4")
    [finding] = found(site)
    assert finding.status == "broken"
    assert "sentire needs numpy>=2.0, and 1.26.4 is installed" in finding.found
    assert "pip install 'numpy>=2.0'" in finding.fix


def test_a_requirement_of_a_requirement_counts(site):
    install(site, "numpy", "2.1.0", ["blas-of-tests<3"])
    install(site, "blas_of_tests", "3.1")
    [finding] = found(site)
    assert finding.status == "broken"
    assert finding.details["needed_by"] == "numpy"


def test_what_is_missing_is_broken(site):
    [finding] = found(site)
    assert (finding.status, finding.details["package"]) == ("broken", "numpy")


@pytest.mark.parametrize(
    ("settings", "statuses"),
    [
        pytest.param(Settings(), ["fine"], id="nobody asked for the extra"),
        pytest.param(
            Settings(cache=CacheSettings(url="redis://127.0.0.1/0")),
            ["broken"],
            id="the settings need it",
        ),
    ],
)
def test_an_extra_has_to_be_there_where_the_settings_need_it(site, settings, statuses):
    install(site, "numpy", "2.1.0")
    assert [finding.status for finding in found(site, settings)] == statuses


def test_another_extra_that_does_not_fit_is_a_warning(site):
    install(site, "numpy", "2.1.0")
    install(site, "torch", "2.1.0")
    [finding] = found(site)
    assert (finding.status, finding.details["package"]) == ("warning", "torch")


def test_half_an_upgrade_is_found(site):
    install(site, "numpy", "2.1.0")
    install(site, "numpy", "2.2.0")
    [finding] = found(site)
    assert finding.status == "broken"
    assert finding.details["installed"] == ["2.1.0", "2.2.0"]


@pytest.mark.parametrize(
    ("engine", "status"), [("openvino", "warning"), ("onnxruntime-cuda", "broken")]
)
def test_both_builds_of_onnxruntime_are_found(site, engine, status):
    install(site, "numpy", "2.1.0")
    install(site, "onnxruntime", "1.23.0")
    install(site, "onnxruntime_gpu", "1.23.0")
    statuses = {f.details["package"]: f.status for f in found(site, Settings(engine=engine))}
    assert statuses["onnxruntime-gpu"] == status


def test_extras_follow_from_the_settings():
    settings = Settings(
        model="s3://models/zh-en@production",
        engine="onnxruntime-tensorrt",
        server=ServerSettings(tracing=True),
        cache=CacheSettings(url="redis://127.0.0.1/0"),
        remote=RemoteSettings(urls=("http://127.0.0.1:5000",)),
    )
    assert extras_in_use(settings) == {"registry", "gpu", "otel", "redis", "client"}
    assert extras_in_use(Settings(model="zh-en")) == set()


def test_a_package_that_shadows_another_is_found_by_the_command(doctor, tmp_path):
    install(tmp_path / "older", "msgspec", "0.1")
    findings = doctor("--only", "packages", code=1, PYTHONPATH=str(tmp_path / "older"))
    assert [f["details"]["package"] for f in findings if f["status"] == "broken"] == ["msgspec"]
