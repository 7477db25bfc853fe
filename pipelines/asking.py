"""One SQL question from a person, answered from the current release or from one office's file.

The question runs in a DuckDB of its own that can read the release and nothing else: no other file, no
network, no setting, no statement that writes. Time and memory are bounded, and nothing is spilled to disk.
The pipeline's own database is never opened here; a question cannot get in the way of a load.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from pipelines import releases, settings
from pipelines.contract.dictionary import both
from pipelines.database import literal, quoted
from pipelines.errors import UrbanBrainError, WarehouseError
from pipelines.releases import Release

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

Format = Literal["table", "csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("table", "csv", "json", "parquet")
_CHUNK = 10_000
_MEMORY = "1GB"
_NULL = "∅"
_WIDTH = 160
_EXPLAIN = re.compile(r"\s*explain\b\s*(analyze\b\s*)?(\([^()]*\)\s*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Described:
    """A table or view that can be asked. `columns` are name, type and comment."""

    name: str
    comment: str
    columns: tuple[tuple[str, str, str], ...]


def ask(
    sql: str,
    office: str | None = None,
    format: Format = "table",
    out: IO[Any] | None = None,
    *,
    limit: int = 100,
    seconds: float = 60.0,
) -> int:
    """Answer one question into `out`, by default standard output, and return how many rows it gave.

    `limit` bounds the rows of a table for people, who are told how many more there are; the other formats
    give them all. Instants come in the release's time zone. Parquet goes to a binary stream.
    Raises UrbanBrainError when the question cannot be answered, WarehouseError when nothing is published.
    """
    stream: IO[Any] = sys.stdout if out is None else out
    if format == "parquet":
        stream = getattr(stream, "buffer", stream)
        if stream.isatty():
            raise UrbanBrainError(
                "Parquet is not for a terminal",
                next_step="send it to a file: … --format parquet > answer.parquet",
            )
    release = releases.current()
    with _opened(release, office) as connection, _bounded(connection, seconds) as clock:
        _only_reads(connection, sql)
        connection.execute(sql)
        return _WRITERS[format](connection, stream, limit, clock)


def tables(office: str | None = None) -> list[Described]:
    """What can be asked: tables and views with the comments their contracts give them."""
    with _opened(releases.current(), office) as connection:
        return _described(connection)


@contextlib.contextmanager
def _opened(release: Release, office: str | None) -> Iterator[DuckDBPyConnection]:
    """A DuckDB that reads this release or this office's file, and can do nothing else."""
    import duckdb

    limits = {"memory_limit": _MEMORY, **settings.duckdb_config()}
    connection = duckdb.connect(
        ":memory:",
        # With replacements a name in the question could mean a variable of this program.
        config={**limits, "temp_directory": "", "python_enable_replacements": "false"},
    )
    try:
        if office is None:
            allowed = _open_release(connection, release)
        else:
            path = release.office_file(office)
            allowed = []
            connection.execute(f"attach {literal(str(path))} as office (read_only)")
            connection.execute("use office")
        connection.execute(f"set timezone = {literal(release.timezone)}")
        connection.execute(f"set allowed_paths = [{', '.join(literal(str(path)) for path in allowed)}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection
    finally:
        connection.close()


def _open_release(connection: DuckDBPyConnection, release: Release) -> list[Path]:
    """Make a view of every Parquet file; returns the files. Shared tables appear in schema `shared` too."""
    shared = set(release.manifest.get("shared", ()))
    resources = {resource["name"]: resource for resource in release.detail_package().get("resources", ())}
    for name, files in release.detail.items():
        schema, _, table = name.partition(".")
        resource = resources.get(name.lower(), {})
        fields = resource.get("schema", {}).get("fields", ())
        for place in [schema, *(["shared"] if table in shared else [])]:
            view = f"{quoted(place)}.{quoted(table)}"
            connection.execute(f"create schema if not exists {quoted(place)}")
            connection.execute(f"create view {view} as from {files.sql}")
            _comment(connection, f"view {view}", resource)
            for field in fields:
                _comment(connection, f"column {view}.{quoted(field['name'])}", field)
    return [path for files in release.detail.values() for path in files.files]


def _comment(connection: DuckDBPyConnection, what: str, described: dict[str, Any]) -> None:
    if comment := both(described.get("description", ""), described.get("title", "")):
        connection.execute(f"comment on {what} is {literal(comment)}")


def _only_reads(connection: DuckDBPyConnection, sql: str) -> None:
    """Raise UrbanBrainError unless the text is one statement, and one that reads."""
    statements = connection.extract_statements(sql)
    if not statements:
        raise UrbanBrainError("there is no question", next_step='write one, such as "show all tables"')
    if len(statements) > 1:
        pivot = any(word in sql.lower() for word in ("pivot", "unpivot"))
        raise UrbanBrainError(
            f"these are {len(statements)} statements, expected one question",
            next_step="name the values to pivot on with `in (…)`" if pivot else "ask one after the other",
        )
    kind = statements[0].type.name
    if kind == "EXPLAIN":
        # `explain analyze copy …` would run the copy: what is explained must be a question itself.
        _only_reads(connection, _EXPLAIN.sub("", sql, count=1))
    elif kind != "SELECT":
        raise UrbanBrainError(
            f"a question only reads, and this is a statement of kind {kind.replace('_', ' ')}",
            next_step="use select, from, describe, show, summarize or explain",
        )


@contextlib.contextmanager
def _bounded(connection: DuckDBPyConnection, seconds: float) -> Iterator[_Clock]:
    """Bound the block's time, and turn what DuckDB says into what a person can act on."""
    import duckdb

    clock = _Clock(connection, seconds)
    try:
        with clock:
            yield clock
    except duckdb.Error as error:
        if clock.is_over:
            raise clock.error() from error
        raise _in_words(connection, error) from error


class _Clock:
    """Interrupts a connection when time is up."""

    def __init__(self, connection: DuckDBPyConnection, seconds: float) -> None:
        self.seconds = seconds
        self._over = threading.Event()
        self._connection = connection
        self._timer = threading.Timer(seconds, self._stop)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def _stop(self) -> None:
        self._over.set()
        self._connection.interrupt()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def check(self) -> None:
        """Between chunks: an interrupt that met no running query would be lost."""
        if self.is_over:
            raise self.error()

    def error(self) -> UrbanBrainError:
        return UrbanBrainError(
            f"the question took longer than {self.seconds:g} s and was stopped",
            next_step="narrow it with a `where`, or give it more time",
        )


def _in_words(connection: DuckDBPyConnection, error: duckdb.Error) -> UrbanBrainError:
    import duckdb

    said = str(error).partition(": ")[2].strip() or str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return UrbanBrainError(
            "the question needs more memory than it may have",
            next_step="narrow it with a `where`, or set URBANBRAIN_DUCKDB_MEMORY higher",
        )
    if isinstance(error, duckdb.PermissionException):
        return UrbanBrainError(
            "a question reads the published tables and no other file",
            next_step=_names(connection),
        )
    if isinstance(error, duckdb.CatalogException) and "Table with name" in said:
        return UrbanBrainError(said.splitlines()[0], next_step=_names(connection))
    if isinstance(error, (duckdb.FatalException, duckdb.InternalException)):
        return WarehouseError(f"DuckDB gave up: {said.splitlines()[0]}", next_step="ask in another way")
    return UrbanBrainError(said, next_step="`describe <table>` lists its columns")


def _names(connection: DuckDBPyConnection) -> str:
    return "tables: " + ", ".join(table.name for table in _described(connection))


def _described(connection: DuckDBPyConnection) -> list[Described]:
    rows = connection.execute(
        """
        with relations as (
            select schema_name, table_name, comment from duckdb_tables()
            where database_name = current_database() and not internal
            union all
            select schema_name, view_name, comment from duckdb_views()
            where database_name = current_database() and not internal
        )
        select
            case schema_name when 'main' then table_name else schema_name || '.' || table_name end,
            coalesce(any_value(relations.comment), ''),
            list(
                [column_name, data_type, coalesce(columns.comment, '')] order by column_index
            )
        from relations
        join duckdb_columns() as columns using (schema_name, table_name)
        where database_name = current_database()
        group by schema_name, table_name
        order by schema_name <> 'main', schema_name, table_name
        """
    ).fetchall()
    return [
        Described(name, comment, tuple((column, kind, text) for column, kind, text in columns))
        for name, comment, columns in rows
    ]


def _header(connection: DuckDBPyConnection) -> list[str]:
    """Column names of the answer, told apart when the question repeats one."""
    names: list[str] = []
    for column in connection.description or ():
        name, number = str(column[0]), 1
        while name in names:
            name, number = f"{column[0]}_{number}", number + 1
        names.append(name)
    return names


def _chunks(connection: DuckDBPyConnection, clock: _Clock) -> Iterator[list[tuple[Any, ...]]]:
    while rows := connection.fetchmany(_CHUNK):
        clock.check()
        yield rows


def _write_table(connection: DuckDBPyConnection, out: IO[str], limit: int, clock: _Clock) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = _header(connection)
    kinds = [str(column[1]) for column in connection.description or ()]
    total = 0
    shown: list[tuple[Any, ...]] = []
    for rows in _chunks(connection, clock):
        shown += rows[: max(0, limit - total)]
        total += len(rows)
    table = Table(header_style="bold")
    for name, kind in zip(names, kinds, strict=True):
        justify: Literal["right", "left"] = "right" if _is_number(kind) else "left"
        table.add_column(Text(name), justify=justify, overflow="fold")
    for row in shown:
        table.add_row(*(Text(_NULL, style="dim") if v is None else Text(_as_text(v)) for v in row))
    is_terminal = out.isatty()
    console = Console(file=out, width=None if is_terminal else _WIDTH, highlight=False)
    console.print(table)
    if total > limit:
        console.print(f"… and {total - limit:,} more rows; --format csv gives them all")
    return total


def _write_csv(connection: DuckDBPyConnection, out: IO[str], limit: int, clock: _Clock) -> int:
    del limit  # for people only
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_header(connection))
    total = 0
    for rows in _chunks(connection, clock):
        writer.writerows([("" if value is None else _as_text(value)) for value in row] for row in rows)
        total += len(rows)
    return total


