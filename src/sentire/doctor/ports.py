"""Ports that are taken, and by what."""

from collections.abc import Iterator
from typing import NamedTuple

import psutil

from sentire.doctor.findings import Finding, Machine, broken, fine, warning
from sentire.errors import OptionError
from sentire.web.server import bind, is_public

NAME = "ports"

DEFAULTS = {8080: "sentire serve", 5000: "sentire serve-model"}


class Holder(NamedTuple):
    """A process that listens."""

    pid: int | None
    """None where this user may not know."""
    command: str = ""


def look(machine: Machine) -> Iterator[Finding]:
    """Try to take the ports that the settings mean, and give them back."""
    server, keys = machine.settings.server, machine.settings.keys
    yield from exposed(server.host, has_keys=keys.file is not None, is_open=server.open)
    if server.port is not None:
        yield judge(server.host, server.port, command="")
        return
    for port, command in DEFAULTS.items():
        yield judge(server.host, port, command=command)


def exposed(host: str, *, has_keys: bool, is_open: bool) -> Iterator[Finding]:
    """Tell where a server would refuse to start, because anybody could use it.

    Parameters
    ----------
    host : str
        What the server listens on.
    has_keys : bool
        Whether it asks for keys.
    is_open : bool
        Whether somebody said that whoever reaches it may use it.
    """
    if has_keys or is_open:
        return
    try:
        with bind(host, 0) as sock:
            if not is_public(sock):
                return
    except OptionError:
        return  # the port will say it
    yield broken(
        NAME,
        f"other machines can reach host {host}, and there are no keys; a server refuses that.",
        "Make keys (sentire keys keys.txt --add NAME) and name their file with --keys, or say "
        "--open where whoever reaches it may use it.",
        host=host,
    )


def judge(host: str, port: int, *, command: str) -> Finding:
    """Try to take a port.

    Parameters
    ----------
    host : address or name of this machine
    port : TCP
    command : which command has it as its default; empty where somebody chose it
    """
    use = f" for {command}" if command else ""
    try:
        bind(host, port).close()
    except OptionError as error:
        holders = listeners(port)
        make = warning if command else broken  # the other command may be what is wanted
        if not holders:
            return make(NAME, str(error), "", port=port, host=host)
        who = "; ".join(_named(holder) for holder in holders)
        known = [holder.pid for holder in holders if holder.pid is not None]
        end = f"End it (kill {known[0]})" if known else f"See who: sudo ss -ltnp 'sport = :{port}'"
        return make(
            NAME,
            f"port {port} on {host}{use} is taken, by {who}.",
            f"{end}, or take another port: --port 0 finds a free one.",
            port=port,
            host=host,
            holders=[holder._asdict() for holder in holders],
        )
    return fine(NAME, f"port {port} on {host}{use} is free.", port=port, host=host)


def listeners(port: int) -> list[Holder]:
    """Processes that listen on a TCP port of this machine, each once."""
    try:
        found = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS, where only the administrator may ask
        return [Holder(None)]
    pids = {
        connection.pid
        for connection in found
        if connection.status == psutil.CONN_LISTEN
        and connection.laddr
        and connection.laddr.port == port
    }
    return [_holder(pid) for pid in sorted(pids, key=lambda pid: pid or 0)]


def _holder(pid: int | None) -> Holder:
    if pid is None:
        return Holder(None)
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return Holder(pid)
    return Holder(pid, " ".join(words)[:80])


def _named(holder: Holder) -> str:
    if holder.pid is None:
        return "a process of another user or another container"
    return f"process {holder.pid}" + (f" ({holder.command})" if holder.command else "")
