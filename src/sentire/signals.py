"""Which signals ask this process to stop."""

import signal


def stop_signals() -> tuple[signal.Signals, ...]:
    """Give the signals that a command should handle as a wish to stop.

    SIGTERM always. SIGINT unless it is ignored: a shell starts its background jobs so, that Ctrl-C
    for what runs before them leaves them alone, and programs keep to that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return (signal.SIGTERM,)
    return (signal.SIGINT, signal.SIGTERM)
