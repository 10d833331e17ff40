"""Find what nobody needs any more in a registry.

Reads:   versions, aliases and their histories
Gives:   what may go, and why the rest stays; removes it when it is told to
Never:   removes what an alias points at
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sentire.registry.base import Registry

DAY_S = 86400.0


class Verdict(NamedTuple):
    """A version, or what an interrupted push left."""

    name: str
    what: str
    kept_for: str
    """Why it stays; empty where it may go."""
    is_remnant: bool = False


def survey(registry: Registry, name: str, *, keep: int, days: float) -> Iterator[Verdict]:
    """Judge each version of a model.

    A version stays while an alias points at it, while it is among the last ``keep`` that an alias
    pointed at, and while it was pushed or named in a move within ``days``.
    """
    reasons: dict[str, str] = {}
    now = datetime.now(UTC)
    recent = now - timedelta(days=days)
    for alias in registry.aliases(name):
        history = registry.history(name, alias)
        for move in history:
            if move.when >= recent:
                reasons.setdefault(move.to, f"{alias} pointed at it on {move.when:%Y-%m-%d}")
        for version in list(dict.fromkeys(move.to for move in reversed(history)))[:keep]:
            reasons[version] = f"{alias} pointed at it lately"
        if history:
            reasons[history[-1].to] = f"{alias} points at it"
    for version in registry.versions(name):
        reason = reasons.get(version, "")
        if not reason and registry.pushed(name, version) >= recent:
            reason = f"it came within {days:g} days"
        yield Verdict(name, version, reason)
    for remnant in registry.remnants(name, older_s=max(days * DAY_S, DAY_S)):
        yield Verdict(name, remnant, "", is_remnant=True)


def clean(registry: Registry, verdict: Verdict) -> bool:
    """Remove what may go; False where an alias has come to point at it meanwhile."""
    if verdict.kept_for:
        return False
    if verdict.is_remnant:
        registry.discard(verdict.name, verdict.what)
        return True
    for alias in registry.aliases(verdict.name):
        move = registry.current(verdict.name, alias)
        if move is not None and move.to == verdict.what:
            return False
    registry.remove(verdict.name, verdict.what)
    return True
