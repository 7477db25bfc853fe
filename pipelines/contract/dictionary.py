"""What a contract says about its table, in the words of others: SQL for DuckDB, Table Schema for Frictionless.

Builds text only; running it is the database's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pipelines.contract.model import Column, Contract

# Columns every stored row of a feed carries besides the contract's own: name, type, meaning, 含义.
LINEAGE = (
    ("_batch_id", "VARCHAR", "Batch that brought the row.", "批次编号"),
    ("_row_number", "BIGINT", "Number of the row in its batch, as received, from 1.", "批次内行号"),
    ("_window_end", "TIMESTAMPTZ", "End of the time range the batch was pulled for.", "采集时段终点"),
    ("_landed_at", "TIMESTAMPTZ", "When the batch was pulled.", "采集时间"),
    ("_first_landed_at", "TIMESTAMPTZ", "When the key was pulled for the first time.", "首次采集时间"),
    ("_dq_flags", "VARCHAR[]", "Warnings the row raised, and what was mended in it.", "数据质量标记"),
)
AREA_LINEAGE = (
    ("_area_method", "VARCHAR", "How the area was found.", "区划识别方法"),
    ("_area_confidence", "DOUBLE", "How sure the area is, between 0 and 1.", "区划识别置信度"),
)
# Columns that a row carries besides those where a snapshot or a census tells what is gone.
TOMBSTONE = (
    (
        "_is_deleted_upstream",
        "BOOLEAN",
        "Whether a later snapshot or census no longer has it; such a row is kept.",
        "上游是否已删除",
    ),
    (
        "_deleted_upstream_at",
        "TIMESTAMPTZ",
        "When the first snapshot or census without it was pulled.",
        "上游删除时间",
    ),
)
# And where a census does: a version that came too late to be the newest still shows that the row is there.
SEEN = (
    (
        "_last_landed_at",
        "TIMESTAMPTZ",
        "When the source last sent the key, in any version.",
        "最近一次采集时间",
    ),
)
NEWEST_ONLY = (*TOMBSTONE, *SEEN)
"""Columns that only the newest version of a row has: the table of all versions goes without them."""
# Columns that a kept version carries besides those.
KNOWN = (
    ("_known_from", "TIMESTAMPTZ", "When this version became the newest one known.", "成为最新版本的时间"),
    (
        "_known_to",
        "TIMESTAMPTZ",
        "When another version took its place: empty while none has, _known_from where it never was the newest.",
        "被新版本取代的时间",
    ),
)
_FIELD_TYPES = {"timestamp": "datetime"}
_UNITS = re.compile(
    r"µg/m³|mg/m³|km/h|m/s|km²|m²|m³|\bha\b|\bhectares?\b|\bmu\b|\bsquare metres?\b|\byuan\b|\bper cent\b|%|‰"
    r"|平方米|公顷|亩|亿元|万元|元|分贝|\bdB\b|°C|℃"
)


def lineage(contract: Contract) -> tuple[tuple[str, str, str, str], ...]:
    """The additional columns of the contract's table; none for tables that are not feeds."""
    if not contract.is_feed:
        return ()
    columns: tuple[tuple[str, str, str, str], ...] = LINEAGE + (AREA_LINEAGE if contract.has_area else ())
    if contract.tells_what_is_gone:
        columns += TOMBSTONE
    return columns + SEEN if contract.census else columns


def history_lineage(contract: Contract) -> tuple[tuple[str, str, str, str], ...]:
    """The additional columns of the table that keeps every version."""
    return (*(column for column in lineage(contract) if column not in NEWEST_ONLY), *KNOWN)


def create_table(contract: Contract) -> str:
    """`create table if not exists …` for the contract's table in the warehouse."""
    return _create(contract, contract.table, lineage(contract))


def create_operations(contract: Contract) -> str:
    """The same for a table the channel keeps of itself; what is required there is never empty."""
    columns = [
        (column.name, f"{column.type}{' not null' if column.required else ''}")
        for column in contract.stored_columns
    ]
    return _create_of(contract.table, columns)


def create_history(contract: Contract) -> str:
    """The same for the table that keeps every version of its rows."""
    return _create(contract, contract.history_table, history_lineage(contract))


