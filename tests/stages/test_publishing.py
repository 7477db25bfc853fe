"""A release holds what the contracts allow, the same bytes each time, and each office's rows only."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow.dataset
import pytest
from two_streets import (
    EAST,
    FEEDS,
    GOVERNANCE,
    LANDED_AT,
    SECRET,
    TEXT,
    WEST,
    column,
    contract,
    project,
    warehouse,
)

from pipelines import lake, releases
from pipelines.errors import WarehouseError
from pipelines.publication import release_parts
from pipelines.publication.disclosure import Disclosure
from pipelines.publication.office_file import OfficePlan, OfficeTable, build_apart
from pipelines.releases import Release
from pipelines.stages import publishing


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return project(tmp_path)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """One release for the tests that only read."""
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("URBANBRAIN_HOME", str(folder / "home"))
        return _publish(project(folder))


def _publish(made: Path, *, with_offices: bool = True, **changes: Any) -> Release:
    given = {"contracts": FEEDS, "governance": GOVERNANCE, "project": made, "batches": None, **changes}
    with warehouse() as connection:
        if not with_offices:
            connection.execute("update ref.areas set is_in_scope = false")
        folder = publishing.publish(connection, **given)

    assert folder == releases.current().path
    return releases.current()


def _bytes(release: Release, pattern: str = "*") -> dict[str, bytes]:
    paths = sorted(path for path in release.path.rglob(pattern) if path.is_file())
    return {path.relative_to(release.path).as_posix(): path.read_bytes() for path in paths}


def _open(release: Release, street: str) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(release.office_file(street)), read_only=True)


def _relations(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = connection.execute(
        "select table_schema || '.' || table_name, table_type from information_schema.tables order by all"
    ).fetchall()
    return dict(rows)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()


def test_a_release_holds_tables_offices_a_manifest_and_a_data_package(release: Release) -> None:
    assert re.fullmatch(r"20261118T164000Z-[0-9a-f]{10}", release.release_id)
    assert [
        "changes.json",
        "changes.md",
        "datapackage.json",
        "dcat.jsonld",
        "dictionary.html",
        "dictionary.md",
        "district/changes.json",
        "district/changes.md",
        "district/datapackage.json",
        "district/dcat.jsonld",
        "district/governance.case_members.parquet",
        "district/governance.cases.parquet",
        "district/governance.channel_health.parquet",
        "district/governance.project_areas.parquet",
        "district/governance.project_progress.parquet",
        "district/governance.scorecard.parquet",
        "district/ops.batches.parquet",
        "district/ref.areas.parquet",
        "index.html",
        "manifest.json",
        f"offices/{EAST}/{EAST}.duckdb",
        f"offices/{WEST}/{WEST}.duckdb",
        "tables/governance.channel_health.parquet",
        "tables/governance.scorecard.parquet",
        "tables/ops.batches.parquet",
        "tables/ref.areas.parquet",
    ] == sorted(_bytes(release))
    assert [] == release.verify()


def test_the_manifest_says_what_went_in_and_what_came_out(release: Release) -> None:
    manifest = release.manifest

    rows = {file["path"]: file["rows"] for file in manifest["files"]}
    assert LANDED_AT.isoformat() == manifest["as_of"]
    assert "Asia/Shanghai" == manifest["timezone"]
    assert re.fullmatch(r"2020-01-01\+[0-9a-f]{10}", manifest["area_edition"])
    assert ["b1", "b2"] == sorted(batch["batch_id"] for batch in manifest["batches"])
    assert sorted(c.contract_id for c in (*FEEDS, *GOVERNANCE)) == [c["id"] for c in manifest["contracts"]]
    assert 3 == rows["district/governance.case_members.parquet"]
    assert rows["datapackage.json"] is None
    assert ["batches", "channel_health", "scorecard"] == manifest["shared"]


def test_publishing_the_same_warehouse_again_writes_nothing(made: Path) -> None:
    first = _publish(made)
    before = {path: path.stat().st_mtime_ns for path in first.path.rglob("*")}
    (lake.releases() / releases.CURRENT).unlink()

    again = _publish(made)

    assert first.release_id == again.release_id
    assert before == {path: path.stat().st_mtime_ns for path in again.path.rglob("*")}


def test_two_builds_of_the_same_warehouse_differ_in_no_byte(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _publish(made)
    before = _bytes(first)
    shutil.rmtree(first.path)
    monkeypatch.setenv("URBANBRAIN_ANYTHING", "moves what is in memory elsewhere" * 99)

    assert before == _bytes(_publish(made))


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


@pytest.mark.parametrize(
    "change",
    [
        lambda made: {"batches": [{"feed_id": "f", "batch_id": "other", "landed_at": LANDED_AT}]},
        lambda made: {"contracts": [*FEEDS, contract("city", "new", *FEEDS[1].columns)]},
        lambda made: (made / "warehouse" / "office" / "c.sql").write_text("select 1 as one") and {},
        lambda made: (made / "contracts" / "reference" / "areas.csv").write_text("area_code\n1\n") and {},
    ],
    ids=["batch", "contract", "model", "reference"],
)
def test_another_input_makes_another_release(made: Path, change: Callable[[Path], dict[str, Any]]) -> None:
    first = _publish(made, with_offices=False)

    second = _publish(made, with_offices=False, **change(made))

    assert first.release_id != second.release_id
    assert {first, second} == set(releases.list_releases())


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


def test_free_text_and_personal_columns_are_in_no_file(release: Release) -> None:
    for name, content in _bytes(release).items():
        assert TEXT.encode() not in content, name
        assert SECRET.encode() not in content, name
    for name, table in release.detail.items():
        columns = [row[0] for row in duckdb.execute(f"describe from {table.sql}").fetchall()]
        assert not {"caller_ref", "content_text", "place_text"} & set(columns), name
    with _open(release, EAST) as office:
        columns = [row[0] for row in _rows(office, "describe city.orders")]
        expected = ["order_id", "street_code", "reported_at", "resolved", "_batch_id", "_row_number"]
        assert expected == columns


def test_which_tables_are_split_and_which_are_shared_follows_from_the_contracts(release: Release) -> None:
    with _open(release, EAST) as office:
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
    with _open(release, EAST) as office:
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
    with _open(release, EAST) as office:
        code, name, day, as_of = _rows(office, "from this_office")[0]

    assert (EAST, "东河街道", date(2026, 11, 19), LANDED_AT) == (code, name, day, as_of)


def test_comments_reach_the_office_in_both_languages(release: Release) -> None:
    with _open(release, EAST) as office:
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
    with _open(release, EAST) as office:
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
    with _open(release, EAST) as office:
        free, total = _rows(office, "select free_blocks, total_blocks from pragma_database_size()")[0]
        assert free <= total / 4


def test_released_files_are_read_only_and_what_is_open_readable_by_every_account(release: Release) -> None:
    modes: dict[bool, set[int]] = {True: set(), False: set()}
    for path in (release.path, *release.path.rglob("*")):
        is_open = not {"district", "offices", "manifest.json"} & {*path.relative_to(release.path).parts}
        modes[is_open].add(path.stat().st_mode & 0o777)
    assert {True: {0o755, 0o444}, False: {0o750, 0o440}} == modes


def test_a_failure_half_way_leaves_no_release_and_the_old_one_current(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _publish(made)
    (made / "warehouse" / "office" / "new.sql").write_text("select 1 as one", encoding="utf-8")
    original = release_parts.copy
    for fails_at in (0, 7, 9, 17):
        calls = itertools.count()

        def fail(*given: Any, calls: Any = calls, at: int = fails_at, **named: Any) -> int:
            if next(calls) == at:
                raise OSError("no space left on device")
            return original(*given, **named)

        monkeypatch.setattr(release_parts, "copy", fail)
        with warehouse() as connection, pytest.raises(OSError, match="no space"):
            publishing.publish(connection, FEEDS, GOVERNANCE, made)

        assert first == releases.current()
        assert {"CURRENT", "followed", first.release_id} == {path.name for path in lake.releases().iterdir()}


def test_readers_find_a_damaged_release_at_every_step_until_it_is_whole_again(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = _publish(made, with_offices=False)
    damaged = release.path / "tables" / "ref.areas.parquet"
    damaged.chmod(0o644)
    damaged.write_bytes(b"damaged")
    looked = []

    def watched(module: Any, name: str) -> None:
        step = getattr(module, name)

        def look(*given: Any, **named: Any) -> Any:
            looked.append(bool(releases.current().verify()))
            done = step(*given, **named)
            looked.append(bool(releases.current().verify()))
            return done

        monkeypatch.setattr(module, name, look)

    for module, name in ((Path, "rename"), (Path, "replace"), (lake, "_swap"), (shutil, "rmtree")):
        watched(module, name)

    _publish(made, with_offices=False)

    assert [True, False] == [key for key, _ in itertools.groupby(looked)]


def test_a_folder_in_the_place_of_current_is_told_and_nothing_lost(made: Path) -> None:
    current = lake.releases() / releases.CURRENT
    current.mkdir(parents=True)
    with pytest.raises(WarehouseError, match="CURRENT is a folder") as caught:
        _publish(made, with_offices=False)
    current.rmdir()

    assert "move it away" in caught.value.next_step
    assert [] == _publish(made, with_offices=False).verify()


def test_a_reader_stays_with_the_release_it_resolved(made: Path) -> None:
    reader = _publish(made, with_offices=False)
    (made / "warehouse" / "office" / "new.sql").write_text("select 1 as one", encoding="utf-8")

    newer = _publish(made, with_offices=False)

    assert newer.release_id != reader.release_id
    assert [] == reader.verify()
    assert releases.current() == newer


def test_a_view_that_does_not_fit_names_its_file(made: Path) -> None:
    (made / "warehouse" / "office" / "broken.sql").write_text(
        "select nothing from nowhere.at_all", encoding="utf-8"
    )

    with pytest.raises(WarehouseError, match=r"warehouse/office/broken.sql: Catalog Error") as caught:
        _publish(made)

    assert "Traceback" not in str(caught.value)


def test_nothing_loaded_is_nothing_to_publish(made: Path) -> None:
    with duckdb.connect() as empty, pytest.raises(WarehouseError, match="nothing is loaded"):
        publishing.publish(empty, FEEDS, GOVERNANCE, made)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("drop table governance.cases", "governance.cases is promised .* not built"),
        ("alter table governance.cases drop member_count", "governance.cases lacks member_count"),
        ("drop table ref.areas", "ref.areas is not loaded"),
        (
            "insert into ref.areas values ('../evil', 'street', 'x', true, '1990-01-01', '9999-12-31')",
            "cannot name a file: '../evil'",
        ),
    ],
)
def test_a_warehouse_that_breaks_a_promise_is_not_published(made: Path, sql: str, message: str) -> None:
    with warehouse() as connection:
        connection.execute(sql)
        with pytest.raises(WarehouseError, match=message):
            publishing.publish(connection, FEEDS, GOVERNANCE, made)

    assert [] == releases.list_releases()


def test_batches_given_by_hand_may_carry_iso_texts(made: Path) -> None:
    batches = [{"feed_id": "city_orders", "batch_id": "b", "landed_at": "2026-11-20T00:00:00+08:00"}]

    release = _publish(made, with_offices=False, batches=batches)

    assert datetime(2026, 11, 19, 16, tzinfo=UTC) == datetime.fromisoformat(release.as_of)


def test_a_street_named_like_sql_stays_a_name(made: Path) -> None:
    with warehouse() as connection:
        connection.execute("update ref.areas set area_name = 'x''; drop table ref.areas; --'")
        folder = publishing.publish(connection, FEEDS, GOVERNANCE, made)

    assert (folder / "offices" / EAST / f"{EAST}.duckdb").is_file()


def test_pandas_polars_pyarrow_and_duckdb_open_every_table(release: Release) -> None:
    for name, table in release.detail.items():
        (path,) = table.files
        expected = duckdb.execute(f"select count(*) from {table.sql}").fetchone()

        assert expected == (len(pandas.read_parquet(path)),), name
        assert expected == (polars.read_parquet(path).height,), name
        assert expected == (pyarrow.dataset.dataset(path).count_rows(),), name


def test_a_sum_stays_a_whole_number(release: Release) -> None:
    totals = pandas.read_parquet(release.detail["governance.project_progress"].files[0])["total"]

    assert 9007199254740993 == totals.max()


def test_the_data_package_is_valid_and_its_tables_keep_it(release: Release) -> None:
    import frictionless

    package = frictionless.Package(str(release.path / "district" / "datapackage.json"))

    assert [] == package.validate().flatten(["rowNumber", "fieldName", "type", "message"])
    cases = package.get_resource("governance.cases")
    assert "parquet" == cases.format
    assert ["case_id"] == cases.schema.primary_key
    assert "列 case_id" == cases.schema.get_field("case_id").title
    assert "any" == cases.schema.get_field("levels_seen").type


def test_the_plan_of_an_office_is_not_published(release: Release) -> None:
    assert [] == list(release.path.rglob("plan.json"))
    assert OfficePlan.__name__ not in str(release.manifest)
