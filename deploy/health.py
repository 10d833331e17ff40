"""Whether the server in this container takes requests; the images' health check.

Reads:   ``SENTIRE_SERVER_PORT``
Gives:   exit code 0 where ``/health/ready`` answers 200 within four seconds, else 1 and why
Never:   needs a shell or anything but Python's own library, so that it costs little
"""

import os
import sys
from http.client import HTTPConnection, HTTPException


def main() -> None:
    """Ask once."""
    connection = HTTPConnection("127.0.0.1", int(os.environ["SENTIRE_SERVER_PORT"]), timeout=4)
    try:
        connection.request("GET", "/health/ready")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.exit(f"no answer: {error}")
    if status != 200:
        sys.exit(f"not ready: {status}")


if __name__ == "__main__":
    main()
