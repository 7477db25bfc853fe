"""What the three days told of themselves: complete, and as OpenLineage promises it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from channel_days import FEEDS, Channel
from openlineage.client.event_v2 import RunEvent
from openlineage_official import Official, events

from pipelines import contract, lake, lineage, settings
from pipelines.lineage import ROWS
from pipelines.receipt import Receipt
from pipelines.stages import governance


@pytest.fixture
def told(at_channel: Channel) -> list[dict[str, Any]]:
    return events(lake.lineage_events())


def ended(told: list[dict[str, Any]], job: str) -> list[dict[str, Any]]:
    return [event for event in told if event["job"]["name"] == job and event["eventType"] != "START"]


def test_every_event_is_as_openlineage_promises(told: list[dict[str, Any]], shared_data: Path) -> None:
    folder = shared_data / "standards" / "openlineage"
    if not folder.is_dir():
        pytest.skip("the official schemas of OpenLineage are not in ../shared/data")
    official = Official(folder)

    assert Counter() == Counter(problem for event in told for problem in official.problems(event))


def test_every_event_is_one_of_the_client(told: list[dict[str, Any]]) -> None:
    for event in told:
        RunEvent(**{name: value for name, value in event.items() if name != "schemaURL"})

    assert told


def test_every_run_starts_once_and_ends_once(told: list[dict[str, Any]]) -> None:
    by_run: dict[str, list[str]] = {}
    for event in told:
        by_run.setdefault(event["run"]["runId"], []).append(event["eventType"])

    assert Counter({("START", "COMPLETE"): len(by_run)}) == Counter(map(tuple, by_run.values()))


def test_every_stage_of_every_feed_and_every_model_is_told(told: list[dict[str, Any]]) -> None:
    models = [model.table for model in governance.read_models(settings.project() / "warehouse")]
    expected = {f"{stage}.{feed}" for feed in FEEDS for stage in ("land", "gate", "load")}
    expected |= {f"build.{table}" for table in models} | {"load", "build", "publish"}

    assert expected == {event["job"]["name"] for event in told}


def test_what_the_gate_found_is_what_its_receipt_says(told: list[dict[str, Any]]) -> None:
    receipts = {
        (receipt.feed_id, receipt.batch_id): receipt
        for receipt in map(Receipt.read, lake.batches("validated"))
    }
    for event in (event for feed in FEEDS for event in ended(told, f"gate.{feed}")):
        judged = event["inputs"][0]
        receipt = receipts[
            event["job"]["name"].partition(".")[2],
            judged["facets"]["version"]["datasetVersion"],
        ]
        assertions = judged["inputFacets"]["dataQualityAssertions"]["assertions"]
        rows = [each["outputFacets"]["outputStatistics"]["rowCount"] for each in event["outputs"]]

        assert {each["name"] for each in assertions if not each["success"]} == receipt.rules.keys()
        assert [receipt.validated, receipt.quarantined] == rows


def test_a_model_is_told_with_its_columns(told: list[dict[str, Any]]) -> None:
    promises = {each.table: each for each in contract.load_governance()}
    known = lineage.of_project(settings.project())
    for table, promise in promises.items():
        output = ended(told, f"build.{table}")[0]["outputs"][0]
        columns = {column.name for column in promise.columns}
        fields = output["facets"]["columnLineage"]["fields"]
        read = {each["name"] for field in fields.values() for each in field["inputFields"]}

        assert ("duckdb://urbanbrain", table) == (output["namespace"], output["name"])
        assert columns == {each["name"] for each in output["facets"]["schema"]["fields"]}
        assert fields.keys() <= columns
        assert read <= known.read_by(table)
        assert ROWS not in json.dumps(sorted(fields))


def test_parts_of_a_build_name_it_as_their_parent(told: list[dict[str, Any]]) -> None:
    parents = {event["run"]["runId"] for event in ended(told, "build")}
    found = {
        event["run"]["facets"]["parent"]["run"]["runId"]
        for event in told
        if event["job"]["name"].startswith("build.")
    }

    assert parents == found


def test_a_release_is_told_file_by_file(told: list[dict[str, Any]], at_channel: Channel) -> None:
    outputs = ended(told, "publish")[0]["outputs"]
    manifest = json.loads((lake.releases() / at_channel.release_id / "manifest.json").read_text("utf-8"))
    data = {file["path"] for file in manifest["files"] if file["path"].endswith((".parquet", ".duckdb"))}

    # The days may have been made in another home and copied here.
    assert data == {each["name"].rpartition("/releases/")[2] for each in outputs}
    assert {at_channel.release_id} == {each["facets"]["version"]["datasetVersion"] for each in outputs}


def test_no_table_of_ops_is_undocumented(at_channel: Channel) -> None:
    promised = {each.table for each in contract.load_operations()}
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        found = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name = 'ops'"
        ).fetchall()

    assert promised == {name for (name,) in found}
