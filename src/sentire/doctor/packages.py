"""Requirements of the installed packages against what is installed.

Starts at sentire, follows what its packages require in turn, and compares versions. What the
settings need must be there; what only another extra needs is told as a warning.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sentire.doctor.findings import Finding, Machine, broken, fine, warning
from sentire.optional import install_command, pip_command
from sentire.registry.references import names_registry
from sentire.service.settings import Settings

NAME = "packages"
ROOT = "sentire"

# Distributions that write files of the same names into the same folder: the one that was installed
# last wins, and removing either breaks both.
_RIVALS = (("onnxruntime", "onnxruntime-gpu"),)
_ON_GPU = ("onnxruntime-cuda", "onnxruntime-tensorrt")


class Need(NamedTuple):
    """A requirement, and who has it."""

    requirement: Requirement
    of: str
    """Distribution."""


def look(machine: Machine) -> Iterator[Finding]:
    """Compare all that sentire stands on."""
    installed, twice = _installed(machine.packages)
    n_before = 0
    for finding in (
        *_unmet(installed, machine.settings),
        *_doubled(twice),
        *_rivals(installed, machine.settings),
    ):
        n_before += 1
        yield finding
    if ROOT not in installed:
        yield broken(NAME, "sentire itself is not installed here.", install_command())
    elif not n_before:
        reached = {canonicalize_name(n.requirement.name) for n in needs(installed, (ROOT, ""))}
        yield fine(
            NAME,
            f"sentire {installed[ROOT].version}, and the {len(reached & installed.keys())} packages"
            " it stands on, fit together.",
            version=installed[ROOT].version,
        )


def extras_in_use(settings: Settings) -> set[str]:
    """Extras without which a server with these settings does not start.

    Examples
    --------
    >>> extras_in_use(Settings(engine="onnxruntime"))
    {'onnxruntime'}
    """
    wanted = set()
    if settings.engine != "openvino":
        wanted.add("onnxruntime" if settings.engine == "onnxruntime" else "gpu")
    if settings.cache.url is not None:
        wanted.add("redis")
    if settings.remote.urls:
        wanted.add("client")
    if settings.server.tracing:
        wanted.add("otel")
    models = [model for model in (settings.model, *settings.models) if model is not None]
    if any("://" in model and names_registry(model) for model in models):
        wanted.add("registry")
    return wanted


def needs(installed: dict[str, Distribution], *start: tuple[str, str]) -> Iterator[Need]:
    """All requirements that hold here, from some distributions and their extras on.

    Parameters
    ----------
    installed : by their canonical name
    start : pairs of a distribution and an extra; the extra is empty for the distribution alone
    """
    seen: set[tuple[str, str]] = set()
    left = list(start)
    while left:
        name, extra = left.pop()
        if (name, extra) in seen or name not in installed:
            continue
        seen.add((name, extra))
        for line in installed[name].requires or []:
            try:
                requirement = Requirement(line)
            except InvalidRequirement:  # packages of long ago; pip does not read them either
                continue
            marker = requirement.marker
            if marker is not None and not marker.evaluate({"extra": extra}):
                continue
            if extra and (marker is None or marker.evaluate({"extra": ""})):
                continue  # the distribution's own, told without the extra
            yield Need(requirement, installed[name].name)
            inner = canonicalize_name(requirement.name)
            left += [(inner, ""), *((inner, each) for each in requirement.extras)]


def _installed(
    folders: Iterable[str] | None,
) -> tuple[dict[str, Distribution], dict[str, list[str]]]:
    """Distributions by name, the first one found; versions of those that one folder has twice."""
    found: dict[str, Distribution] = {}
    versions: dict[tuple[str, str], list[str]] = {}
    for each in distributions(path=list(folders) if folders is not None else sys.path):
        name = canonicalize_name(each.metadata["Name"] or "")
        if not name:
            continue
        found.setdefault(name, each)
        place = str(each.locate_file(""))
        versions.setdefault((name, place), []).append(each.version)
    return found, {f"{n} in {p}": v for (n, p), v in versions.items() if len(set(v)) > 1}


def _unmet(installed: dict[str, Distribution], settings: Settings) -> Iterator[Finding]:
    required = {(ROOT, extra) for extra in ("", *extras_in_use(settings))}
    told: set[str] = set()
    for need in needs(installed, *required):
        finding = _compare(need, installed, is_required=True)
        if finding is not None and finding.found not in told:
            told.add(finding.found)
            yield finding
    extras = installed[ROOT].metadata.get_all("Provides-Extra", []) if ROOT in installed else []
    for need in needs(installed, *((ROOT, extra) for extra in extras)):
        finding = _compare(need, installed, is_required=False)
        if finding is not None and finding.found not in told:
            told.add(finding.found)
            yield finding


def _compare(
    need: Need, installed: dict[str, Distribution], *, is_required: bool
) -> Finding | None:
    requirement, name = need.requirement, canonicalize_name(need.requirement.name)
    wanted = f"{requirement.name}{requirement.specifier}"
    if name not in installed:
        if not is_required:
            return None  # the extra is not installed, and nobody asked for it
        return broken(
            NAME,
            f"{need.of} needs {wanted}, which is not installed.",
            pip_command("install", wanted),
            package=name,
            needs=wanted,
            needed_by=need.of,
        )
    version = installed[name].version
    if requirement.specifier.contains(version, prereleases=True):
        return None
    make = broken if is_required else warning
    return make(
        NAME,
        f"{need.of} needs {wanted}, and {version} is installed.",
        f"{pip_command('install', wanted)}; where pip then names another package that wants the "
        "old version, give sentire an environment of its own: python3 -m venv .venv",
        package=name,
        installed=version,
        needs=wanted,
        needed_by=need.of,
    )


def _doubled(twice: dict[str, list[str]]) -> Iterator[Finding]:
    for where, versions in twice.items():
        name = re.sub(" in .*", "", where)
        yield broken(
            NAME,
            f"{where} is installed in the versions {' and '.join(sorted(versions))} at once: an "
            "installation was interrupted, and its files may be a mixture.",
            f"{pip_command('uninstall', name)} (as often as it finds one), then "
            f"{install_command() if name == ROOT else pip_command('install', name)}",
            package=name,
            installed=sorted(versions),
        )


def _rivals(installed: dict[str, Distribution], settings: Settings) -> Iterator[Finding]:
    for plain, special in _RIVALS:
        if not {plain, special} <= installed.keys():
            continue
        make = broken if settings.engine in _ON_GPU else warning
        yield make(
            NAME,
            f"{plain} and {special} are both installed. They write the same files, so the one "
            "that came last has overwritten the other.",
            f"{pip_command('uninstall', plain, special)}, then {pip_command('install', special)} "
            f"where there is a GPU, or {plain} where there is none",
            package=special,
        )
