"""A column of a release, which DuckDB reads, as PostgreSQL stores it: its type, and how DuckDB hands it over.

What PostgreSQL has no type for becomes `json`. Its text cannot hold the character NUL: it is shown as ␀. The driver cannot
hand over the end of time: it arrives as the year 9999, as our tables write it anyway, its beginning as the year 1.
"""

from __future__ import annotations

import re

from pipelines.database import quoted

_PLAIN = {
    "BOOLEAN": "boolean",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "BLOB": "bytea",
}
_WIDER = {
    "TINYINT": "SMALLINT",
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "VARCHAR",
    "UUID": "VARCHAR",
    "INTERVAL": "VARCHAR",
    "BIT": "VARCHAR",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIME WITH TIME ZONE": "VARCHAR",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_LISTS = {f"{name}[]": f"{kind}[]" for name, kind in _PLAIN.items() if name not in ("BLOB", "TIME")}
_ENDLESS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_NUMBERS = re.compile(r"smallint|integer|bigint|real|double precision|numeric.*")
_NUL = "chr(0), '␀'"


def type_of(kind: str) -> str:
    """The type PostgreSQL stores a DuckDB type as."""
    kind = _WIDER.get(kind, kind)
    if decimal := _DECIMAL.fullmatch(kind):
        return f"numeric({decimal[1]},{decimal[2]})"
    if kind.startswith("ENUM("):
        return "text"
    return _PLAIN.get(kind) or _LISTS.get(kind) or "json"


def handed_over(name: str, kind: str) -> str:
    """What DuckDB selects so that it arrives as that type."""
    column = quoted(name)
    if kind == "VARCHAR":  # to look for it costs half as much as to replace nothing
        return f"if(contains({column}, chr(0)), replace({column}, {_NUL}), {column})"
    if kind == "VARCHAR[]":
        return f"list_transform({column}, lambda text: replace(text, {_NUL}))"
    if kind.startswith("ENUM("):
        return f"replace({column}::varchar, {_NUL})"
    if wider := _WIDER.get(kind):
        column, kind = f"{column}::{wider}", wider
    if kind in _ENDLESS:
        ends = f"if({column} > '2000-01-01', '9999-12-31', '0001-01-01')::{kind}"
        return f"if(isinf({column}), {ends}, {column})"
    return f"to_json({column})::varchar" if type_of(kind) == "json" else column


def short(spelling: str) -> str:
    """A type as it is called here, of the way PostgreSQL spells it out."""
    return (
        spelling.replace("timestamp with time zone", "timestamptz")
        .replace("timestamp without time zone", "timestamp")
        .replace("time without time zone", "time")
    )


def as_other(name: str, found: str, wanted: str) -> str:
    """A column of another release, in PostgreSQL, as the type that is wanted now; empty where that could fail."""
    column = quoted(name)
    if found == wanted:
        return column
    if wanted == "text" or (_NUMBERS.fullmatch(wanted) and _NUMBERS.fullmatch(found)):
        return f"{column}::{wanted}"
    return f"null::{wanted}"
