"""Whether the registries of models answer, and whether what is asked of them is there."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from sentire.doctor.deadline import within
from sentire.doctor.findings import Finding, Machine, broken, fine, missing, skipped
from sentire.doctor.models import sources
from sentire.errors import (
    MissingExtra,
    NotInRegistry,
    RegistryUnavailable,
    SentireError,
    Unavailable,
)
from sentire.registry.aliases import resolve
from sentire.registry.download import open_source
from sentire.registry.references import Reference, names_registry, open_registry

NAME = "registry"

_TIMEOUT_S = 20.0


def look(machine: Machine) -> Iterator[Finding]:
    """Ask every registry that the settings name for its model, all at once."""
    named = [
        s.target for s in sources(machine) if s.target is not None and names_registry(s.target)
    ]
    with ThreadPoolExecutor(max(1, len(named))) as pool:
        yield from pool.map(ask, named)
    if not named:
        yield skipped(NAME, "no model comes from one.")


def ask(written: str, *, timeout_s: float = _TIMEOUT_S) -> Finding:
    """Ask a registry for a version: where its alias points, and for its manifest.

    Parameters
    ----------
    written : ``REGISTRY/NAME@VERSION`` or ``REGISTRY/NAME@ALIAS``
    timeout_s : seconds until nobody waits any more
    """
    reference = Reference.of(written)
    began = time.perf_counter()
    details = {"model": written, "registry": reference.registry}
    try:
        version = within(timeout_s, lambda: _version(reference), what=reference.registry)
    except MissingExtra as error:
        return missing(NAME, error)
    except NotInRegistry as error:
        return broken(
            NAME,
            str(error),
            f"See what there is: sentire models list {reference.registry}",
            **details,
        )
    except (RegistryUnavailable, Unavailable) as error:
        return broken(
            NAME,
            str(error),
            "See the address, the network and the credentials: s3:// takes the variables AWS_…, "
            "oci:// what docker login or podman login wrote, or a credential helper. A server that "
            "has pulled the model before starts without it.",
            **details,
        )
    except SentireError as error:
        return broken(NAME, str(error), "Push it again under a new version.", **details)
    seconds = time.perf_counter() - began
    return fine(
        NAME,
        f"{reference.registry} answers in {seconds:.2f} s; {reference.name}@{reference.which} "
        f"is {version}.",
        **details,
        version=version,
        seconds=seconds,
    )


def _version(reference: Reference) -> str:
    with open_registry(reference.registry) as registry:
        version, digest = resolve(registry, reference.name, reference.which)
        open_source(registry, reference.name, version, digest=digest)
    return version
