"""Log lines on standard error, for people, or as JSON for programs that collect them.

Reads:   log records; those of ours carry their fields beside the sentence
Gives:   one line or one JSON object for each
Never:   sees a text: none of our records holds one
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import msgspec
import structlog
from structlog.stdlib import ProcessorFormatter


def start_log(form: Literal["text", "json"], *, logger: str = "") -> None:
    """Log to standard error.

    Parameters
    ----------
    form : "text" or "json"
    logger : str
        Name of the one whose records are written, and handed to none above it. Empty is the root,
        which gets those of all libraries.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        json_formatter() if form == "json" else logging.Formatter("%(asctime)s %(message)s")
    )
    log = logging.getLogger(logger)
    log.handlers, log.propagate = [handler], False
    logging.getLogger("sentire").setLevel(logging.INFO)


def json_formatter() -> logging.Formatter:
    """Make the formatter: time, level, logger, event, and the record's own fields."""
    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _add_fields,
            structlog.processors.format_exc_info,
        ],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=_encode),
        ],
    )


def _add_fields(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.update(getattr(event.get("_record"), "fields", {}))
    return event


def _encode(event: Any, **_: object) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
