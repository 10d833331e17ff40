"""Where the models of the settings lie on this disk; no check of its own.

Reads:   the settings
Gives:   for each model the folder of its bundle, or why there is none
Never:   pulls anything: a model in a registry is looked for where a server would have put it
"""

from pathlib import Path

from sentire.doctor.findings import Machine
from sentire.errors import SentireError
from sentire.registry.references import names_registry
from sentire.serving.sources import ModelSource, read_snapshot


def sources(machine: Machine) -> list[ModelSource]:
    """All models of the settings, the default one first."""
    settings = machine.settings
    return [ModelSource.of(settings.model), *map(ModelSource.of, settings.models)]


def folders(machine: Machine) -> dict[str, Path | SentireError]:
    """Folder of each model that does not come from a registry, by how it was written."""
    found: dict[str, Path | SentireError] = {}
    for source in sources(machine):
        if source.target is not None and names_registry(source.target):
            continue
        try:
            found[str(source)] = read_snapshot(source).path
        except SentireError as error:
            found[str(source)] = error
    return found
