"""`datapackage.json`: a release's tables described for tools we never met (Frictionless Data Package 2.0).

Everything in it comes from the contracts and the files themselves; nothing is typed here a second time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.contract.model import Column, Contract

PACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
SCHEMA_PROFILE = "https://datapackage.org/profiles/2.0/tableschema.json"
_TYPES = (
    (re.compile(r".*\[\d*\]$"), "array"),
    (re.compile(r"^(STRUCT|MAP|JSON|UNION)"), "object"),
    (re.compile(r"^(U?TINYINT|U?SMALLINT|U?INTEGER|U?BIGINT|U?HUGEINT|INT\d*)"), "integer"),
    (re.compile(r"^(DOUBLE|FLOAT|REAL|DECIMAL|NUMERIC)"), "number"),
    (re.compile(r"^BOOL"), "boolean"),
    (re.compile(r"^DATE$"), "date"),
    (re.compile(r"^TIMESTAMP"), "datetime"),
    (re.compile(r"^TIME"), "time"),
    (re.compile(r""), "string"),
)


@dataclass(frozen=True)
class PublishedTable:
    """One Parquet file of a release. `columns` are the names and DuckDB types in the file, in file order."""

    table: str
    path: str
    size: int
    sha256: str
    columns: tuple[tuple[str, str], ...]
    contract: Contract | None = None


def describe(release_id: str, as_of: str, version: str, tables: Sequence[PublishedTable]) -> dict[str, Any]:
    """The data package of a release. `as_of` is ISO 8601; it stands for `created`, so that bytes repeat."""
    return {
        "$schema": PACKAGE_PROFILE,
        "name": f"urbanbrain-{release_id.lower()}",
        "id": release_id,
        "title": f"Urban brain, release {release_id}",
        "version": version,
        "created": as_of,
        "resources": [_resource(table) for table in tables],
    }


def table_comment(contract: Contract) -> str:
    """A table in one line, Chinese name first."""
    return ": ".join(part for part in (contract.business_name, contract.description) if part)


def column_comment(column: Column) -> str:
    """A column in one line, Chinese name first."""
    return ": ".join(part for part in (column.business_name, column.description) if part)


def _resource(table: PublishedTable) -> dict[str, Any]:
    contract = table.contract
    resource: dict[str, Any] = {
        "name": table.table.lower(),
        "type": "table",
        "path": table.path,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": table.size,
        "hash": f"sha256:{table.sha256}",
    }
    if contract:
        resource["title"] = contract.business_name or contract.title
        resource["description"] = contract.description
    resource["schema"] = _schema(table)
    return {key: value for key, value in resource.items() if value != ""}


def _schema(table: PublishedTable) -> dict[str, Any]:
    columns = {column.name: column for column in table.contract.columns} if table.contract else {}
    schema: dict[str, Any] = {
        "$schema": SCHEMA_PROFILE,
        "fields": [_field(name, kind, columns.get(name)) for name, kind in table.columns],
    }
    key = table.contract.key if table.contract else ()
    if key and set(key) <= {name for name, _ in table.columns}:
        schema["primaryKey"] = list(key)
    return schema


def _field(name: str, kind: str, column: Column | None) -> dict[str, Any]:
    field: dict[str, Any] = {"name": name, "type": _field_type(kind)}
    if column is None:
        return field
    if column.business_name:
        field["title"] = column.business_name
    if column.description:
        field["description"] = column.description
    if constraints := _constraints(column, str(field["type"])):
        field["constraints"] = constraints
    return field


def _field_type(kind: str) -> str:
    return next(name for pattern, name in _TYPES if pattern.match(kind.upper()))


def _constraints(column: Column, kind: str) -> dict[str, Any]:
    """What Table Schema allows for the field's type, of what the contract promises."""
    found: dict[str, Any] = {}
    if column.required or column.is_key:
        found["required"] = True
    if kind == "string":
        found |= {"pattern": column.pattern} if column.pattern else {}
        found |= {"enum": [value.value for value in column.enum]} if column.enum else {}
        found |= {"minLength": column.min_length} if column.min_length is not None else {}
        found |= {"maxLength": column.max_length} if column.max_length is not None else {}
    if kind in ("integer", "number"):
        whole = kind == "integer"
        if column.minimum is not None:
            found["minimum"] = math.ceil(column.minimum) if whole else column.minimum
        if column.maximum is not None:
            found["maximum"] = math.floor(column.maximum) if whole else column.maximum
    return found
