"""`datapackage.json`: a release's tables described for tools we never met (Frictionless Data Package 2.0).

Everything in it comes from the contracts and the files themselves; nothing is typed here a second time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.contract.dictionary import table_description, table_schema, table_title
from pipelines.contract.model import Contract

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
        resource["title"] = table_title(contract) or contract.title
        resource["description"] = table_description(contract)
    if contract and contract.is_deprecated:
        resource["endOfSupport"] = contract.end_of_support.isoformat() if contract.end_of_support else ""
        resource["supersededBy"] = contract.superseded_by
    resource["schema"] = _schema(table)
    return {key: value for key, value in resource.items() if value != ""}


def _schema(table: PublishedTable) -> dict[str, Any]:
    promised = table_schema(table.contract) if table.contract else {"fields": [], "primaryKey": []}
    fields = {field["name"]: field for field in promised["fields"]}
    schema: dict[str, Any] = {
        "$schema": SCHEMA_PROFILE,
        "fields": [
            fields.get(name) or {"name": name, "type": _field_type(kind)} for name, kind in table.columns
        ],
    }
    key = promised["primaryKey"]
    if key and set(key) <= {name for name, _ in table.columns}:
        schema["primaryKey"] = key
    return schema


def _field_type(kind: str) -> str:
    return next(name for pattern, name in _TYPES if pattern.match(kind.upper()))
