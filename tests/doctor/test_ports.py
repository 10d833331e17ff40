import os
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from sentire.doctor import ports
from sentire.doctor.findings import Machine
from sentire.service.settings import Settings
from sentire.web.settings import KeySettings, ServerSettings

LISTEN = """
import socket, sys
sock = socket.create_server(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def listening():
    """Another program that holds a port; gives the port and its process's number."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


def look(**server):
    return list(ports.look(Machine(Settings(server=ServerSettings(**server)))))


def test_a_port_that_is_taken_is_told_with_who_has_it():
    with listening() as (port, pid):
        [finding] = look(port=port)
    assert finding.status == "broken"
    assert f"process {pid} (" in finding.found
    assert finding.details["holders"][0]["pid"] == pid
    assert f"kill {pid}" in finding.fix


def test_the_port_is_free_again_afterwards():
    with listening() as (port, _):
        pass
    for _ in range(2):
        [finding] = look(port=port)
        assert finding.status == "fine"


def test_a_default_port_that_is_taken_is_a_warning(monkeypatch):
    with listening() as (port, pid):
        monkeypatch.setattr(ports, "DEFAULTS", {port: "sentire serve"})
        [finding] = look()
    assert finding.status == "warning"
    assert f"for sentire serve is taken, by process {pid}" in finding.found


def test_a_host_that_is_not_this_machine_is_told():
    [finding] = look(host="192.0.2.1", port=8080)
    assert finding.status == "broken"
    assert "not an address of this machine" in finding.found


@pytest.mark.parametrize(
    ("settings", "statuses"),
    [
        (Settings(server=ServerSettings(host="0.0.0.0", port=0)), ["broken", "fine"]),
        (Settings(server=ServerSettings(host="0.0.0.0", port=0, open=True)), ["fine"]),
        (
            Settings(
                server=ServerSettings(host="0.0.0.0", port=0), keys=KeySettings(file="keys.txt")
            ),
            ["fine"],
        ),
    ],
    ids=["no keys", "open", "keys"],
)
def test_an_open_address_without_keys_is_told_as_the_server_would(settings, statuses):
    assert [finding.status for finding in ports.look(Machine(settings))] == statuses


def test_this_very_process_is_found():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        assert [holder.pid for holder in ports.listeners(port)] == [os.getpid()]
