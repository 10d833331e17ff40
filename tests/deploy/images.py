"""The images as they are built for the tests."""

import secrets
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from baseimage import base_image, push
from engine import Engine

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("model", "gateway", "all")


class Images(NamedTuple):
    """What was built, and of what."""

    engine: Engine
    registry: str
    """``HOST:PORT`` of the registry that holds them."""
    names: dict[str, str]
    """Name of each target in the registry."""
    digests: dict[str, str]
    context: Path
    """A copy of what the build reads, which nobody edits meanwhile."""
    base: str
    base_digest: str
    build_options: tuple[str, ...]
    """What the build needs on this machine."""
    marks: tuple[bytes, ...]
    """Contents of the secrets, which no image may hold."""
    revision: str
    version: str

    def pinned(self, target: str) -> str:
        """Reference of an image by its digest."""
        return f"{self.names[target].rpartition(':')[0]}@{self.digests[target]}"


def build_images(engine: Engine, registry: str, *, folder: Path, kept: Path) -> Images:
    """Build every target of the Containerfile, and push it.

    Parameters
    ----------
    registry : str
        ``HOST:PORT``.
    folder : Path
        For the secrets and what the build reads.
    kept : Path
        For the base, so that the next run finds it.
    """
    base, base_digest = base_image(engine, registry, kept)
    context = _copy_context(folder / "context")
    options, marks = _secrets(folder)
    options += [f"--build-arg=BASE={base}", f"--build-arg=BASE_DIGEST={base_digest}"]
    options += ["--tls-verify=false", "--network=host", "--layers", "--format=docker"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names, digests, revision = {}, {}, secrets.token_hex(20)
    for target in TARGETS:
        names[target] = f"{registry}/sentire-{target}:{project['version']}"
        engine(
            *("build", *options, f"--build-arg=REVISION={revision}", "--target", target),
            *("--file", context / "deploy" / "Containerfile", "--tag", names[target], context),
            program="buildah",
        )
        digests[target] = push(engine, names[target])
    return Images(
        engine=engine,
        registry=registry,
        names=names,
        digests=digests,
        context=context,
        base=base,
        base_digest=base_digest,
        build_options=tuple(options),
        marks=marks,
        revision=revision,
        version=project["version"],
    )


def _copy_context(folder: Path) -> Path:
    """Copy the parts of the repository that ``.containerignore`` names, and itself."""
    folder.mkdir()
    for name in (".containerignore", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder)
    for name in ("src", "deploy"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _secrets(folder: Path) -> tuple[list[str], tuple[bytes, ...]]:
    """Secrets that hold what pip knows on this machine, each with a mark to search for."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    )
    lines = (line.partition("=") for line in done.stdout.splitlines())
    known = {name.rpartition(".")[2]: value.strip("'\"") for name, _, value in lines}
    wanted = ("index-url", "extra-index-url", "trusted-host", "proxy")
    pip_mark, ca_mark = (f"mark-{secrets.token_hex(16)}" for _ in range(2))
    settings = "".join(f"{name} = {known[name]}\n" for name in wanted if name in known)
    (folder / "pip.conf").write_text(f"# {pip_mark}\n[global]\n{settings}")
    options = [f"--secret=id=pip,src={folder / 'pip.conf'}"]
    if "cert" in known:
        certificates = Path(known["cert"]).read_text(encoding="utf-8")
        (folder / "ca.pem").write_text(f"# {ca_mark}\n{certificates}", encoding="utf-8")
        options.append(f"--secret=id=ca,src={folder / 'ca.pem'}")
    return options, (pip_mark.encode(), ca_mark.encode())
