"""How OpenLineage calls our data sets, and what it is told of them. The only module that builds these names.

    a source            its URL without query, user and secrets     https://city.example | /hotline/orders
    part of the lake    `file` and the feed's folder                file | <home>/lake/landing/city_hotline_orders
    a table             `duckdb://` and the warehouse's name        duckdb://urbanbrain | governance.cases
    a released table    `file` and its path in any release          file | <home>/releases/tables/governance/cases.parquet

What comes anew with every batch or release is a version of a data set, told in its `version` facet, not another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    dataset_version_dataset,
    output_statistics_output_dataset,
    ownership_dataset,
    schema_dataset,
)

from pipelines import lake, settings
from pipelines.contract import dictionary
from pipelines.contract.model import Contract, Server
from pipelines.errors import SettingError
from pipelines.receipt import Receipt

if TYPE_CHECKING:
    from pipelines.lineage.uses import Relation, Uses

FILE = "file"
_PLACEHOLDER = re.compile(r"\{(\w+)[^{}]*\}")


def warehouse() -> str:
    """The namespace of every table."""
    return f"duckdb://{settings.warehouse_name()}"


def source(feed: Contract, server: Server) -> tuple[str, str]:
    """Namespace and name of what a feed is pulled from."""
    try:
        location = settings.expand(server.location)
    except SettingError:
        location = server.location
    parts = urlsplit(_PLACEHOLDER.sub(r"{\1}", location))
    if not parts.hostname:
        return FILE, parts.path or feed.feed_id
    port = f":{parts.port}" if parts.port else ""
    # CKAN serves every resource at one address.
    resource = f"/{server.query['resource_id']}" if "resource_id" in server.query else ""
    return f"{parts.scheme}://{parts.hostname}{port}", (parts.path.rstrip("/") + resource) or "/"


def folder(stage: lake.Stage, feed: Contract) -> tuple[str, str]:
    """Namespace and name of a feed's folder in the lake: of all its batches."""
    return FILE, str(lake.lake() / stage / feed.feed_id)


def released(path: str) -> tuple[str, str]:
    """Namespace and name of a file of every release, by its path inside one; a table's is that of one file."""
    return FILE, str(lake.releases() / path)


def batch(stage: lake.Stage, feed: Contract, batch_id: str) -> dict[str, DatasetFacet]:
    """What is told of one batch as a version of the feed's folder; its rows have the contract's columns."""
    facets = {**_owned(feed), **version(batch_id)}
    if stage != "landing":
        facets |= schema((column.name, column.type, column.description) for column in feed.judged_columns)
    return facets


def table(promise: Contract | None, *, columns: Iterable[str] = ()) -> dict[str, DatasetFacet]:
    """What is told of a table: what its contract says, or the names of its columns."""
    if promise is None:
        return schema((name, None, None) for name in columns)
    told = [(column.name, column.type, column.description) for column in promise.stored_columns]
    told += [(name, kind, english) for name, kind, english, _ in dictionary.lineage(promise)]
    return {**schema(told), **_owned(promise), **version(f"{promise.version} {promise.sha256}")}


def version(name: str) -> dict[str, DatasetFacet]:
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=name)}


def schema(columns: Iterable[tuple[str, str | None, str | None]]) -> dict[str, DatasetFacet]:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(
            name=name, type=kind, description=said, ordinal_position=place
        )
        for place, (name, kind, said) in enumerate(columns, 1)
    ]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}


def _owned(promise: Contract) -> dict[str, DatasetFacet]:
    if not promise.owner:
        return {}
    return {
        "ownership": ownership_dataset.OwnershipDatasetFacet(
            owners=[ownership_dataset.Owner(name=promise.owner)]
        )
    }


def column_lineage(relation: Relation, keys: Mapping[str, tuple[str, ...]]) -> dict[str, DatasetFacet]:
    """Which columns of which tables each column of a table was made of; `keys` stand for the rows of tables."""
    fields = {
        name: column_lineage_dataset.Fields(inputFields=_inputs(uses, keys))
        for name, uses in relation.columns.items()
        if uses
    }
    facet = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields=fields, dataset=_inputs(relation.rows, {})
    )
    return {"columnLineage": facet}


def _inputs(uses: Uses, keys: Mapping[str, tuple[str, ...]]) -> list[column_lineage_dataset.InputField]:
    from pipelines.lineage.uses import ROWS, UNSEEN

    by_field: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for field, use in uses:
        columns = keys.get(field.table, ()) if field.column == ROWS else (field.column,)
        for column in columns if use != UNSEEN else ():
            by_field.setdefault((field.table, column), set()).add(use)
    return [
        column_lineage_dataset.InputField(
            namespace=warehouse(),
            name=name,
            field=column,
            transformations=[
                column_lineage_dataset.Transformation(type=kind, subtype=subtype)
                for kind, subtype in sorted(how)
            ],
        )
        for (name, column), how in sorted(by_field.items())
    ]


def judged(feed: Contract, receipt: Receipt) -> dict[str, Any]:
    """What the gate found of a landed batch: for each rule whether it held and how many rows broke it, and sizes."""
    broken = receipt.rules
    assertions = [
        data_quality_assertions_dataset.Assertion(
            assertion=rule.kind,
            name=rule.rule_id,
            success=not broken.get(rule.rule_id),
            column=rule.column or None,
            severity="error" if rule.severity == "error" else "warn",
            expected=rule.expected_en,
            actual=f"{broken.get(rule.rule_id, 0)} rows break it",
        )
        for rule in feed.rules
    ]
    return {
        "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            assertions=assertions
        ),
        **metrics(receipt),
    }


def metrics(receipt: Receipt) -> dict[str, Any]:
    """How much a batch brought."""
    facet = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
        columnMetrics={},
        rowCount=receipt.received,
        bytes=sum(part.size for part in receipt.parts),
        fileCount=len(receipt.parts),
        lastUpdated=receipt.landed_at.isoformat(),
    )
    return {"dataQualityMetrics": facet}


def statistics(rows: int | None, paths: Iterable[Path] = ()) -> dict[str, Any]:
    """How much was written."""
    sizes = [path.stat().st_size for path in paths if path.is_file()]
    facet = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=rows, size=sum(sizes) if sizes else None, fileCount=len(sizes) or None
    )
    return {"outputStatistics": facet}


def read(
    name: tuple[str, str], facets: Mapping[str, Any], found: Mapping[str, Any] | None = None
) -> InputDataset:
    return InputDataset(namespace=name[0], name=name[1], facets=dict(facets), inputFacets=dict(found or {}))


def written(
    name: tuple[str, str], facets: Mapping[str, Any], how_much: Mapping[str, Any] | None = None
) -> OutputDataset:
    return OutputDataset(
        namespace=name[0], name=name[1], facets=dict(facets), outputFacets=dict(how_much or {})
    )
