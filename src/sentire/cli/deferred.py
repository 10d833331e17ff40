"""Commands that show their help without importing what they work with.

Reads:   where the work of a command lies
Gives:   a command that imports it when it is called
Never:   imports anything for ``--help``
"""

from collections.abc import Callable, Mapping, Sequence
from pkgutil import resolve_name
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
    work : str or function
        ``module:function``; the function is called with the command's arguments and options by
        name, and gives the exit code, or None for 0. Where it depends on these, a function of them
        that chooses.
    extras : sequence of Extra, optional
        Asked for before the work is imported, so that what is missing has a name.
    before : function, optional
        Called before anything is imported, such as to be ready for signals.
    """

    def __init__(
        self,
        *arguments: Any,
        work: str | Callable[[Mapping[str, Any]], str],
        extras: Sequence[Extra] = (),
        before: Callable[[], None] = lambda: None,
        **attributes: Any,
    ) -> None:
        super().__init__(*arguments, **attributes)
        self._work, self._extras, self._before = work, tuple(extras), before

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
        self._before()
        for extra in self._extras:
            for module in extra.modules:
                import_extra(module, extra=extra.name, purpose=extra.purpose)
        if any(extra.nncf for extra in self._extras):
            import_nncf()
        work = self._work if isinstance(self._work, str) else self._work(ctx.params)
        return ctx.invoke(resolve_name(work), **ctx.params)
