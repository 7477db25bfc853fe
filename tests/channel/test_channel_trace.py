"""From one row back to the bytes that were received, and forward to the releases that hold it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from channel_days import CITY, Channel
from typer.testing import CliRunner

from pipelines import contract, lake, run
from pipelines.cli.commands import app
from pipelines.errors import UrbanBrainError
from pipelines.parts import landing_key, read_part
from pipelines.receipt import Part, Receipt
from pipelines.run.opening import loaded
from pipelines.samplecity import answerkey
from pipelines.tracing.following import follow
from pipelines.tracing.links import Links
from pipelines.tracing.received_bytes import KEPT


def asked(query: str) -> Any:
    """The first value a query of the warehouse answers with."""
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        found = connection.execute(query).fetchone()
    assert found, query
    return found[0]


@pytest.fixture
def case_id(at_channel: Channel) -> str:
    """A case with records of two levels."""
    query = "select case_id from governance.cases where level_count > 1 order by member_count, case_id"
    return str(asked(query))


def test_a_case_leads_to_its_bytes_and_its_bytes_back_to_it(case_id: str) -> None:
    back = run.trace("governance.cases", case_id, with_bytes=True)
    members = asked(
        f"select list((source_feed, source_id)) from governance.case_members where case_id = '{case_id}'"
    )

    assert sorted(members) == sorted((record["feed"], record["key"]) for record in back["records"])
    for record in back["records"]:
        feed = contract.load(record["feed"])
        for batch in record["batches"]:
            folder = Path(batch["landed"])
            for part in batch["parts"]:
                content = read_part(
                    folder, Part(part["name"], part["bytes"], part["sha256"]), landing_key(feed)
                )

                assert part["sha256"] == hashlib.sha256(content).hexdigest()
                assert part["bytes"] == len(content)
            received = {row["_row_number"]: row for row in batch["received"]}

            assert batch["row_numbers"] == list(received)
            assert {record["key"]} == {row[feed.key[0]] for row in received.values()}

        forward = run.trace(record["table"], record["key"])
        cases = next(each for each in forward["readers"] if each["table"] == "governance.cases")

        assert [{"case_id": case_id}] == cases["rows"]


def test_a_case_leads_to_the_releases_that_hold_it(case_id: str, at_channel: Channel) -> None:
    found = run.trace("governance.cases", case_id)["releases"]

    assert [(at_channel.release_id, True)] == [(each["release_id"], each["is_current"]) for each in found]
    assert {"governance.cases", "governance.case_members"} <= {*found[0]["tables"]}


@pytest.mark.long
def test_an_order_of_many_versions_tells_each(at_channel: Channel) -> None:
    key = asked(
        "select work_order_id from city.hotline_orders_history group by all order by count(*) desc, 1"
    )
    versions = asked(f"select count(*) from city.hotline_orders_history where work_order_id = '{key}'")
    record = run.trace("city.hotline_orders", key)["records"][0]

    assert versions == len(record["versions"]) > 1
    assert {each["_batch_id"] for each in record["versions"]} == {
        each["batch_id"] for each in record["batches"]
    }
    assert [None] == [each["_known_to"] for each in record["versions"][-1:]]


def test_a_row_that_was_set_aside_is_found_with_its_reasons(at_channel: Channel) -> None:
    key = asked(
        "select business_key from ops.quarantine where feed_id = 'city_hotline_orders' and business_key not in "
        "(select work_order_id from city.hotline_orders) order by all"
    )
    found = run.trace("city.hotline_orders", key)
    record = found["records"][0]

    assert not record["is_loaded"]
    assert record["quarantine"][0]["reasons"]
    assert record["quarantine"][0]["row_number"] in record["batches"][0]["row_numbers"]
    assert [True] == [each["batches"] > 0 for each in found["releases"]]


@pytest.mark.long
def test_an_old_case_id_leads_to_the_case_of_today(at_channel: Channel) -> None:
    old, new = asked(
        "select (own_case_id, case_id) from governance.case_members where own_case_id <> case_id order by all"
    )
    found = run.trace("governance.cases", old)

    assert (old, new) == (found["asked_for"], found["key"])
    assert found["records"] == run.trace("governance.cases", new)["records"]


@pytest.mark.long
def test_a_row_that_sums_up_hours_of_a_device_names_all_of_them(at_channel: Channel) -> None:
    feed = next(each for each in contract.load_all() if each.is_reduced)
    rows = lake.batches("validated", feed.feed_id)[0] / lake.ROWS
    key = asked(
        f"select concat_ws('/', {', '.join(feed.key)}) from read_parquet('{rows}') order by len(_row_numbers) desc, 1"
    )
    record = run.trace(feed.table, key, with_bytes=True)["records"][0]

    assert len(record["batches"][0]["row_numbers"]) > 1
    assert len(record["batches"][0]["row_numbers"]) == len(record["batches"][0]["received"])


def test_a_sum_over_many_rows_names_the_tables_it_is_made_of(at_channel: Channel) -> None:
    key = asked(
        "select concat_ws('/', street_code, period, revision) from governance.street_scorecard order by all"
    )
    found = run.trace("governance.street_scorecard", key)

    assert [] == found["records"]
    assert "city.hotline_orders" in found["made_of"]
    assert ["governance.street_scorecard"] == found["releases"][0]["tables"]


@pytest.mark.long
def test_every_table_that_can_be_traced_is(at_channel: Channel) -> None:
    with loaded() as connection:
        links = Links(connection)
        for table in links.traceable():
            key = links.key(table)
            shown = " || '/' || ".join(f"{name}::varchar" for name in key)
            first = connection.execute(f"select min({shown}) from {table}").fetchone()
            if first and first[0] is not None:
                found = follow(links, table, first[0], with_bytes=False)

                assert found.records or found.made_of, table


@pytest.mark.long
def test_no_record_shows_a_personal_value(at_channel: Channel) -> None:
    marked = answerkey.marked_values(CITY)
    shown = []
    for feed in (each for each in contract.load_all() if each.is_personal):
        from pipelines.stages import staging

        for folder in lake.batches("landing", feed.feed_id):
            rows = staging.received(feed, folder, list(range(1, 5_000)))
            shown += list(answerkey.find_marked(json.dumps(rows, ensure_ascii=False), marked))

    assert [] == shown


@pytest.mark.long
def test_expired_bytes_are_said_to_be(copied: Path) -> None:
    key = asked("select work_order_id from city.hotline_orders order by all")
    folder = Path(run.trace("city.hotline_orders", key)["records"][0]["batches"][0]["landed"])
    text = json.loads((folder / lake.RECEIPT).read_text("utf-8"))
    text["details"]["expired_at"] = "2027-01-01T00:00:00+00:00"
    (folder / lake.RECEIPT).write_text(json.dumps(text), encoding="utf-8")
    for part in Receipt.read(folder).parts:
        (folder / part.name).unlink()
    batch = run.trace("city.hotline_orders", key, with_bytes=True)["records"][0]["batches"][0]

    assert "were deleted on 2027-01-01, when their retention had ended" == batch["bytes"]
    assert batch["parts"]
    assert "received" not in batch


@pytest.mark.long
def test_lost_bytes_are_said_to_be(copied: Path) -> None:
    key = asked("select work_order_id from city.hotline_orders order by all")
    folder = Path(run.trace("city.hotline_orders", key)["records"][0]["batches"][0]["landed"])
    for part in Receipt.read(folder).parts:
        (folder / part.name).write_bytes(b"")
    batch = run.trace("city.hotline_orders", key, with_bytes=True)["records"][0]["batches"][0]

    assert KEPT != batch["bytes"]
    assert batch["bytes"].startswith("cannot be read")


@pytest.mark.parametrize(
    ("table", "key", "said"),
    [
        ("governance.case", "x", "did you mean 'governance.cases'?"),
        ("ops.batches", "x", "is no table whose rows can be traced"),
        ("governance.cases", "GC0", "a key is case_id, such as GC"),
        ("governance.cases", "'; drop table governance.cases; --", "has no row with key"),
        ("city.hotline_orders", "nobody", "a key is work_order_id, such as "),
        ("governance.street_scorecard", "110114010", "a key is street_code / period / revision"),
    ],
)
def test_what_is_not_there_is_said(at_channel: Channel, table: str, key: str, said: str) -> None:
    with pytest.raises(UrbanBrainError) as error:
        run.trace(table, key)

    assert said in str(error.value)


def test_the_command_says_it_in_words_and_in_json(case_id: str) -> None:
    words = CliRunner().invoke(app, ["trace", "governance.cases", case_id])
    told = CliRunner().invoke(app, ["trace", "governance.cases", case_id, "--format", "json"])

    assert (0, 0) == (words.exit_code, told.exit_code), words.output
    assert "sha256" in words.output
    assert case_id == json.loads(told.output)["key"]
