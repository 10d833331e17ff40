"""Commands that show their help without importing what they work with.

Reads:   where the work of a command lies
Gives:   a command that imports it when it is called
Never:   imports anything for ``--help``
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import click

from sentire.optional import import_extra, import_nncf


class Extra(NamedTuple):
    """What a command needs that the base install does not hold."""

    name: str
    modules: tuple[str, ...]
    purpose: str
    nncf: bool = False
    """Whether NNCF belongs to it, whose usage reports have to be switched off first."""


class DeferredCommand(click.Command):
    """A command whose work lies in another module.

    Parameters
    ----------
    work : str
        ``module:function``; the function is called with the command's arguments and options by
        name, and gives the exit code, or None for 0.
    extras : sequence of Extra, optional
        Asked for before the work is imported, so that what is missing has a name.
    """

    def __init__(
        self, *arguments: Any, work: str, extras: Sequence[Extra] = (), **attributes: Any
    ) -> None:
        super().__init__(*arguments, **attributes)
        self._work, self._extras = work, tuple(extras)

    def invoke(self, ctx: click.Context) -> Any:
        """Import the work and do it.

        Parameters
        ----------
        ctx : click.Context
            With the arguments and options.

        Raises
        ------
        MissingExtra
            A library of an extra is not installed.
        """
        for extra in self._extras:
            for module in extra.modules:
                import_extra(module, extra=extra.name, purpose=extra.purpose)
        if any(extra.nncf for extra in self._extras):
            import_nncf()
        module, _, function = self._work.partition(":")
        return ctx.invoke(getattr(import_module(module), function), **ctx.params)
