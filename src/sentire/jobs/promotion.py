"""Where the aliases of a registry point: move one, take it back, tell who did.

Reads:   models as people write them: ``REGISTRY/NAME@VERSION``, ``REGISTRY/NAME@ALIAS``
Gives:   the revisions
Never:   loads a model; servers that follow an alias do
"""

from sentire.errors import NotInRegistry, OptionError
from sentire.registry import aliases
from sentire.registry.records import AliasRevision
from sentire.registry.references import Reference, open_registry


def promote(model: str, alias: str, *, why: str = "") -> AliasRevision:
    """Point an alias at a version.

    Parameters
    ----------
    model : str
        ``REGISTRY/NAME@VERSION``, or another alias, whose version is meant.
    alias : str
    why : str
        The reason, for the alias's history.

    Raises
    ------
    OptionError
        ``model`` is no model in a registry, or ``alias`` no name for one.
    NotInRegistry
        There is no such version.
    RegistryUnavailable
        It does not answer, or others moved the alias again and again.
    """
    reference = Reference.of(model)
    with open_registry(reference.registry) as registry:
        version, _ = aliases.resolve(registry, reference.name, reference.which)
        return aliases.promote(registry, reference.name, version, alias, why=why)


def rollback(model: str, *, why: str = "") -> AliasRevision:
    """Point an alias at the version before; once more leads one further back.

    Parameters
    ----------
    model : str
        ``REGISTRY/NAME@ALIAS``.
    why : str
        The reason, for the alias's history.

    Raises
    ------
    OptionError
        ``model`` names no alias in a registry.
    NotInRegistry
        There is no such alias, or no version before.
    RegistryUnavailable
        It does not answer.
    InputError
        Somebody has moved the alias at this moment.
    """
    reference = _alias_reference(model)
    with open_registry(reference.registry) as registry:
        return aliases.rollback(registry, reference.name, reference.which, why=why)


def history(model: str) -> list[AliasRevision]:
    """Tell who moved an alias, from the first revision on; there is at least one.

    Parameters
    ----------
    model : str
        ``REGISTRY/NAME@ALIAS``.

    Raises
    ------
    OptionError
        ``model`` names no alias in a registry.
    NotInRegistry
        There is no such alias.
    RegistryUnavailable
        It does not answer.
    """
    reference = _alias_reference(model)
    with open_registry(reference.registry) as registry:
        revisions = registry.history(reference.name, reference.which)
        known = registry.aliases(reference.name)
    if not revisions:
        raise NotInRegistry(
            f"registry {reference.registry} has no alias {reference.which} of {reference.name}. "
            f"Its aliases: {', '.join(known) or 'none'}."
        )
    return revisions


def _alias_reference(model: str) -> Reference:
    """Read ``REGISTRY/NAME@ALIAS``; a version in its place is refused."""
    reference = Reference.of(model)
    if reference.is_version:
        raise OptionError(f"{model} names a version. Name an alias: REGISTRY/NAME@ALIAS.")
    return reference
