"""`datapackage.json`: a release's tables described for tools we never met (Frictionless Data Package 2.0).

Everything in it comes from the contracts and the files themselves; nothing is typed here a second time. A plain
`frictionless validate datapackage.json` finds no error in it. Its reader goes through pandas, which asks for three things:

    lists             arrive as NumPy arrays, which it takes for no `array`: they are of type `any`, with an `itemType`
    missingValues     an empty number or time arrives as `nan` or `NaT`
    bytes             it holds the size of a file against one it never measures: sizes stand in the manifest and in `dcat.jsonld`
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from pipelines import releases, suppression
from pipelines.companions import coverage
from pipelines.companions.coverage import Area
from pipelines.companions.publication import Part, Publication, PublishedTable
from pipelines.contract.dictionary import table_description, table_schema, table_title
from pipelines.contract.model import Column, Contract

PACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
RESOURCE_PROFILE = "https://datapackage.org/profiles/2.0/dataresource.json"
SCHEMA_PROFILE = "https://datapackage.org/profiles/2.0/tableschema.json"
OFFICES_AS_ANYBODY = "officesReadAsAnybody"
"""Our own word: columns of which an office has no more than anybody in its own rows, either."""
_TITLE = "Urban brain 城市大脑"
_MISSING = ["", "nan", "NaT"]
_LICENCES = {
    coverage.OPEN: {
        "name": "notspecified",
        "title": "Terms of use are the publisher's 使用条款由发布单位规定",
    },
    coverage.RESTRICTED: {"name": "other-closed", "title": "For the district centre only 仅供区级中心使用"},
}
_LISTED = frozenset({"required", "enum"})
"""Constraints that a column of any type may have."""
_TYPES = (
    (re.compile(r".*\[\d*\]$"), "any"),
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
    for part in publication.parts:
        text = json.dumps(describe(publication, part), ensure_ascii=False, indent=1)
        (part.folder / releases.DATA_PACKAGE).write_text(text + "\n", encoding="utf-8")


def describe(publication: Publication, part: Part) -> dict[str, Any]:
    """The data package of one part of a release.

    What is of no moment of the data has none of the clock: `created` is when the newest batch landed, so that bytes repeat.
    """
    tables = part.tables
    feeds = {str(batch["feed_id"]) for batch in publication.manifest.get("batches", ())}
    english, chinese = coverage.SHARING[part.access]
    package = {
        "$schema": PACKAGE_PROFILE,
        "name": f"urbanbrain-{publication.release_id.lower()}",
        "id": publication.release_id,
        "title": f"{_TITLE}, release {publication.release_id}",
        "description": f"{english} {chinese}",
        "version": publication.release_id,
        "created": publication.as_of.isoformat(),
        "access": part.access,
        "licenses": [_LICENCES[part.access]],
        "contributors": _contributors(tables),
        "sources": [_source(each) for each in publication.contracts if each.contract_id in feeds],
        "keywords": _keywords(tables, publication.areas),
        "temporal": _span(part.times.values()),
        "spatial": [asdict(area) for area in publication.areas],
        "softwareVersion": publication.version,
    }
    files = {table.table: len(table.files) for table in tables}
    resources = [_resource(table, part, files) for table in tables]
    return {name: value for name, value in package.items() if value} | {"resources": resources}


def _contributors(tables: Sequence[PublishedTable]) -> list[dict[str, Any]]:
    """Whoever answers for a table, once each."""
    owners = sorted({table.contract.owner for table in tables if table.contract and table.contract.owner})
    return [{"title": owner, "roles": ["publisher"]} for owner in owners]


def _source(feed: Contract) -> dict[str, Any]:
    said = {"title": f"{feed.title} {feed.business_name}", "version": feed.version, "publisher": feed.owner}
    return {name: value for name, value in said.items() if value}


def _keywords(tables: Sequence[PublishedTable], areas: Sequence[Area]) -> list[str]:
    """Words to find the data by, in both languages: areas above the streets, tags, tables."""
    contracts = [
        table.contract for table in tables if table.contract and table.contract.level not in ("ref", "ops")
    ]
    words = [area.name for area in areas if area.level in ("city", "district")]
    words += sorted({tag for contract in contracts for tag in contract.tags})
    for contract in contracts:
        words += [contract.title, contract.business_name]
    return list(dict.fromkeys(word for word in words if word))


def _span(spans: Any) -> dict[str, str]:
    days = [day for span in spans for day in span]
    return {"start": min(days), "end": max(days)} if days else {}


def _resource(table: PublishedTable, part: Part, files: Mapping[str, int]) -> dict[str, Any]:
    contract = table.contract
    paths = [PurePosixPath(file.path).relative_to(part.path).as_posix() for file in table.files]
    resource: dict[str, Any] = {
        "$schema": RESOURCE_PROFILE,
        "name": table.table.lower(),
        "type": "table",
        "path": paths[0] if len(paths) == 1 else paths,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "rowCount": table.rows,
    }
    if len(paths) == 1:
        resource["hash"] = f"sha256:{table.files[0].sha256}"
    if contract:
        resource["title"] = table_title(contract) or contract.title
        resource["description"] = table_description(contract)
        resource["version"] = contract.version
        resource["conformsTo"] = f"{contract.contract_id} {contract.version}"
        if contract.owner:
            resource["contributors"] = [{"title": contract.owner, "roles": ["publisher"]}]
    if contract and contract.is_deprecated:
        resource["endOfSupport"] = contract.end_of_support.isoformat() if contract.end_of_support else ""
        resource["supersededBy"] = contract.superseded_by
    if time := part.times.get(table.table):
        resource["temporal"] = _span([time])
    if suppression.SUPPRESSED in dict(table.columns) and (places := suppression.placed(contract)):
        resource[OFFICES_AS_ANYBODY] = places
    resource["schema"] = _schema(table, files)
    return {name: value for name, value in resource.items() if value != ""}


def _schema(table: PublishedTable, files: Mapping[str, int]) -> dict[str, Any]:
    """The columns of a table. `files` says of every table of the package how many files it has."""
    contract = table.contract
    promised = table_schema(contract) if contract else {"fields": [], "primaryKey": []}
    said = {field["name"]: field for field in promised["fields"]}
    described = {column.name: column for column in contract.stored_columns} if contract else {}
    if suppression.SUPPRESSED in dict(table.columns):
        said = _with_hidden(said, described)
    schema: dict[str, Any] = {
        "$schema": SCHEMA_PROFILE,
        "missingValues": _MISSING,
        "fields": [
            _field(said.get(name, {}), name, kind, described.get(name)) for name, kind in table.columns
        ],
    }
    names = {name for name, _ in table.columns}
    key = promised["primaryKey"]
    if key and set(key) <= names:
        schema["primaryKey"] = key
    if keys := _foreign_keys(table, described, files):
        schema["foreignKeys"] = keys
    return schema


def _field(promised: Mapping[str, Any], name: str, kind: str, column: Column | None) -> dict[str, Any]:
    field = {"name": name, "type": _field_type(kind), **promised}
    if kind.endswith("]"):
        field |= {"type": "any", "itemType": _field_type(kind.rpartition("[")[0])}
        field["constraints"] = {
            rule: value for rule, value in promised.get("constraints", {}).items() if rule in _LISTED
        }
    elif column and any(value.label for value in column.enum) and field["type"] in ("string", "integer"):
        values = field["constraints"]["enum"]
        field["categories"] = [
            {"value": value, "label": each.label or str(value)}
            for value, each in zip(values, column.enum, strict=True)
        ]
    if column and column.classification:
        field["classification"] = column.classification
    return {key: value for key, value in field.items() if value != {}}


def _with_hidden(
    said: Mapping[str, dict[str, Any]], described: Mapping[str, Column]
) -> dict[str, dict[str, Any]]:
    """Fields of a table whose figures may be hidden: those are not required here, and one column names them."""
    english, chinese = suppression.SUPPRESSED_SAYS
    found: dict[str, dict[str, Any]] = {suppression.SUPPRESSED: {"title": chinese, "description": english}}
    for name, field in said.items():
        figure = described[name].figure
        rules = dict(field.get("constraints", {}))
        if figure and not (figure.harmless or figure.is_revision):
            rules.pop("required", None)
        found[name] = {**field, "constraints": rules}
    return found


def _foreign_keys(
    table: PublishedTable, described: Mapping[str, Column], files: Mapping[str, int]
) -> list[dict[str, Any]]:
    """References to tables of the same package; to one of many files none, for readers take the first for all."""
    found = []
    for name, kind in table.columns:
        for reference in described[name].references if name in described else ():
            referred, _, column = reference.rpartition(".")
            if files.get(referred) == 1 and not kind.endswith("]"):
                found.append(
                    {"fields": [name], "reference": {"resource": referred.lower(), "fields": [column]}}
                )
    return found


def _field_type(kind: str) -> str:
    return next(name for pattern, name in _TYPES if pattern.match(kind.upper()))
