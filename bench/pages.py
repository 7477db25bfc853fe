"""The measured rows as a paged JSON API on loopback, for the way from HTTP to validated rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import duckdb

from bench.rows import ROWS, feed

PAGE = 50_000


def page_bodies(rows: int) -> list[bytes]:
    """Every page of the API as its answer's bytes: `{"code": 0, "data": {"total": …, "list": […]}}`."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'Asia/Shanghai'")
    values = ", ".join(
        f"{column.name} := "
        + (f"strftime({column.name}, '%Y-%m-%d %H:%M:%S')" if column.type == "TIMESTAMPTZ" else column.name)
        for column in feed().columns
    )
    bodies = []
    for start in range(0, rows, PAGE):
        records = connection.execute(
            f"select string_agg(to_json(struct_pack({values}))::varchar, ',' order by _row_number) "
            f"from ({ROWS.format(rows=rows)}) where _row_number > {start} and _row_number <= {start + PAGE}"
        ).fetchone()
        head = f'{{"code":0,"message":"ok","data":{{"total":{rows},"page":{start // PAGE + 1},"pageSize":{PAGE},"list":['
        bodies.append((head + records[0] + "]}}").encode())
    connection.close()
    return bodies


@contextmanager
def serving(bodies: list[bytes]) -> Iterator[str]:
    """Serve the pages on a free loopback port and give the base address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
            body = bodies[page - 1] if page <= len(bodies) else b'{"code":0,"data":{"total":0,"list":[]}}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a thousand lines would be measured too."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
