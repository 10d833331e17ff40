"""The chart: what helm and Kubernetes say of it, and what holds of everything that it renders."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from charts import CHART, COPIES, DEPLOY, VALUES, golden, helm, render, written

from ociregistry import oci_registry
from sentire.service.settings import load_settings

ROOT = DEPLOY.parent

NAMES = [file.name.removesuffix("-values.yaml") for file in VALUES]
each_set = pytest.mark.parametrize("values", VALUES, ids=NAMES)

CUSTOM = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}
"""Kinds that Kubernetes itself does not know."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("helm")


@pytest.fixture(scope="module")
def rendered(folder):
    """Objects by the name of the values."""
    return {file: render(file, folder=folder) for file in VALUES}


def kinds(objects: list[dict], *wanted: str) -> list[dict]:
    return [each for each in objects if each["kind"] in wanted]


def pods(objects: list[dict]) -> Iterator[tuple[dict, dict]]:
    """Metadata and spec of everything that runs."""
    for each in objects:
        if each["kind"] == "Deployment":
            yield each["spec"]["template"]["metadata"], each["spec"]["template"]["spec"]
        if each["kind"] == "Pod":
            yield each["metadata"], each["spec"]


@each_set
def test_helm_finds_nothing_to_mend(values, folder):
    done = helm("lint", "--strict", "--quiet", CHART, "-f", values, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout


@each_set
def test_kubernetes_knows_every_field(values, rendered, tmp_path):
    pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    known = [each for each in rendered[values] if each["kind"] not in CUSTOM]
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(known), encoding="utf-8")
    command = Path(sys.executable).with_name("kubernetes-validate")
    done = subprocess.run(
        [command, "--strict", "--no-warn", file], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(known) >= 3


@each_set
def test_operators_know_every_field(values, rendered):
    """Models that were made from the definitions of the Prometheus operator and of KEDA."""
    operator = pytest.importorskip("cloudcoil.models.prometheus_operator.v1")
    keda = pytest.importorskip("cloudcoil.models.keda.v1alpha1")
    for each in kinds(rendered[values], *CUSTOM):
        home = keda if each["kind"] == "ScaledObject" else operator
        read = getattr(home, each["kind"]).model_validate(each)
        assert without_nulls(each) == without_nulls(read.model_dump(mode="json", by_alias=True))


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


@each_set
def test_it_renders_what_is_kept(values, rendered):
    kept = golden(values).read_text(encoding="utf-8")
    assert written(rendered[values]) == kept, "if this is meant: python tests/deploy/charts.py"


@each_set
def test_the_server_takes_its_variables(values, rendered):
    for deployment in kinds(rendered[values], "Deployment"):
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        environment = {}
        for variable in container["env"]:
            source = variable.get("valueFrom", {})
            secret = {"url": "redis://valkey:6379/0"}.get(
                source.get("secretKeyRef", {}).get("key"), "a-key"
            )
            filled = "2" if "resourceFieldRef" in source else secret
            environment[variable["name"]] = variable.get("value", filled)
        assert len(environment) == len(container["env"]), "a variable stands there twice"
        settings = load_settings(None, environment)
        [port] = container["ports"]
        assert settings.server.port == port["containerPort"]
        assert settings.server.host == "0.0.0.0"
        assert settings.server.open == (settings.keys.file is None)
        assert (container["name"] == "gateway") == bool(settings.remote.urls)
        spec = deployment["spec"]["template"]["spec"]
        slept = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert spec["terminationGracePeriodSeconds"] > slept + settings.server.shutdown_s


@each_set
def test_nothing_runs_with_more_rights_than_it_needs(values, rendered):
    for metadata, spec in pods(rendered[values]):
        assert spec["securityContext"]["runAsNonRoot"], metadata
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]
            assert not container["image"].endswith(":latest")


