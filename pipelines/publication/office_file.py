"""One street office's DuckDB file, made from Parquet by a process of its own.

Why a process: DuckDB writes whole blocks, and the unused end of a block is whatever the memory held before.
Attached beside the warehouse and filled from it, an office file was seen to carry scraps of other streets'
rows. A fresh process that is handed this street's rows only has nothing else to leave behind.

The same rows make the same bytes, so that a release can be made again and compared. That takes three things: memory
is handed to the process filled with zeros, both by DuckDB's allocator and by the system's; no string compression that
learns from a random sample is used; one thread writes. On a system with neither of the two allocators only contents
repeat.

    python -m pipelines.publication.office_file <plan.json>     while its standard input stays open: see `apart`
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines import apart
from pipelines.database import literal, quoted, transaction
from pipelines.errors import UrbanBrainError, WarehouseError, step_about_files
from pipelines.privacy import scrub
from pipelines.releases.table_files import TableFiles

# A table takes at least one block, and most tables here are small: 16384 is DuckDB's smallest. From 65536 on DuckDB
# packs numbers into bits, which large files gain more by: half a million rows take 46 MB instead of 96.
_BLOCK_SIZE, _BLOCK_SIZE_OF_LARGE = "16384", "65536"
_LARGE_BYTES = 8_000_000
_RANDOM = "fsst,dict_fsst"
_ZEROED = {
    "DUCKDB_JE_MALLOC_CONF": "zero:true",
    "GLIBC_TUNABLES": "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0",  # fills with the complement of 255
    "PYTHONHASHSEED": "0",
}
_PATIENCE_SECONDS = 1800


@dataclass(frozen=True)
class OfficeTable:
    """A table to make from Parquet files, in their row order."""

    schema: str
    name: str
    sources: tuple[str, ...]
    comment: str = ""
    column_comments: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class OfficeView:
    """A view to make from a query; `schema` and `name` are where it appears."""

    schema: str
    name: str
    query: str
    comment: str = ""
    origin: str = ""
    """File the query was read from, for messages."""
    column_comments: dict[str, str] = field(default_factory=dict, hash=False)
    """Comments of columns; those the view does not have are left out."""


@dataclass(frozen=True)
class OfficePlan:
    """What goes into one office file."""

    target: str
    comment: str
    tables: tuple[OfficeTable, ...]
    views: tuple[OfficeView, ...]


def build_apart(plan: OfficePlan, plan_file: Path) -> None:
    """Build the file in a new process. Raises WarehouseError with what that process said when it fails."""
    plan_file.write_text(json.dumps(asdict(plan), ensure_ascii=False), encoding="utf-8")
    process = apart.started(
        "pipelines.publication.office_file",
        str(plan_file),
        stdout=subprocess.DEVNULL,
        environment=_ZEROED,
    )
    try:
        said = _waited_for(process)
    except subprocess.TimeoutExpired:
        raise WarehouseError(
            f"office file {Path(plan.target).name} was not built within {_PATIENCE_SECONDS} s",
            next_step="publish again when the machine is less busy",
        ) from None
    if process.returncode:
        lines = said.strip().splitlines() or [_ended_by(process.returncode)]
        why = lines[-1] if lines[0].startswith("Traceback") else lines[0]
        raise WarehouseError(
            f"office file {Path(plan.target).name} could not be built\n  {why}",
            next_step=step_about_files(
                why, "correct what it names (views are in warehouse/office/*.sql) and publish again"
            ),
        )


def _ended_by(code: int) -> str:
    return f"{signal.Signals(-code).name} ended the process" if code < 0 else f"exit code {code}"


def _waited_for(process: subprocess.Popen[bytes]) -> str:
    """What the process said in errors. Raises TimeoutExpired; then, too, it has ended."""
    with process:
        lifeline, process.stdin = process.stdin, None  # waiting would close it
        try:
            return process.communicate(timeout=_PATIENCE_SECONDS)[1].decode(errors="replace")
        finally:
            process.kill()
            if lifeline:
                lifeline.close()


def main(plan_file: Path) -> None:
    """Build what a plan file describes. Raises WarehouseError when a view cannot be made."""
    values = json.loads(plan_file.read_text(encoding="utf-8"))
    _build(
        OfficePlan(
            values["target"],
            values["comment"],
            tuple(OfficeTable(**table) for table in values["tables"]),
            tuple(OfficeView(**view) for view in values["views"]),
        )
    )


def _build(plan: OfficePlan) -> None:
    import duckdb

    is_large = (
        sum(Path(source).stat().st_size for table in plan.tables for source in table.sources) > _LARGE_BYTES
    )
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "default_block_size": _BLOCK_SIZE_OF_LARGE if is_large else _BLOCK_SIZE,
        "preserve_insertion_order": "true",
        "threads": "1",  # offices are built side by side; one thread also keeps row groups in order
    }
    connection = duckdb.connect(plan.target, config=config)
    try:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set disabled_compression_methods = {literal(_RANDOM)}")
        with transaction(connection):  # one fsync, where every comment of its own would cost one
            schemas = {table.schema for table in plan.tables} | {view.schema for view in plan.views}
            for schema in sorted(schemas - {"main"}):
                connection.execute(f"create schema {quoted(schema)}")
            for table in plan.tables:
                _create_table(connection, table)
        _create_views(connection, plan.views)
        connection.execute("force checkpoint")
    finally:
        connection.close()


def _create_table(connection: Any, table: OfficeTable) -> None:
    name = f"{quoted(table.schema)}.{quoted(table.name)}"
    rows = TableFiles(tuple(map(Path, table.sources))).sql
    connection.execute(f"create table {name} as from {rows}")
    _comment(connection, "table", name, table.comment)
    for column, comment in table.column_comments.items():
        _comment(connection, "column", f"{name}.{quoted(column)}", comment)


def _create_views(connection: Any, views: tuple[OfficeView, ...]) -> None:
    """Create views in whatever order their references allow."""
    import duckdb

    waiting = list(views)
    while waiting:
        failed: list[tuple[OfficeView, str]] = []
        for view in waiting:
            name = f"{quoted(view.schema)}.{quoted(view.name)}"
            try:
                connection.execute(f"create view {name} as {view.query}")
            except duckdb.Error as error:
                failed.append((view, scrub(str(error))))
            else:
                _comment(connection, "view", name, view.comment)
                for column, *_ in connection.execute(f"describe {name}").fetchall():
                    _comment(
                        connection,
                        "column",
                        f"{name}.{quoted(column)}",
                        view.column_comments.get(column, ""),
                    )
        if len(failed) == len(waiting):
            raise WarehouseError(
                "; ".join(f"{view.origin or view.name}: {message}" for view, message in failed)
            )
        waiting = [view for view, _ in failed]


def _comment(connection: Any, kind: str, name: str, comment: str) -> None:
    if comment:
        connection.execute(f"comment on {kind} {name} is {literal(comment)}")


if __name__ == "__main__":
    apart.listen()
    try:
        main(Path(sys.argv[1]))
    except UrbanBrainError as problem:  # the parent process shows the first line to a person
        sys.exit(" ".join(str(problem).split()))
    except Exception as problem:  # noqa: BLE001 - so it does with what DuckDB says, which may quote values
        sys.exit(scrub(str(problem)))