def reduction(contract: Contract, source: str) -> str:
    """SQL that sums the judged rows of `source` up: the table's columns, and the numbers of the rows in each.

    `_row_number` is the first of them, `_row_numbers` holds all, so that every row received can still be found.
    """
    stored = ", ".join(
        f"cast({column.logic or column.name} as {column.type}) as {column.name}"
        for column in contract.stored_columns
    )
    groups = ", ".join(
        str(place) for place, column in enumerate(contract.stored_columns, 1) if column.role == "dimension"
    )
    area = "".join(f", min({name}) as {name}" for name, *_ in AREA_LINEAGE) if contract.has_area else ""
    flags = "flatten(list(_dq_flags) filter (len(_dq_flags) > 0))"
    return (
        f"select {stored}{area}, min(_row_number) as _row_number, list_sort(list(_row_number)) as _row_numbers, "
        f"coalesce(list_sort(list_distinct({flags})), []) as _dq_flags from {source} group by {groups}"
    )


def comments(contract: Contract) -> tuple[str, ...]:
    """`comment on …` statements for the table and each of its columns: `English. 中文`."""
    said = both(table_description(contract), table_title(contract))
    return _comments(contract, contract.table, said, lineage(contract))


def history_comments(contract: Contract) -> tuple[str, ...]:
    """The same for the table that keeps every version of its rows."""
    english = f"{contract.description} One row per {contract.grain or 'key'} and version."
    said = both(english, f"{contract.business_name}（历史版本）")
    return _comments(contract, contract.history_table, said, history_lineage(contract))


def _create(contract: Contract, table: str, system: Iterable[tuple[str, str, str, str]]) -> str:
    columns = [(column.name, column.type) for column in contract.stored_columns]
    columns += [(name, kind) for name, kind, _, _ in system]
    return _create_of(table, columns)


def _create_of(table: str, columns: Iterable[tuple[str, str]]) -> str:
    lines = ",\n".join(f"    {name} {kind}" for name, kind in columns)
    return f"create table if not exists {table} (\n{lines}\n)"


def _comments(
    contract: Contract, table: str, said: str, system: Iterable[tuple[str, str, str, str]]
) -> tuple[str, ...]:
    described = [
        (column.name, column.description, column.business_name) for column in contract.stored_columns
    ]
    described += [(name, english, chinese) for name, _, english, chinese in system]
    return (
        f"comment on table {table} is {_literal(said)}",
        *(
            f"comment on column {table}.{name} is {_literal(both(english, chinese))}"
            for name, english, chinese in described
        ),
    )


def table_schema(contract: Contract) -> dict[str, Any]:
    """The contract as a Frictionless Table Schema: `fields` and `primaryKey`, without lineage columns."""
    return {
        "fields": [_field(column) for column in contract.stored_columns],
        "primaryKey": list(contract.key),
    }


def table_description(contract: Contract) -> str:
    """What the data is for, and what one row is."""
    grain = f"One row per {contract.grain}." if contract.grain else ""
    return " ".join(filter(None, (deprecation(contract)[0], contract.description, grain)))


def deprecation(contract: Contract) -> tuple[str, str]:
    """Until when a deprecated table is served, and what takes its place, in both languages; else nothing."""
    if not contract.is_deprecated:
        return "", ""
    end, successor = contract.end_of_support, contract.superseded_by
    english = (
        f"Deprecated{f', served until {end}' if end else ''}{f'; use {successor}' if successor else ''}."
    )
    chinese = f"（已停用{f'，保留至 {end}' if end else ''}{f'，请改用 {successor}' if successor else ''}）"
    return english, chinese


def table_title(contract: Contract) -> str:
    """The table's Chinese name, with a word when another takes its place."""
    return f"{contract.business_name}{deprecation(contract)[1]}"


def units(column: Column) -> tuple[str, ...]:
    """The units a column's description names, sorted."""
    return tuple(sorted(set(_UNITS.findall(f"{column.description} {column.business_name}"))))


def both(english: str, chinese: str) -> str:
    """`English. 中文`, or the one there is."""
    return " ".join(text for text in (english, chinese) if text)


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": _FIELD_TYPES.get(column.logical_type, column.logical_type),
        "description": column.description,
    }
    if column.business_name:
        field["title"] = column.business_name
    constraints = {
        "required": column.required or None,
        "unique": column.unique or None,
        "enum": [_typed(value.value, column) for value in column.enum] or None,
        "pattern": column.pattern or None,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "minLength": column.min_length,
        "maxLength": column.max_length,
    }
    given = {name: value for name, value in constraints.items() if value is not None}
    if given:
        field["constraints"] = given
    return field


def _typed(value: str, column: Column) -> Any:
    if column.logical_type == "integer":
        return int(value)
    return float(value) if column.logical_type == "number" else value


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
