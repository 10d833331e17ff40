"""Move an alias, and find out where it points.

Reads:   the revisions that a registry has
Gives:   one more
Never:   loses a revision of somebody else's, or points at a version that is not there
"""

import random
import time
from collections.abc import Sequence

from sentire.bundle.manifest import digest_of
from sentire.errors import InputError, NotInRegistry, RegistryUnavailable
from sentire.registry.base import Registry
from sentire.registry.records import AliasRevision, check_alias, is_version

_TRIES = 200
_PAUSE_S = 0.02


def resolve(registry: Registry, name: str, which: str) -> tuple[str, str | None]:
    """Find the version that a version or an alias means.

    Parameters
    ----------
    registry : Registry
    name : str
        Of the model.
    which : str
        A version or an alias.

    Returns
    -------
    The version, and the digest that the alias promises; None where it is a version.

    Raises
    ------
    NotInRegistry
        There is no such alias.
    """
    if is_version(which):
        return which, None
    revision = registry.current(name, which)
    if revision is None:
        known = ", ".join(registry.aliases(name)) or "none"
        raise NotInRegistry(
            f"registry {registry.url} has no alias {which} of {name}. Its aliases: {known}."
        )
    return revision.to, revision.digest


def promote(
    registry: Registry, name: str, version: str, alias: str, *, why: str = ""
) -> AliasRevision:
    """Point an alias at a version.

    Where others move the alias at the same time, all revisions are kept, one after the other.

    Parameters
    ----------
    registry : Registry
    name, version : str
        Of the model.
    alias : str
        Made where it is new.
    why : str
        The reason, for the alias's history; cut after 1,000 characters.

    Returns
    -------
    The revision; the last one where the alias points there already.

    Raises
    ------
    OptionError
        ``alias`` is no name for one.
    NotInRegistry
        There is no such version.
    RegistryUnavailable
        Others moved it before this call could, again and again.
    """
    check_alias(alias)
    digest = digest_of(registry.artifact(name, version).data)
    for _ in range(_TRIES):
        last = registry.current(name, alias)
        if last is not None and (last.to, last.digest) == (version, digest):
            return last
        revision = AliasRevision.next(last, alias=alias, to=version, digest=digest, why=why)
        if registry.append_revision(name, revision):
            registry.artifact(name, version)  # nobody has removed it meanwhile
            return revision
        time.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311 - who goes first is no secret
    raise RegistryUnavailable(registry.url, f"others move {name}@{alias} all the time. Try again.")


def rollback(registry: Registry, name: str, alias: str, *, why: str = "") -> AliasRevision:
    """Point an alias at the version that it pointed at before; once more, at the one before that.

    Parameters
    ----------
    registry : Registry
    name : str
        Of the model.
    alias : str
    why : str
        The reason, for the alias's history; cut after 1,000 characters.

    Raises
    ------
    NotInRegistry
        There is no such alias or no version before, or that version was removed.
    InputError
        Somebody has moved the alias at this moment, so that "before" means something else.
    """
    history = registry.history(name, alias)
    before = _before(history)
    if before is None:
        raise NotInRegistry(f"registry {registry.url}: {name}@{alias} points at no version before.")
    digest = digest_of(registry.artifact(name, before).data)
    revision = AliasRevision.next(
        history[-1], alias=alias, to=before, digest=digest, why=why, undo=True
    )
    if not registry.append_revision(name, revision):
        raise InputError(
            f"somebody has moved {name}@{alias} at this moment. Look at its history, then decide."
        )
    return revision


def _before(history: Sequence[AliasRevision]) -> str | None:
    """Replay promotions and rollbacks: where the next rollback leads."""
    versions: list[str] = []
    for revision in history:
        while revision.undo and versions and versions[-1] != revision.to:
            versions.pop()
        if not versions or versions[-1] != revision.to:
            versions.append(revision.to)
    return versions[-2] if len(versions) > 1 else None
