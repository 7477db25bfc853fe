"""An office file holds the rows of its street and what belongs to them, and nothing of another."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from two_streets import (
    EAST,
    FEEDS,
    GOVERNANCE,
    LANDED_AT,
    WEST,
    column,
    contract,
    opened,
    published,
    warehouse,
)

from pipelines import releases
from pipelines.errors import WarehouseError
from pipelines.publication.disclosure import Disclosure
from pipelines.publication.office_file import OfficePlan, OfficeTable, build_apart
from pipelines.releases import Release
from pipelines.stages import publishing


def _relations(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = connection.execute(
        "select table_schema || '.' || table_name, table_type from information_schema.tables order by all"
    ).fetchall()
    return dict(rows)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()


def test_two_builds_of_a_large_office_file_differ_in_no_byte(tmp_path: Path) -> None:
    rows = tmp_path / "rows.parquet"
    duckdb.execute(
        f"copy (select i as id, md5(i::varchar) as code, hash(i) % 9973 / 7 as share, [i, i % 7] as pair, "
        "timestamptz '2026-01-01' + interval (hash(i + 1) % 1000000) second as reported_at, '小区' || repeat('问题', "
        f"(hash(i) % 9)::int) || i as title from range(300000) as numbers(i)) to '{rows}' (compression zstd)"
    )
    digests = set()
    for number in range(2):
        target = tmp_path / str(number) / "large.duckdb"
        target.parent.mkdir()
        plan = OfficePlan(str(target), "", (OfficeTable("city", "orders", (str(rows),)),), ())
        build_apart(plan, tmp_path / "plan.json")
        digests.add(releases.file_sha256(target))

    assert 1 == len(digests)
    assert 8_000_000 < rows.stat().st_size


def test_an_office_file_holds_no_trace_of_another_street(release: Release) -> None:
    for street, other in ((EAST, b"WEST"), (WEST, b"EAST")):
        content = release.office_file(street).read_bytes()

        assert [] == re.findall(rb"[A-Z]{2,}-" + other, content)


def test_no_scraps_of_another_street_get_into_an_office_file_at_size(tmp_path: Path, made: Path) -> None:
    with warehouse() as connection:
        connection.execute(
            "insert into city.orders select 'HL-' || street || '-' || md5(range::varchar), code, null, null, "
            "timestamptz '2026-01-01' + to_seconds(range), null, 'b1', range "
            "from range(20000), (values ('EAST', $east), ('WEST', $west)) as streets(street, code)",
            {"east": EAST, "west": WEST},
        )
        connection.execute("set force_compression = 'uncompressed'")
        publishing.publish(connection, FEEDS, GOVERNANCE, made)
    release = releases.current()

    assert b"-WEST-" not in release.office_file(EAST).read_bytes()
    assert b"-EAST-" not in release.office_file(WEST).read_bytes()


def test_which_tables_are_split_and_which_are_shared_follows_from_the_contracts(release: Release) -> None:
    with opened(release, EAST) as office:
        assert {
            "city.orders": "BASE TABLE",
            "governance.case_members": "BASE TABLE",
            "governance.cases": "BASE TABLE",
            "governance.channel_health": "VIEW",
            "governance.project_areas": "BASE TABLE",
            "governance.project_progress": "BASE TABLE",
            "governance.scorecard": "VIEW",
            "main.all_orders": "VIEW",
            "main.b_open_orders": "VIEW",
            "main.this_office": "BASE TABLE",
            "ops.batches": "VIEW",
            "ops.quarantine": "BASE TABLE",
            "ref.areas": "BASE TABLE",
            "shared.batches": "BASE TABLE",
            "shared.channel_health": "BASE TABLE",
            "shared.scorecard": "BASE TABLE",
            "street.devices": "BASE TABLE",
        } == _relations(office)


@pytest.mark.parametrize("key", [("street_code",), ("street_code", "device_id")])
def test_a_table_for_offices_alone_is_in_no_release(key: tuple[str, ...]) -> None:
    names = ("street_code", "device_id")
    columns = [column(name, is_key=name in key, required=True) for name in names]
    promise = replace(contract("governance", "offline", *columns), audience="offices")
    public = Disclosure([], [promise], {"governance.offline": dict.fromkeys(names, "VARCHAR")})
    split = [(table.name, condition) for table, condition in public.of_street(EAST)]

    assert [] == public.detail == public.shared
    assert [("governance.offline", f"\"street_code\" = '{EAST}'")] == split


def test_an_office_gets_its_rows_and_what_belongs_to_them(release: Release) -> None:
    with opened(release, EAST) as office:
        assert [("HL-EAST-1",), ("HL-EAST-2",)] == _rows(office, "select order_id from city.orders")
        assert [] == _rows(office, "from street.devices")
        assert [("GC-EAST-1",)] == _rows(office, "select case_id from governance.cases")
        assert ["HL-EAST-1", "HL-EAST-2"] == [
            r[0] for r in _rows(office, "select source_id from governance.case_members")
        ]
        assert [("PR-BOTH",), ("PR-EAST",)] == _rows(
            office, "select project_id from governance.project_progress"
        )
        assert 2 == len(_rows(office, "from shared.scorecard"))
        assert 2 == len(_rows(office, "from governance.scorecard"))


def test_views_work_whatever_the_client_calls_the_file(release: Release) -> None:
    path = release.office_file(EAST)
    with duckdb.connect() as client:
        client.execute(f"attach '{path}' as whatever (read_only)")

        assert [("HL-EAST-2",)] == _rows(client, "select order_id from whatever.b_open_orders")


def test_an_office_file_says_whose_it_is_and_as_of_when(release: Release) -> None:
    with opened(release, EAST) as office:
        code, name, day, as_of = _rows(office, "from this_office")[0]

    assert (EAST, "东河街道", date(2026, 11, 19), LANDED_AT) == (code, name, day, as_of)


def test_comments_reach_the_office_in_both_languages(release: Release) -> None:
    with opened(release, EAST) as office:
        assert [("What orders holds. One row per row. 表 orders",)] == _rows(
            office, "select comment from duckdb_tables() where table_name = 'orders'"
        )
        assert [("The order_id of it. 列 order_id",)] == _rows(
            office,
            "select comment from duckdb_columns() where table_name = 'orders' and column_name = 'order_id'",
        )
        assert [("Orders that nobody called back about. 未回访的工单。",)] == _rows(
            office, "select comment from duckdb_views() where view_name = 'b_open_orders'"
        )


def test_quarantined_rows_reach_their_office_without_what_may_not_leave(release: Release) -> None:
    with opened(release, EAST) as office:
        rows = {
            row[0]: row[1:]
            for row in _rows(office, "select business_key, reasons, received from ops.quarantine")
        }

    reasons, received = rows["HL-EAST-9"]
    assert {"HL-EAST-9", "GONE-1"} == set(rows)
    assert ["perhaps", None] == [reason["found"] for reason in reasons]
    assert {
        "order_id": "HL-EAST-9",
        "street_code": None,
        "reported_at": None,
        "resolved": "perhaps",
    } == json.loads(received)
    assert rows["GONE-1"][1] is None


def test_an_office_file_is_compact_and_opens_at_once(release: Release) -> None:
    assert [] == list(release.path.rglob("*.wal"))
    assert release.office_file(EAST).stat().st_size < 1_000_000
    with opened(release, EAST) as office:
        free, total = _rows(office, "select free_blocks, total_blocks from pragma_database_size()")[0]
        assert free <= total / 4


def test_a_view_that_does_not_fit_names_its_file(made: Path) -> None:
    (made / "warehouse" / "office" / "broken.sql").write_text(
        "select nothing from nowhere.at_all", encoding="utf-8"
    )

    with pytest.raises(WarehouseError, match=r"warehouse/office/broken.sql: Catalog Error") as caught:
        published(made)

    assert "Traceback" not in str(caught.value)


def test_a_street_named_like_sql_stays_a_name(made: Path) -> None:
    with warehouse() as connection:
        connection.execute("update ref.areas set area_name = 'x''; drop table ref.areas; --'")
        folder = publishing.publish(connection, FEEDS, GOVERNANCE, made)

    assert (folder / "offices" / EAST / f"{EAST}.duckdb").is_file()


def test_the_plan_of_an_office_is_not_published(release: Release) -> None:
    assert [] == list(release.path.rglob("plan.json"))
    assert OfficePlan.__name__ not in str(release.manifest)
