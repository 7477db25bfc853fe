"""What can be asked: tables, views, their columns, and what their contracts say of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.database import quoted
from pipelines.errors import UrbanBrainError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Described:
    """A table or view that can be asked. `columns` are name, type and comment."""

    name: str
    comment: str
    columns: tuple[tuple[str, str, str], ...]
    is_view: bool = False
    rows: int | None = None
    """How many it holds; None for a view of an office, which is a question itself, unless it was asked for by name."""

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]


def described(connection: DuckDBPyConnection, name: str = "", *, is_release: bool = False) -> list[Described]:
    """Every table and view, or the one of that name, its schema given or not, with its rows counted.

    Views of a release are Parquet files, whose rows cost nothing to count. Raises UrbanBrainError for an unknown name.
    """
    found = _relations(connection)
    if name:
        found = [_named(found, name)]
    return [
        replace(each, rows=_count(connection, each.name)) if name or is_release or not each.is_view else each
        for each in found
    ]


def names(connection: DuckDBPyConnection) -> str:
    """What there is to ask, in one line."""
    return "tables: " + ", ".join(each.name for each in _relations(connection))


def near(connection: DuckDBPyConnection, name: str) -> str:
    """The names that come closest to one that is not there, as a question; empty when none does."""
    return _near(_relations(connection), name.lower())


def _near(relations: Sequence[Described], wanted: str) -> str:
    offered = [each for each in relations if not each.name.startswith("shared.")]
    known = {each.name: each for each in offered} | {each.short_name: each for each in offered}
    found = [name for name in known if name.startswith(wanted)]
    found = found or difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    full = list(dict.fromkeys(known[name].name for name in found))[:3]
    return f"did you mean {', '.join(full)}? 您要找的是否为以上名称？" if full else ""


def _named(relations: Sequence[Described], name: str) -> Described:
    wanted = name.lower().replace('"', "")
    # A view in front of a shared table repeats it under the name the release has it under: that one goes first.
    same = [each for each in relations if wanted in (each.name.lower(), each.short_name.lower())]
    same.sort(key=lambda each: (each.name.lower() != wanted, each.name.startswith("shared.")))
    if same:
        return same[0]
    raise UrbanBrainError(
        f"there is no table or view {name!r} 没有这个表或视图",
        next_step=_near(relations, wanted) or "`urbanbrain tables` lists them 列出全部名称",
    )


def _count(connection: DuckDBPyConnection, name: str) -> int:
    place = ".".join(map(quoted, name.split(".")))
    row = connection.execute(f"select count(*) from {place}").fetchone()
    return int(row[0]) if row else 0


def _relations(connection: DuckDBPyConnection) -> list[Described]:
    rows = connection.execute(
        """
        with relations as (
            select schema_name, table_name, comment, false as is_view from duckdb_tables()
            where database_name = current_database() and not internal
            union all
            select schema_name, view_name, comment, true from duckdb_views()
            where database_name = current_database() and not internal
        )
        select
            case schema_name when 'main' then table_name else schema_name || '.' || table_name end,
            coalesce(any_value(relations.comment), ''),
            list([column_name, data_type, coalesce(columns.comment, '')] order by column_index),
            bool_or(is_view)
        from relations
        join duckdb_columns() as columns using (schema_name, table_name)
        where database_name = current_database()
        group by schema_name, table_name
        order by schema_name <> 'main', schema_name, table_name
        """
    ).fetchall()
    return [
        Described(name, comment, tuple((column, kind, text) for column, kind, text in columns), is_view)
        for name, comment, columns, is_view in rows
    ]
