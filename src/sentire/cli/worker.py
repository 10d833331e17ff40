"""One of several workers: ``python -m sentire.cli.worker TASK``, started by the supervisor.

Reads:   its task from a file; standard input, whose end is the end of the supervisor
Gives:   requests answered until it is told to stop; beside its task, why it never will
"""

import os
import signal
import sys
import threading
from pathlib import Path
from pkgutil import resolve_name

import msgspec

from sentire.cli.interrupts import exit_when_stopped
from sentire.cli.outcome import verdict
from sentire.cli.worker_task import Task


def main() -> None:
    """Serve until told to stop."""
    exit_when_stopped()
    file = Path(sys.argv[1])
    threading.Thread(target=_stop_with_supervisor, daemon=True).start()
    try:
        task = msgspec.json.decode(file.read_bytes(), type=Task)
        # Both are read while the libraries are imported, which the next line does.
        os.environ.setdefault("RAYON_NUM_THREADS", str(task.settings.threads))  # the tokenizer's
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(file.parent)
        serve = resolve_name("sentire.cli.server_process:serve_as_worker")
        serve(task, file.parent)
    except Exception as error:
        message, code = verdict(error)
        file.with_suffix(".failed").write_text(message, encoding="utf-8")
        sys.exit(code)


def _stop_with_supervisor() -> None:
    """A worker that nobody watches any more would hold the port for ever."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
