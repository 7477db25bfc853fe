"""The process that answers: opens what it is told, answers question after question, and may be ended at any moment.

Told on standard input, one JSON object a line, the opening first; answers on standard output in frames: a letter, the
length of what follows as four bytes, and that. `r` it is open, `o` a piece of an answer, `d` done, as JSON, `e` what is
wrong, as JSON. It leaves when its input ends, so that it never outlives the one who asks.

    python -P -m pipelines.asking.answering
"""

from __future__ import annotations

import io
import json
import os
import queue
import re
import resource
import signal
import struct
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import apart
from pipelines.asking import describing, statements, writing
from pipelines.asking.opening import Opening, connect
from pipelines.errors import UrbanBrainError, WarehouseError, step_about_files

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

READY, PIECE, DONE, WRONG = b"r", b"o", b"d", b"e"
HEADER = struct.Struct("!cI")
_PIECE_BYTES = 1 << 16
_HEADROOM = 512 << 20
"""What Python, Arrow and DuckDB need beside the memory that DuckDB counts, in bytes."""
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


class Frames:
    """Says things to the one who asks."""

    def __init__(self, target: int) -> None:
        self._target = target

    def send(self, kind: bytes, content: bytes = b"") -> None:
        rest = memoryview(HEADER.pack(kind, len(content)) + content)
        while rest:
            rest = rest[os.write(self._target, rest) :]

    def say(self, kind: bytes, content: dict[str, Any]) -> None:
        self.send(kind, json.dumps(content, ensure_ascii=False).encode())


