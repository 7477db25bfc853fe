"""A web server on this machine that answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer


class Quiet(BaseHTTPRequestHandler):
    """A request; nothing is said of it: the test report is what people read."""

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """The whole answer; `_` in the name of a header stands for `-`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(
    handler: type[BaseHTTPRequestHandler], kind: type[HTTPServer] = ThreadingHTTPServer
) -> Iterator[str]:
    """A server on a free port until the block ends; yields its URL."""
    with kind(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
