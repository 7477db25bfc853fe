"""Answers as people, spreadsheets and programs read them: a table, CSV, JSON, Markdown, Parquet."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

from pipelines import markdown
from pipelines.asking.plan import outline

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Form = Literal["table", "csv", "json", "markdown", "parquet"]
FORMATS: tuple[Form, ...] = get_args(Form)
_CHUNK = 10_000
_COUNTED = 100_000
"""Rows beyond those shown that are still counted for a person."""
_NULL = "∅"
_WIDTH = 160
_NARROWEST = 9
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Screen:
    """What an answer for people is shown on. A pipe has no width of its own."""

    width: int = _WIDTH
    is_terminal: bool = False

    @classmethod
    def of(cls, stream: IO[Any]) -> Screen:
        if not stream.isatty():
            return cls()
        try:
            width = os.get_terminal_size(stream.fileno()).columns
        except OSError:
            width = 0
        return cls(width or 80, True)


@dataclass(frozen=True)
class Question:
    """What is asked, and how the answer is to look. With `is_plan` only how DuckDB would go about it; nothing is run."""

    sql: str
    form: Form = "table"
    limit: int = 100
    screen: Screen = Screen()
    is_plan: bool = False


def write(connection: DuckDBPyConnection, out: IO[Any], question: Question) -> int:
    """Write what the connection was asked last into a stream, a binary one for Parquet; returns its rows."""
    return _WRITERS[question.form](connection, out, question)


def write_plan(connection: DuckDBPyConnection, out: IO[str], question: Question) -> int:
    """Write a plan that `explain (format json)` answered, as an outline, or as it is where JSON is wanted."""
    lines = 0
    for _, plan in connection.fetchall():
        for line in [plan] if question.form == "json" else outline(plan):
            out.write(f"{line}\n")
            lines += 1
    return lines


def write_box(connection: DuckDBPyConnection, out: IO[str]) -> int:
    """Write what a person's own `explain` answered: a picture already, which a table would fold."""
    pictures = connection.fetchall()
    out.writelines(f"{picture.rstrip()}\n" for _, picture in pictures)
    return len(pictures)


def _header(connection: DuckDBPyConnection) -> list[str]:
    """Column names of the answer, told apart when the question repeats one."""
    names: list[str] = []
    for column in connection.description or ():
        name, number = str(column[0]), 1
        while name in names:
            name, number = f"{column[0]}_{number}", number + 1
        names.append(name)
    return names


def _chunks(connection: DuckDBPyConnection) -> Iterator[list[tuple[Any, ...]]]:
    while rows := connection.fetchmany(_CHUNK):
        yield rows


def _first_rows(connection: DuckDBPyConnection, limit: int) -> tuple[list[tuple[Any, ...]], int, str]:
    """The first rows, how many there are, and what a person is told of those that are not shown."""
    total = 0
    shown: list[tuple[Any, ...]] = []
    for rows in _chunks(connection):
        shown += rows[: max(0, limit - total)]
        total += len(rows)
        if total - limit > _COUNTED:
            left = f"… and more than {_COUNTED:,} more rows; `--format csv` gives them all 还有十万行以上，未显示"
            return shown, total, left
    left = f"… and {total - limit:,} more rows; `--format csv` gives them all 还有 {total - limit:,} 行未显示"
    return shown, total, left if total > limit else ""


def _write_table(connection: DuckDBPyConnection, out: IO[str], question: Question) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = [visible(name) for name in _header(connection)]
    kinds = [str(column[1]) for column in connection.description or ()]
    rows, total, left = _first_rows(connection, question.limit)
    shown = [[None if value is None else visible(_as_text(value)) for value in row] for row in rows]
    screen = question.screen
    console = Console(
        file=out, width=screen.width, highlight=False, force_terminal=screen.is_terminal, legacy_windows=False
    )
    if screen.is_terminal and len(names) * (_NARROWEST + 3) + 1 > screen.width:
        _write_upright(out, names, shown)
    else:
        table = Table(header_style="bold")
        for name, kind in zip(names, kinds, strict=True):
            justify: Literal["right", "left"] = "right" if _is_number(kind) else "left"
            table.add_column(Text(name), justify=justify, overflow="fold")
        for row in shown:
            table.add_row(*(Text(_NULL, style="dim") if value is None else Text(value) for value in row))
        console.print(table)
    if left:
        console.print(left)
    return total


def _write_upright(out: IO[str], names: list[str], rows: list[list[str | None]]) -> None:
    """One line a value: columns too many for the screen would each be one letter wide."""
    from rich.cells import cell_len

    widest = max(map(cell_len, names), default=0)
    for number, row in enumerate(rows, start=1):
        out.write(f"── {number} ──\n")
        for name, value in zip(names, row, strict=True):
            out.write(f"{name}{' ' * (widest - cell_len(name))}  {_NULL if value is None else value}\n")


def _write_markdown(connection: DuckDBPyConnection, out: IO[str], question: Question) -> int:
    names = _header(connection)
    kinds = [str(column[1]) for column in connection.description or ()]
    rows, total, left = _first_rows(connection, question.limit)
    lines = [
        [markdown_cell(name) for name in names],
        ["---:" if _is_number(kind) else "---" for kind in kinds],
        *(["" if value is None else markdown_cell(_as_text(value)) for value in row] for row in rows),
    ]
    out.writelines(f"{markdown.row(*line)}\n" for line in lines)
    if left:
        out.write(f"\n{left}\n")
    return total


def _write_csv(connection: DuckDBPyConnection, out: IO[str], question: Question) -> int:
    del question
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_header(connection))
    total = 0
    for rows in _chunks(connection):
        writer.writerows([("" if value is None else _as_text(value)) for value in row] for row in rows)
        total += len(rows)
    return total


def _write_json(connection: DuckDBPyConnection, out: IO[str], question: Question) -> int:
    del question
    names = _header(connection)
    total = 0
    out.write("[")
    for rows in _chunks(connection):
        for row in rows:
            values = {name: _as_json(value) for name, value in zip(names, row, strict=True)}
            out.write(("," if total else "") + "\n" + json.dumps(values, ensure_ascii=False))
            total += 1
    out.write("\n]\n" if total else "]\n")
    return total


def _write_parquet(connection: DuckDBPyConnection, out: IO[bytes], question: Question) -> int:
    del question
    import pyarrow.parquet as pq

    names = _header(connection)
    reader = connection.to_arrow_reader(_CHUNK)
    schema = reader.schema
    for index, name in enumerate(names):
        schema = schema.set(index, schema.field(index).with_name(name))
    total = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch.rename_columns(names))
            total += batch.num_rows
    return total


_WRITERS: dict[Form, Callable[[DuckDBPyConnection, IO[Any], Question], int]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "markdown": _write_markdown,
    "parquet": _write_parquet,
}


def visible(text: str) -> str:
    """A text whose control characters are seen instead of obeyed: data must not steer somebody's terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def markdown_cell(text: str) -> str:
    """A text as one cell of a Markdown table; its lines stay lines."""
    return "<br>".join(map(markdown.cell, visible(text).splitlines()))


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
