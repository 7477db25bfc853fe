"""A running `urbanbrain page`, and requests as they are written."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from started import said_by


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Server:
    """A running `urbanbrain page`."""

    process: subprocess.Popen[str]
    port: int
    said: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request as it is written: nothing is normalised on its way, and no redirect is followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=names)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@contextmanager
def serving(home: Path, *words: str, airflow: str = "") -> Iterator[Server]:
    """The command in a process of its own, for what is published in a home."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "page", "--port", "0", *words],
        env=os.environ | {"URBANBRAIN_HOME": str(home), "URBANBRAIN_AIRFLOW_URL": airflow},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = said_by(process)
        port = re.search(r"see http://127\.0\.0\.1:(\d+)/", said)
        assert port, said
        yield Server(process, int(port[1]), said)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
