"""One release from the first question to the last: starts the process that answers, waits for it, and ends it.

Whoever asks waits at most as long as a question may take, whatever the answering process is busy with: it is ended then,
and the next question starts another that reads the same release.
"""

from __future__ import annotations

import codecs
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

from pipelines import apart, releases
from pipelines.asking.answering import DONE, HEADER, PIECE, READY
from pipelines.asking.describing import Described
from pipelines.asking.opening import Bounds, opening
from pipelines.asking.writing import Question, Screen
from pipelines.errors import UrbanBrainError, WarehouseError
from pipelines.releases import Release

_PATIENCE_SECONDS = 60.0
"""For starting and opening, which is no part of a question's time."""
_READ_BYTES = 1 << 16


class Session:
    """Asks one release, resolved once. A context manager: leaving it ends the process."""

    def __init__(
        self, office: str | None = None, *, is_open: bool = False, bounds: Bounds | None = None
    ) -> None:
        """One office's file, the tables anybody may read with `is_open`, or else the district's.

        Raises WarehouseError when nothing is published, or nothing for this office.
        """
        if office is not None and is_open:
            raise UrbanBrainError(
                "an office's file and the open tables are two things",
                next_step="give one of --office and --open",
            )
        self.release: Release = releases.current()
        self.office = office
        self.is_open = is_open
        self.bounds = bounds or Bounds()
        self._opening = opening(self.release, office, is_open=is_open, bounds=self.bounds)
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()
        self._is_ready = False

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def name(self) -> str:
        """Which release this is, and which part of it, for people."""
        part = (
            f"street office {self.office} 街道"
            if self.office
            else "open tables 公开汇总"
            if self.is_open
            else "district 全区"
        )
        return f"release 版本 {self.release.release_id} · {part} · as of 截至 {self._instant()}"

    def _instant(self) -> str:
        zone = ZoneInfo(self.release.timezone)
        return datetime.fromisoformat(self.release.as_of).astimezone(zone).strftime("%Y-%m-%d %H:%M")

    def answer(self, question: Question, out: IO[Any]) -> int:
        """Write the answer into a stream and return how many rows it has. Parquet goes to a binary stream.

        Raises UrbanBrainError when the question cannot be answered, or not within its bounds.
        """
        question = replace(question, screen=Screen.of(out))
        write = _writer(question, out)
        done = self._asked({"question": asdict(question)}, write)
        write(b"", True)
        return int(done["rows"])

    def described(self, name: str = "") -> list[Described]:
        """What can be asked, or the one table or view of that name. Raises UrbanBrainError for an unknown name."""
        done = self._asked({"described": name}, lambda *_: None)
        return [
            Described(**{**each, "columns": tuple(tuple(column) for column in each["columns"])})
            for each in done["described"]
        ]

    def stop(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        self._buffer.clear()
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        process.wait()

    def _asked(self, request: dict[str, Any], write: Callable[[bytes, bool], None]) -> dict[str, Any]:
        try:
            self._wait_until_open()
            self._send(request)
            left = self.bounds.seconds
            while True:
                kind, content, took = self._frame(left)
                left -= took
                if kind == PIECE:
                    write(content, False)
                elif kind == DONE:
                    return dict(json.loads(content))
                else:
                    raise _error(content)
        except _TooLong:
            self.stop()
            raise UrbanBrainError(
                f"the question took longer than {self.bounds.seconds:g} s and was stopped 超过时限，查询已停止",
                next_step="narrow it with a `where`, or give it more time: --seconds 300",
            ) from None
        except UrbanBrainError:
            if self._process and self._process.poll() is not None:
                self.stop()
            raise
        except (
            BaseException
        ):  # a reader that went away, Ctrl-C: what is half told is no beginning for the next answer
            self.stop()
            raise

    def start(self) -> None:
        """Start the process without waiting for it; asking does so by itself."""
        if self._process and self._process.poll() is None:
            return
        self.stop()
        self._process = apart.started("pipelines.asking.answering", stderr=subprocess.DEVNULL)
        self._is_ready = False
        self._send(asdict(self._opening))

    def _wait_until_open(self) -> None:
        self.start()
        if self._is_ready:
            return
        try:
            kind, content, _ = self._frame(_PATIENCE_SECONDS)
        except _TooLong:
            self.stop()
            raise WarehouseError(
                f"the tables were not open within {_PATIENCE_SECONDS:g} s",
                next_step="ask again when the machine is less busy",
            ) from None
        if kind != READY:
            self.stop()
            raise _error(content)
        self._is_ready = True

    def _send(self, request: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            raise WarehouseError("the process that answers is not there")
        try:
            self._process.stdin.write(json.dumps(request, ensure_ascii=True).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None

    def _frame(self, seconds: float) -> tuple[bytes, bytes, float]:
        """The next frame: its letter, its content, and how long it was waited for."""
        waited = 0.0
        while True:
            if len(self._buffer) >= HEADER.size:
                kind, size = HEADER.unpack_from(self._buffer)
                if len(self._buffer) >= HEADER.size + size:
                    content = bytes(self._buffer[HEADER.size : HEADER.size + size])
                    del self._buffer[: HEADER.size + size]
                    return kind, content, waited
            began = time.monotonic()
            self._more(seconds - waited)
            waited += time.monotonic() - began

    def _more(self, seconds: float) -> None:
        if self._process is None or self._process.stdout is None:
            raise WarehouseError("the process that answers is not there")
        if seconds <= 0 or not select.select([self._process.stdout], [], [], seconds)[0]:
            raise _TooLong
        piece = os.read(self._process.stdout.fileno(), _READ_BYTES)
        if not piece:
            raise self._gone()
        self._buffer += piece

    def _gone(self) -> UrbanBrainError:
        code = self._process.wait() if self._process else 0
        self.stop()
        why = signal.Signals(-code).name if code < 0 else f"code {code}"
        return UrbanBrainError(
            f"the question ended the process that answers ({why}) 查询使应答进程中止",
            next_step="it asks for more memory than it may have, or for what DuckDB cannot bear; ask in another way",
        )


class _TooLong(Exception):
    """The answering process did not say anything in time."""


def _error(content: bytes) -> UrbanBrainError:
    said = json.loads(content)
    kind = WarehouseError if said["is_ours"] else UrbanBrainError
    return kind(said["message"], next_step=said["next_step"])


def _writer(question: Question, out: IO[Any]) -> Callable[[bytes, bool], None]:
    """What takes the pieces of an answer, and hears when it was the last."""
    if question.form == "parquet" and not question.is_plan:
        if out.isatty():
            raise UrbanBrainError(
                "Parquet is not for a terminal",
                next_step="send it to a file: … --format parquet > answer.parquet",
            )
        binary = getattr(out, "buffer", out)

        def take(piece: bytes, is_last: bool) -> None:
            del is_last
            binary.write(piece)

        return take
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def take_text(piece: bytes, is_last: bool) -> None:
        out.write(decoder.decode(piece, is_last))

    return take_text
