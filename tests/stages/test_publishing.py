"""A release holds what the contracts allow, and the same bytes each time."""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
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
    WITHOUT_OFFICES,
    all_bytes,
    contract,
    opened,
    published,
    warehouse,
)

from pipelines import lake, releases
from pipelines.errors import WarehouseError
from pipelines.publication import release_parts
from pipelines.releases import Release
from pipelines.stages import publishing


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
    ] == sorted(all_bytes(release))
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
    first = published(made)
    before = {path: path.stat().st_mtime_ns for path in first.path.rglob("*")}
    (lake.releases() / releases.CURRENT).unlink()

    again = published(made)

    assert first.release_id == again.release_id
    assert before == {path: path.stat().st_mtime_ns for path in again.path.rglob("*")}


def test_two_builds_of_the_same_warehouse_differ_in_no_byte(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = published(made)
    before = all_bytes(first)
    shutil.rmtree(first.path)
    # Of the environment this is what processes apart are given; it moves what is in their memory elsewhere.
    known = filter(None, (os.environ.get("LD_LIBRARY_PATH"), *["/moves/what/is/in/memory"] * 99))
    monkeypatch.setenv("LD_LIBRARY_PATH", ":".join(known))

    assert before == all_bytes(published(made))


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
    first = published(made, WITHOUT_OFFICES)

    second = published(made, WITHOUT_OFFICES, **change(made))

    assert first.release_id != second.release_id
    assert {first, second} == set(releases.list_releases())


def test_free_text_and_personal_columns_are_in_no_file(release: Release) -> None:
    for name, content in all_bytes(release).items():
        assert TEXT.encode() not in content, name
        assert SECRET.encode() not in content, name
    for name, table in release.detail.items():
        columns = [row[0] for row in duckdb.execute(f"describe from {table.sql}").fetchall()]
        assert not {"caller_ref", "content_text", "place_text"} & set(columns), name
    with opened(release, EAST) as office:
        columns = [row[0] for row in _rows(office, "describe city.orders")]
        expected = ["order_id", "street_code", "reported_at", "resolved", "_batch_id", "_row_number"]
        assert expected == columns


def test_released_files_are_read_only_and_what_is_open_readable_by_every_account(release: Release) -> None:
    modes: dict[bool, set[int]] = {True: set(), False: set()}
    for path in (release.path, *release.path.rglob("*")):
        is_open = not {"district", "offices", "manifest.json"} & {*path.relative_to(release.path).parts}
        modes[is_open].add(path.stat().st_mode & 0o777)
    assert {True: {0o755, 0o444}, False: {0o750, 0o440}} == modes


def test_a_failure_half_way_leaves_no_release_and_the_old_one_current(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = published(made)
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
    release = published(made, WITHOUT_OFFICES)
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

    published(made, WITHOUT_OFFICES)

    assert [True, False] == [key for key, _ in itertools.groupby(looked)]


def test_a_folder_in_the_place_of_current_is_told_and_nothing_lost(made: Path) -> None:
    current = lake.releases() / releases.CURRENT
    current.mkdir(parents=True)
    with pytest.raises(WarehouseError, match="CURRENT is a folder") as caught:
        published(made, WITHOUT_OFFICES)
    current.rmdir()

    assert "move it away" in caught.value.next_step
    assert [] == published(made, WITHOUT_OFFICES).verify()


def test_what_a_killed_one_left_goes_with_the_next_release(made: Path) -> None:
    left = lake.releases() / f"{lake.TEMPORARY}killed"
    (left / "tables").mkdir(parents=True)
    published(made, WITHOUT_OFFICES)

    assert not left.exists()


def test_a_reader_stays_with_the_release_it_resolved(made: Path) -> None:
    reader = published(made, WITHOUT_OFFICES)
    (made / "warehouse" / "office" / "new.sql").write_text("select 1 as one", encoding="utf-8")

    newer = published(made, WITHOUT_OFFICES)

    assert newer.release_id != reader.release_id
    assert [] == reader.verify()
    assert releases.current() == newer


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

    release = published(made, WITHOUT_OFFICES, batches=batches)

    assert datetime(2026, 11, 19, 16, tzinfo=UTC) == datetime.fromisoformat(release.as_of)


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