def _write_json(connection: DuckDBPyConnection, out: IO[str], limit: int, clock: _Clock) -> int:
    del limit
    names = _header(connection)
    total = 0
    out.write("[")
    for rows in _chunks(connection, clock):
        for row in rows:
            values = {name: _as_json(value) for name, value in zip(names, row, strict=True)}
            out.write(("," if total else "") + "\n" + json.dumps(values, ensure_ascii=False))
            total += 1
    out.write("\n]\n" if total else "]\n")
    return total


def _write_parquet(connection: DuckDBPyConnection, out: IO[bytes], limit: int, clock: _Clock) -> int:
    del limit
    import pyarrow.parquet as pq

    names = _header(connection)
    reader = connection.to_arrow_reader(_CHUNK)
    schema = reader.schema
    for index, name in enumerate(names):
        schema = schema.set(index, schema.field(index).with_name(name))
    total = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in reader:
            clock.check()
            writer.write_batch(batch.rename_columns(names))
            total += batch.num_rows
    return total


_WRITERS: dict[Format, Callable[[DuckDBPyConnection, IO[Any], int, _Clock], int]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
}


def _is_number(kind: str) -> bool:
    return any(word in kind.upper() for word in ("INT", "DOUBLE", "FLOAT", "DECIMAL", "NUMBER"))


def _as_text(value: Any) -> str:
    """A value as people and spreadsheets read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (list, dict, tuple)):
        return json.dumps(_as_json(value), ensure_ascii=False)
    return str(value)


def _as_json(value: Any) -> Any:
    """A value as JSON knows it: instants as ISO 8601 with their offset, no NaN, no Decimal."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal() | float():
            return _as_json_number(value)
        case date() | time():  # a datetime is a date too
            return value.isoformat()
        case dict():
            return {str(key): _as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [_as_json(item) for item in value]
    return str(value)


def _as_json_number(value: Decimal | float) -> int | float | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return int(value) if value == value.to_integral_value() else float(value)