@each_set
def test_objects_find_each_other(values, rendered):
    objects = rendered[values]
    labels = [metadata["labels"] for metadata, _ in pods(objects)]
    deployments = {each["metadata"]["name"]: each for each in kinds(objects, "Deployment")}
    services = {each["metadata"]["name"]: each for each in kinds(objects, "Service")}

    def selected(selector):
        return [found for found in labels if selector.items() <= found.items()]

    for each in deployments.values():
        assert len(selected(each["spec"]["selector"]["matchLabels"])) == 1
        scaled = [
            scaler
            for scaler in kinds(objects, "HorizontalPodAutoscaler", "ScaledObject")
            if scaler["spec"]["scaleTargetRef"]["name"] == each["metadata"]["name"]
        ]
        assert len(scaled) == ("replicas" not in each["spec"])
        assert each["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    for each in services.values():
        assert len(selected(each["spec"]["selector"])) == 1
    for each in kinds(objects, "PodDisruptionBudget"):
        assert len(selected(each["spec"]["selector"]["matchLabels"])) == 1
    for each in kinds(objects, "NetworkPolicy"):
        assert len(selected(each["spec"]["podSelector"]["matchLabels"])) == 1
    for each in kinds(objects, "ServiceMonitor"):
        wanted = each["spec"]["selector"]["matchLabels"].items()
        found = [s for s in services.values() if wanted <= s["metadata"]["labels"].items()]
        assert len(found) == 1
    for each in kinds(objects, "Ingress"):
        for rule in each["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                assert path["backend"]["service"]["name"] in services
    for gateway in (each for name, each in deployments.items() if name.endswith("gateway")):
        [container] = gateway["spec"]["template"]["spec"]["containers"]
        [url] = [v["value"] for v in container["env"] if v["name"] == "SENTIRE_REMOTE_URLS"]
        name, _, port = url.removeprefix("http://").partition(":")
        assert [each["port"] for each in services[name]["spec"]["ports"]] == [int(port)]
        # No proxy stands before the pods, so the port is theirs.
        assert services[name]["spec"]["clusterIP"] == "None"
        [asked] = [name for name in deployments if name.endswith("model")]
        [container] = deployments[asked]["spec"]["template"]["spec"]["containers"]
        assert [each["containerPort"] for each in container["ports"]] == [int(port)]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        pytest.param("model.replica=3", "replica", id="a misspelt name"),
        pytest.param("model.setings.threads=3", "setings", id="a misspelt table"),
        pytest.param("gateway.service.port=70000", "port", id="a port that is none"),
        pytest.param("model.image.digest=sha256:12", "digest", id="half a digest"),
        pytest.param("model.settings.server.port=80", "port", id="a port that is the chart's"),
        pytest.param("model.cache.url=http://cache", "url", id="no cache"),
        pytest.param("model.podDisruptionBudget.maxUnavailable=0", "maxUnavailable", id="no drain"),
        pytest.param("model.keda.enabled=true", "serverAddress", id="KEDA without Prometheus"),
        pytest.param(
            "model.keda.enabled=true,model.autoscaling.enabled=true", "Enable one", id="two scalers"
        ),
        pytest.param(
            "model.autoscaling.enabled=true,model.autoscaling.targetCPUUtilization=0",
            "nothing to look at",
            id="a scaler that looks at nothing",
        ),
    ],
)
def test_values_that_can_not_be_meant_are_refused(setting, said, folder):
    done = helm("template", "demo", CHART, "--set", setting, folder=folder)
    assert done.returncode != 0
    assert said in done.stderr


def test_the_queue_is_scaled_on_under_the_name_that_the_adapter_gives(rendered):
    adapter = yaml.safe_load((DEPLOY / "helm" / "prometheus-adapter-values.yaml").read_text())
    [rule] = adapter["rules"]["custom"]
    scalers = kinds(rendered[CHART / "ci" / "autoscaling-values.yaml"], "HorizontalPodAutoscaler")
    metrics = [metric for each in scalers for metric in each["spec"]["metrics"]]
    [of_pods] = [metric["pods"] for metric in metrics if metric["type"] == "Pods"]
    assert of_pods["metric"]["name"] == rule["name"]["as"] == "sentire_queue_wait"


def test_copies_equal_what_they_are_made_from(rendered):
    for source, copy in COPIES.items():
        assert source.read_bytes() == copy.read_bytes(), "run: python tests/deploy/charts.py"
    objects = rendered[CHART / "ci" / "production-values.yaml"]
    rules, dashboard = COPIES
    [rule] = kinds(objects, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(rules.read_text(encoding="utf-8"))
    [shown] = kinds(objects, "ConfigMap")
    assert json.loads(shown["data"]["sentire.json"]) == json.loads(dashboard.read_text("utf-8"))


def test_notes_say_what_to_do_next(folder):
    done = helm("install", "demo", CHART, "--dry-run=client", folder=folder)
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert "port-forward service/demo-sentire-gateway 8080:8080" in notes
    assert "There are no keys" in notes
    assert "{{" not in notes


def test_values_in_the_guide_are_allowed(folder, tmp_path):
    page = (ROOT / "docs" / "guides" / "kubernetes.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown
    for number, values in enumerate(shown):
        file = tmp_path / f"{number}.yaml"
        file.write_text(values, encoding="utf-8")
        assert len(render(file, folder=folder)) >= 5
    for words in re.findall(r"--set (\S+)", page):
        done = helm("template", "demo", CHART, "--set", words, folder=folder)
        assert done.returncode == 0, done.stderr


def test_the_versions_are_the_project_s():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert chart["appVersion"] == chart["version"] == project["version"]


def test_the_readme_lists_every_value():
    def names(values, before=""):
        for name, value in values.items():
            if isinstance(value, dict) and value:
                yield from names(value, f"{before}{name}.")
            else:
                yield before + name

    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([\w.]+)` \|", readme, re.MULTILINE)
    left_out = [
        name
        for name in names(values)
        if not any(name == shown or name.startswith(f"{shown}.") for shown in listed)
    ]
    assert left_out == []
    schema = {"type": "object", **json.loads((CHART / "values.schema.json").read_text("utf-8"))}
    assert schema["properties"].keys() - values.keys() == {"global"}


def test_a_chart_goes_through_a_registry(folder, tmp_path):
    with oci_registry(tmp_path / "blobs") as host:
        packed = helm("package", CHART, "-d", tmp_path, folder=folder)
        assert packed.returncode == 0, packed.stderr
        [archive] = tmp_path.glob("sentire-*.tgz")
        pushed = helm("push", archive, f"oci://{host}/charts", "--plain-http", folder=folder)
        assert pushed.returncode == 0, pushed.stderr
        version = archive.stem.removeprefix("sentire-")
        source = (f"oci://{host}/charts/sentire", "--version", version, "--plain-http")
        words = ("-n", "shop", "-f", VALUES[0])
        there = helm("template", "demo", *source, *words, folder=folder)
        here = helm("template", "demo", CHART, *words, folder=folder)
        assert there.returncode == 0, there.stderr
        assert there.stdout == here.stdout
