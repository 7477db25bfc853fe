"""`datapackage.json`: a release's tables described for tools we never met (Frictionless Data Package 2.0).

Everything in it comes from the contracts and the files themselves; nothing is typed here a second time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from pipelines import releases
from pipelines.companions.publication import Publication, PublishedTable
from pipelines.contract.dictionary import table_description, table_schema, table_title

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


def write(publication: Publication) -> None:
    """One package for what anybody may read, and one beside the tables of the district centre."""
    for folder, tables in (("", publication.tables), (releases.DISTRICT, publication.detail)):
        package = describe(
            publication.release_id, publication.as_of.isoformat(), publication.version, tables, folder
        )
        text = json.dumps(package, ensure_ascii=False, indent=1)
        file = publication.folder / folder / releases.DATA_PACKAGE
        file.write_text(text + "\n", encoding="utf-8")


def describe(
    release_id: str, as_of: str, version: str, tables: Sequence[PublishedTable], folder: str = ""
) -> dict[str, Any]:
    """The data package of a release, or of one folder of it.

    `as_of` is ISO 8601; it stands for `created`, so that bytes repeat.
    """
    return {
        "$schema": PACKAGE_PROFILE,
        "name": f"urbanbrain-{release_id.lower()}",
        "id": release_id,
        "title": f"Urban brain, release {release_id}",
        "version": version,
        "created": as_of,
        "resources": [_resource(table, folder) for table in tables],
    }


def _resource(table: PublishedTable, folder: str) -> dict[str, Any]:
    contract = table.contract
    paths = [PurePosixPath(file.path).relative_to(folder).as_posix() for file in table.files]
    resource: dict[str, Any] = {
        "name": table.table.lower(),
        "type": "table",
        "path": paths[0] if len(paths) == 1 else paths,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
    }
    if len(paths) == 1:
        resource |= {"bytes": table.size, "hash": f"sha256:{table.files[0].sha256}"}
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
