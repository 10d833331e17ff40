"""Where the log goes, in a process of its own: it is the state of a whole process."""

import json
import subprocess
import sys

import pytest

CODE = """
import logging, sys
from sentire.telemetry.logs import start_log
above = logging.StreamHandler(sys.stdout)
above.setFormatter(logging.Formatter("above: %(message)s"))
logging.getLogger().addHandler(above)
start_log(sys.argv[1], logger=sys.argv[2])
logging.getLogger("sentire.web").info("taken", extra={"fields": {"status": 200}})
logging.getLogger("uvicorn.error").warning("theirs")
"""


def logged(form, logger):
    done = subprocess.run(
        [sys.executable, "-c", CODE, form, logger],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout, done.stderr.splitlines()


def test_a_server_logs_everything_on_standard_error():
    out, lines = logged("json", "")
    ours, theirs = map(json.loads, lines)
    assert (ours["event"], ours["status"], ours["logger"]) == ("taken", 200, "sentire.web")
    assert theirs["event"] == "theirs"
    assert out == ""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_replica_logs_what_is_ours_and_leaves_the_rest_to_ray(form):
    out, [line] = logged(form, "sentire")
    assert "taken" in line
    assert line.startswith("{") == (form == "json")
    assert out == "above: theirs\n"
