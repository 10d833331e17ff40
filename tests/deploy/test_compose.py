"""The compose file: what its schema says, and whether what it names is there."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from charts import DEPLOY

from sentire.service.settings import load_settings

FILE = DEPLOY / "compose.yaml"
COMPOSE = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = {name for name in SERVICES if "build" in SERVICES[name]}

each_service = pytest.mark.parametrize("name", SERVICES)


def written(value):
    """Fill in what stands behind :- in ${NAME:-DEFAULT}."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def prometheus_jobs():
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    return config["global"], {job["job_name"]: job for job in config["scrape_configs"]}


def test_it_is_what_the_specification_allows(tmp_path):
    page = (DEPLOY.parent / "docs" / "guides" / "compose.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown
    for number, override in enumerate(shown):
        (tmp_path / f"{number}.yaml").write_text(override, encoding="utf-8")
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = Path(sys.executable).with_name("check-jsonschema")
    words = ["--builtin-schema", "vendor.compose-spec", FILE, *tmp_path.glob("*.yaml")]
    done = subprocess.run([command, *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@each_service
def test_a_container_has_few_rights_and_an_end(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert not service.keys() & {"privileged", "devices", "cap_add", "network_mode", "pid"}


@each_service
def test_a_container_says_whether_it_is_well(name):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= check.keys()


@each_service
def test_what_a_service_names_is_there(name):
    service = SERVICES[name]
    for other, condition in service.get("depends_on", {}).items():
        assert "healthcheck" in SERVICES[other]
        assert condition == {"condition": "service_healthy"}
    assert set(service["networks"]) <= COMPOSE["networks"].keys()
    for volume in service.get("volumes", []):
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (DEPLOY / source).exists()
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


@each_service
def test_an_image_has_a_version(name):
    tag = written(SERVICES[name]["image"]).rpartition("/")[2].partition(":")[2]
    assert re.search(r"\d+\.\d+", tag)
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))
    if name in OURS:
        assert tag == project["project"]["version"]


def test_ports_are_open_on_loopback_only():
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert [port for ports in published.values() for port in ports]
    for ports in published.values():
        assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not any(published[name] for name in ("model-1", "model-2", "valkey"))


def test_models_and_cache_have_no_way_out():
    inside = {name for name, service in SERVICES.items() if service["networks"] == ["inner"]}
    assert inside == {"model-1", "model-2", "valkey"}
    assert COMPOSE["networks"]["inner"] == {"internal": True}


def test_our_images_are_built_from_what_there_is():
    assert {"gateway", "model-1", "model-2"} == OURS
    for name in OURS:
        build = SERVICES[name]["build"]
        file = FILE.parent / build["context"] / build["dockerfile"]
        source = file.read_text(encoding="utf-8")
        assert re.search(rf"^FROM \w+ AS {build['target']}$", source, re.MULTILINE)
        assert SERVICES[name]["healthcheck"]["test"][-1] in source


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_server_takes_its_variables(name):
    environment = {key: written(value) for key, value in SERVICES[name]["environment"].items()}
    settings = load_settings(None, environment)
    assert settings.server.open
    hosts = [settings.cache.url, *settings.remote.urls]
    for host in filter(None, hosts):
        assert re.match(r"\w+://([\w-]+):", host)[1] in SERVICES


def test_prometheus_and_grafana_look_where_the_services_are():
    settings, jobs = prometheus_jobs()
    targets = {
        name: [target for config in job["static_configs"] for target in config["targets"]]
        for name, job in jobs.items()
    }
    assert targets["sentire-gateway"] == ["gateway:8080"]
    assert targets["sentire-model"] == [f"{name}:5000" for name in SERVICES if "model" in name]
    home = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((home / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert re.fullmatch(r"http://(\w+):9090", source["url"])[1] in SERVICES
    assert source["jsonData"]["timeInterval"] == settings["scrape_interval"]
    [provider] = yaml.safe_load((home / "dashboards" / "sentire.yml").read_text())["providers"]
    mounted = {volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]}
    assert provider["options"]["path"] in mounted
