"""A source on this machine that answers as told, and misbehaves as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from answering import Quiet, listening
from platforms import SOURCES, City, Rows, things

from pipelines.connectors import Pulled, pull, pulling, session
from pipelines.connectors.session import Session
from pipelines.contract.model import Column, Contract, Server
from pipelines.lake import Window

DAY = Window(datetime(2026, 11, 17, 16, tzinfo=UTC), datetime(2026, 11, 18, 16, tzinfo=UTC))


def column(name: str, *wire: str) -> Column:
    return Column(name, name, "", "string", "VARCHAR", wire or (name,), is_key=True)


def contract(**values: Any) -> Contract:
    settled: dict[str, Any] = {
        "contract_id": "city_things",
        "level": "city",
        "name": "things",
        "title": "Things",
        "business_name": "",
        "description": "",
        "grain": "thing",
        "version": "1.0.0",
        "status": "active",
        "path": "contracts/city/things.odcs.yaml",
        "sha256": "",
        "columns": (column("thing_id", "编号", "no"),),
        "rules": (),
        "timezone": "Asia/Shanghai",
    }
    return Contract(**(settled | values))


@dataclass
class Kept:
    """Keeps in memory what landing keeps on disk."""

    contents: list[bytes] = field(default_factory=list)

    def __call__(self, content: bytes, suffix: str) -> None:
        self.contents.append(content)

    def mark(self) -> int:
        return len(self.contents)

    def back_to(self, mark: int) -> None:
        del self.contents[mark:]


@dataclass(frozen=True)
class Asked:
    """One request as the source met it; `number` counts from 1."""

    number: int
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What to send back. `length` overrides Content-Length; `drip` is the seconds between two bytes."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    wait: float = 0.0
    drip: float = 0.0

    @classmethod
    def of(cls, value: object, **headers: str) -> Reply:
        return cls(
            json.dumps(value, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json", **headers},
        )


class Source:
    """Answers every request with `answer`, which tests set; `faults` are answered first, one each."""

    reply = Reply
    """What tests make answers with."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: dict[int, Reply] = {}
        self.answer: Callable[[Asked], Reply] = lambda asked: Reply(status=404)
        self.over = threading.Event()
        self.url = ""

    def meet(self, path: str, headers: dict[str, str]) -> Reply:
        parts = urlsplit(path)
        asked = Asked(len(self.asked) + 1, parts.path, dict(parse_qsl(parts.query)), headers)
        self.asked.append(asked)
        return self.faults.get(asked.number) or self.answer(asked)


@pytest.fixture
def source() -> Iterator[Source]:
    """A fresh source on a free port of this machine."""
    source = Source()

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            reply = source.meet(self.path, dict(self.headers))
            source.over.wait(reply.wait)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status not in (204, 304):
                length = len(reply.body) if reply.length is None else reply.length
                self.send_header("Content-Length", str(length))
            self.end_headers()
            try:
                self._send(reply)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            if reply.length is not None:
                self.close_connection = True

        def _send(self, reply: Reply) -> None:
            if not reply.drip:
                self.wfile.write(reply.body)
                return
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                if source.over.wait(reply.drip):
                    return

    class Patient(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that hangs up is what several tests are about."""

    with listening(Handler, Patient) as source.url:
        yield source
        source.over.set()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits in a test; what would have been waited is listed here."""
    waited: list[float] = []
    monkeypatch.setattr(session, "sleep", waited.append)
    return waited


@pytest.fixture
def fetch() -> Callable[..., tuple[list[bytes], Pulled]]:
    """Pulls one day from a server; gives back the bodies kept, and what the pull says of them."""

    def fetch(server: Server, **values: Any) -> tuple[list[bytes], Pulled]:
        kept = Kept()
        return kept.contents, pull(contract(**values), server, DAY, kept)

    return fetch


@pytest.fixture(scope="session")
def feed() -> Callable[..., Contract]:
    """Makes a small contract, keyed by 编号 or no."""
    return contract


@pytest.fixture(scope="session")
def pull_with() -> Callable[[Server, Session], tuple[list[bytes], Pulled]]:
    """Pulls one day over a session of the test's own."""

    def pull_with(server: Server, session: Session) -> tuple[list[bytes], Pulled]:
        kept = Kept()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pulling, "Session", lambda token: session)
            return kept.contents, pull(contract(), server, DAY, kept)

    return pull_with


@pytest.fixture
def make(source: Any, fetch: Any) -> Callable[[Callable[..., Any], Rows], City]:
    """Puts a city of one dialect behind the source."""
    return lambda dialect, rows: City(source, dialect, rows, fetch)


@pytest.fixture(params=SOURCES, ids=lambda dialect: dialect.__name__)
def city(request: pytest.FixtureRequest, make: Any) -> City:
    return make(request.param, things(8))
