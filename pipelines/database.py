"""DuckDB connections: in memory for one batch, on disk for the one writer; and how a name is quoted.

Only one process writes the warehouse at a time. A second one waits a little, then raises WarehouseBusy.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import lake, settings
from pipelines.errors import WarehouseBusy, WarehouseError, step_about_files

if TYPE_CHECKING:
    import duckdb

_FULL_WIDTH = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000"
_HALF_WIDTH = "".join(chr(code) for code in range(0x21, 0x7F)) + " "
_BLANKS = " \t\r\n\u00a0\u3000\ufeff\u200b"
_WAIT_SECONDS = 20.0


def quoted(name: str) -> str:
    """An identifier as DuckDB reads it whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string constant as DuckDB reads it whatever is in it."""
    return "'" + text.replace("'", "''") + "'"


def memory() -> duckdb.DuckDBPyConnection:
    """A new in-memory database that never spills to disk: personal values may pass through it."""
    import duckdb

    connection = duckdb.connect(":memory:", config={**settings.duckdb_config(), "temp_directory": ""})
    prepare(connection)
    return connection


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Pin what results depend on: UTC as session zone; `half_width(text)`, `trimmed(text)`."""
    connection.execute("set timezone = 'UTC'")
    # `translate` looks at every letter six hundred times slower than a comparison of lengths looks at none:
    # a text with as many bytes as letters is plain ASCII and needs neither of the two.
    connection.execute(
        "create or replace temp macro half_width(text) as case when strlen(text) = length(text) then text "
        f"else translate(text, {literal(_FULL_WIDTH)}, {literal(_HALF_WIDTH)}) end"
    )
    edges = ", ".join(str(ord(letter)) for letter in _BLANKS)
    connection.execute(
        "create or replace temp macro trimmed(text) as case when ascii(text) in "
        f"({edges}) or ascii(text[-1]) in ({edges}) then trim(text, {literal(_BLANKS)}) else text end"
    )


@contextlib.contextmanager
def writer(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, open for writing, for this process alone.

    Raises WarehouseBusy when another process keeps it open longer than a few seconds, and WarehouseError when
    the file cannot be read.
    """
    import duckdb

    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create(path)
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection = duckdb.connect(str(path), config=settings.duckdb_config())
            break
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error):
                said = str(error).splitlines()[0]
                raise WarehouseError(
                    f"the warehouse {path.name} cannot be opened: {said}",
                    next_step=step_about_files(
                        said,
                        "move the file away and run `urbanbrain load`; it is rebuilt from lake/validated",
                    ),
                ) from error
            if time.monotonic() > deadline:
                raise WarehouseBusy(
                    "another process is writing the warehouse",
                    next_step="wait for it to end and run again; readers ask the release and need not wait",
                ) from None
            time.sleep(0.2)
    try:
        prepare(connection)
        yield connection
    finally:
        connection.close()


def _create(path: Path) -> None:
    """Let an empty database appear whole: DuckDB writes its first blocks one by one, and opens no half of them."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix=lake.TEMPORARY, dir=path.parent) as folder:
        new = Path(folder) / path.name
        duckdb.connect(str(new), config=settings.duckdb_config()).close()
        with contextlib.suppress(FileExistsError):  # somebody else was faster, and may be writing already
            path.hardlink_to(new)
        lake.sync(path.parent)


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block or none of it."""
    connection.execute("begin transaction")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


@contextlib.contextmanager
def planned_for_any_size(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Queries of the block are planned as if every table may be large: joined in the order they name tables, and never
    each row with each where a sorted join can do it.

    DuckDB takes a table that the open transaction made for an empty one, and then may well begin with the join that
    makes most of all.
    """
    options = {
        "disabled_optimizers": "'join_order'",
        "nested_loop_join_threshold": 0,
        "merge_join_threshold": 0,
    }
    for name, value in options.items():
        connection.execute(f"set {name} = {value}")
    try:
        yield
    finally:
        for name in options:
            connection.execute(f"reset {name}")


def count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one number a counting query answers with."""
    found = connection.execute(query).fetchone()
    return int(found[0]) if found else 0