class _Pieces(io.RawIOBase):
    """A stream for one answer, whose pieces travel as frames."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._frames.send(PIECE, bytes(piece))
        return len(piece)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks decides what Ctrl-C ends
    frames = Frames(os.dup(1))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)  # nothing but frames reaches the one who asks
    requests = _requests()
    told = Opening(**requests.get())
    try:
        connection = connect(told)
        _bound_memory(connection)
    except Exception as error:  # noqa: BLE001 - whoever asks hears why
        why = error.strerror if isinstance(error, OSError) else error  # the system names the place, too
        line = (str(why).splitlines() or [type(error).__name__])[0]  # a lack of memory says nothing
        step = step_about_files(line, _VERIFY)
        frames.say(WRONG, _said(WarehouseError(f"the tables cannot be opened: {line}", next_step=step)))
        return
    frames.send(READY)
    while True:
        request = requests.get()
        try:
            frames.say(DONE, _answered(connection, told, request, frames))
        except BaseException as error:  # noqa: BLE001 - whoever asks hears why
            wrong, is_broken = in_words(connection, error, request.get("question", {}).get("sql", ""))
            frames.say(WRONG, _said(wrong))
            if is_broken:
                return


_VERIFY = "`urbanbrain release verify` says what is wrong with the release"


def _requests() -> queue.SimpleQueue[dict[str, Any]]:
    """What standard input says; its end is noticed in the middle of an answer, too."""
    said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    apart.listen(lambda line: said.put(json.loads(line)))
    return said


def _bound_memory(connection: DuckDBPyConnection) -> None:
    """Bound what the system gives, for what DuckDB does not count: long texts, lists, this program's own copies.

    Files cannot grow either, though there is no way left to open one for writing.
    """
    row = connection.execute("select current_setting('memory_limit')").fetchone()
    amount, _, unit = str(row[0] if row else "1.0 GiB").partition(" ")
    allowed = int(float(amount) * _UNITS.get(unit, 1 << 30)) + _HEADROOM
    status = Path("/proc/self/status")
    if status.is_file():  # elsewhere the system does not say, and DuckDB's own bound has to do
        used = next(line for line in status.read_text().splitlines() if line.startswith("VmData"))
        _bound(resource.RLIMIT_DATA, int(used.split()[1]) * 1024 + allowed)
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_FSIZE, 0)


def _bound(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _answered(
    connection: DuckDBPyConnection, told: Opening, request: dict[str, Any], frames: Frames
) -> dict[str, Any]:
    cursor = connection.cursor()  # what one question sets is gone before the next
    try:
        if "question" not in request:
            found = describing.described(cursor, request["described"], is_release=not told.office_file)
            return {"described": [asdict(each) for each in found]}
        values = request["question"]
        question = writing.Question(**{**values, "screen": writing.Screen(**values["screen"])})
        return {"rows": _answer(cursor, question, frames)}
    finally:
        cursor.close()


def _answer(cursor: DuckDBPyConnection, question: writing.Question, frames: Frames) -> int:
    is_explain = statements.only_reads(cursor, question.sql)
    pieces = io.BufferedWriter(_Pieces(frames), _PIECE_BYTES)
    if question.form == "parquet" and not question.is_plan:
        cursor.execute(question.sql)
        rows = writing.write(cursor, pieces, question)
        pieces.flush()
        return rows
    text = io.TextIOWrapper(pieces, encoding="utf-8", errors="replace", newline="")
    if question.is_plan:
        sql = statements.explained(cursor, question.sql) if is_explain else question.sql
        cursor.execute(f"explain (format json) {sql}")
        rows = writing.write_plan(cursor, text, question)
    elif is_explain and question.form == "table":
        cursor.execute(question.sql)
        rows = writing.write_box(cursor, text)
    else:
        cursor.execute(question.sql)
        rows = writing.write(cursor, text, question)
    text.flush()
    return rows


def in_words(
    connection: DuckDBPyConnection, error: BaseException, sql: str = ""
) -> tuple[UrbanBrainError, bool]:
    """What DuckDB says of a question, as a person can act on it, and whether this process had better end."""
    import duckdb

    if isinstance(error, UrbanBrainError):
        return error, False
    if isinstance(error, (MemoryError, duckdb.OutOfMemoryException)) or "bad allocation" in str(error):
        return UrbanBrainError(
            "the question needs more memory than it may have 内存不足，查询已停止",
            next_step="narrow it with a `where`, or allow more: --memory 4GB, URBANBRAIN_DUCKDB_MEMORY=4GB",
        ), True
    if not isinstance(error, duckdb.Error):
        return WarehouseError(f"the answer could not be written: {type(error).__name__}"), True
    said = str(error).partition(": ")[2].strip() or str(error)
    if isinstance(error, (duckdb.FatalException, duckdb.InternalException)):
        return WarehouseError(f"DuckDB gave up: {said.splitlines()[0]}", next_step="ask in another way"), True
    return _of_question(connection, error, said, sql), False


def _of_question(connection: DuckDBPyConnection, error: duckdb.Error, said: str, sql: str) -> UrbanBrainError:
    import duckdb

    if isinstance(error, duckdb.PermissionException):
        return UrbanBrainError(
            "a question reads the published tables and no other file 只能查询已发布的表",
            next_step=describing.names(connection),
        )
    if signs := statements.full_width(sql):
        return UrbanBrainError(
            f"{said}\n全角符号 full-width signs: {' '.join(signs)}",
            next_step="write signs half-width: ; , ( ) * = ' 请改用半角符号",
        )
    missing = re.match(r"Table with name (.+) does not exist", said)
    if isinstance(error, duckdb.CatalogException) and missing:
        return UrbanBrainError(
            f"there is no table or view {missing[1]!r} 没有这个表或视图",
            next_step=describing.near(connection, missing[1]) or describing.names(connection),
        )
    if "unterminated quoted" in said:
        return UrbanBrainError(
            f"{said}\n引号没有成对 a quote is not closed", next_step="close it with ' 请补上半角单引号 '"
        )
    return UrbanBrainError(
        f"{said}\n查询语句有误", next_step="`describe <table>` lists its columns 用 describe <表名> 查看列名"
    )


def _said(error: UrbanBrainError) -> dict[str, Any]:
    return {
        "message": error.message,
        "next_step": error.next_step,
        "is_ours": isinstance(error, WarehouseError),
    }


if __name__ == "__main__":
    main()
