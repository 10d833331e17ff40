"""Garbage collection in a registry: versions and orphans that nobody needs any more.

Reads:   versions, aliases and their histories
Gives:   what may go, and why the rest stays; removes it when it is told to
Never:   removes what an alias points at
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sentire.registry.base import Registry

DAY_S = 86400.0


class GcItem(NamedTuple):
    """A version, or what an interrupted push left."""

    name: str
    target: str
    """The version, or the registry's own name of the orphan."""
    reason_to_keep: str
    """Empty where it may go."""
    is_orphan: bool = False


def plan_gc(registry: Registry, name: str, *, keep: int, days: float) -> Iterator[GcItem]:
    """Judge each version of a model.

    A version stays while an alias points at it, while it is among the last ``keep`` that an alias
    pointed at, and while it was pushed or named in a revision within ``days``.

    Parameters
    ----------
    registry : Registry
    name : str
        Of the model.
    keep : int
        Versions to keep of each alias, from its last one back.
    days : float
        Orphans stay as long, but at least a day: a push may be going on.
    """
    reasons: dict[str, str] = {}
    now = datetime.now(UTC)
    recent = now - timedelta(days=days)
    for alias in registry.aliases(name):
        history = registry.history(name, alias)
        for revision in history:
            if revision.when >= recent:
                reasons.setdefault(
                    revision.to, f"{alias} pointed at it on {revision.when:%Y-%m-%d}"
                )
        for version in list(dict.fromkeys(revision.to for revision in reversed(history)))[:keep]:
            reasons[version] = f"{alias} pointed at it lately"
        if history:
            reasons[history[-1].to] = f"{alias} points at it"
    for version in registry.versions(name):
        reason = reasons.get(version, "")
        if not reason and registry.pushed_at(name, version) >= recent:
            reason = f"it came within {days:g} days"
        yield GcItem(name, version, reason)
    for orphan in registry.orphans(name, older_s=max(days * DAY_S, DAY_S)):
        yield GcItem(name, orphan, "", is_orphan=True)


def remove_garbage(registry: Registry, item: GcItem) -> bool:
    """Remove what may go; False where an alias has come to point at it meanwhile."""
    if item.reason_to_keep:
        return False
    if item.is_orphan:
        registry.remove_orphan(item.name, item.target)
        return True
    for alias in registry.aliases(item.name):
        revision = registry.current(item.name, alias)
        if revision is not None and revision.to == item.target:
            return False
    registry.remove(item.name, item.target)
    return True
