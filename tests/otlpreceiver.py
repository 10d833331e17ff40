"""A receiver of OpenTelemetry traces over HTTP; decodes them with the official schema."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Receiver:
    """What was received.

    Attributes
    ----------
    url : str
        For ``OTEL_EXPORTER_OTLP_ENDPOINT``.
    raw : bytes
        All requests' bodies.
    """

    def __init__(self) -> None:
        self.raw = b""
        self._spans: list[tuple[str, dict[str, object], object]] = []
        self._came = threading.Condition()

    def spans(self, n: int) -> list[tuple[str, dict[str, object], object]]:
        """Wait for so many spans; gives each one's service, attributes and protobuf message."""
        end = time.monotonic() + 30
        with self._came:
            while len(self._spans) < n:
                left = end - time.monotonic()
                assert left > 0, f"{len(self._spans)} of {n} spans came"
                self._came.wait(left)
            return list(self._spans)

    def take(self, body: bytes) -> None:
        """Decode the body of a request."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._came:
            self.raw += body
            for resource in request.resource_spans:
                about = _plain(resource.resource.attributes)
                for scope in resource.scope_spans:
                    self._spans += [
                        (str(about["service.name"]), _plain(span.attributes), span)
                        for span in scope.spans
                    ]
            self._came.notify_all()


def _plain(attributes) -> dict[str, object]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/x-protobuf"
            body = self.rfile.read(int(self.headers["content-length"]))
            is_packed = self.headers.get("content-encoding") == "gzip"
            receiver.take(gzip.decompress(body) if is_packed else body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
