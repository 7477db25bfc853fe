"""Tables of a release: sorted for those who ask for streets and days, split by month once large, the same bytes always."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest
from two_streets import EAST, FEEDS, GOVERNANCE, KEY, WEST, column, contract, project, warehouse

from pipelines import asking, lake, releases
from pipelines.contract.model import Contract
from pipelines.publication import release_parts
from pipelines.publication.disclosure import PublicTable
from pipelines.releases import Release, table_changes
from pipelines.stages import publishing

SCORES = "governance.hourly"
_ROWS = (
    "select street, timestamptz '2026-09-30 15:00:00+00' + to_hours(hour::int) as hour_at, hash(hour) % 7 as n "
    "from (values ('{east}'), ('{west}')) as streets(street), range({hours}) as hours(hour)"
)


def hourly() -> Contract:
    """A table about streets that is split by the month of its hours."""
    columns = (
        column("hour_at", "timestamptz", required=True, is_key=True),
        column("street_code", **KEY),
        column("n", "bigint"),
    )
    return replace(contract("governance", "hourly", *columns), partition_by="hour_at")


def published(folder: Path, *, hours: int = 24 * 62) -> Release:
    with warehouse() as connection:
        rows = _ROWS.format(east=EAST, west=WEST, hours=hours)
        connection.execute(
            f"create table {SCORES} as select hour_at, street as street_code, n::bigint as n from ({rows}) "
            "union all by name select null as hour_at, null as street_code, 1 as n"
        )
        publishing.publish(connection, FEEDS, [*GOVERNANCE, hourly()], project(folder))
    return releases.current()


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release with one table over a limit that was lowered for it."""
    folder = tmp_path_factory.mktemp("split")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("URBANBRAIN_HOME", str(folder / "home"))
        patch.setattr(release_parts, "_LARGE", 1000)
        return published(folder)


def test_a_large_table_is_split_by_month_of_the_city_and_a_small_one_is_one_file(
    home: Path, tmp_path: Path, split: Release
) -> None:
    # The first hour is 23:00 of 30 September in Beijing.
    months = ["2026-09", "2026-10", "2026-11", "2026-12", release_parts._NO_PERIOD]
    for folder, tables in (("tables", split.tables), ("district", split.detail)):
        assert [f"{folder}/{SCORES}/period={month}/part-0.parquet" for month in sorted(months)] == [
            path.relative_to(split.path).as_posix() for path in tables[SCORES].files
        ]
    assert [] == split.verify()

    small = published(tmp_path)

    assert [small.path / "tables" / f"{SCORES}.parquet"] == list(small.tables[SCORES].files)
    both = (f"select * from {release.tables[SCORES].sql} order by all" for release in (small, split))
    assert 1 == len({tuple(duckdb.execute(query).fetchall()) for query in both})


def test_every_reader_of_a_release_takes_many_files_for_one_table(
    split: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANBRAIN_HOME", str(split.path.parents[1]))
    expected = 2 * 24 * 62 + 1

    assert expected == split.rows[SCORES]
    assert expected == len(duckdb.execute(f"from {split.detail[SCORES].sql}").fetchall())
    with duckdb.connect(str(split.office_file(EAST)), read_only=True) as office:
        assert (expected,) == office.execute("select count(*) from shared.hourly").fetchone()
    described = {table.name: table for table in asking.tables()}
    assert ["hour_at", "street_code", "n"] == [name for name, *_ in described[SCORES].columns]
    assert "表 hourly" in described[SCORES].comment
    version = table_changes.of_release(split)
    assert ("hour_at", "street_code") == version.keys[SCORES]
    with duckdb.connect() as connection:
        assert [] == table_changes.compare(connection, version, version)


def test_a_hive_reader_finds_the_months(split: Release) -> None:
    rows = duckdb.execute(
        f"select period, count(*) from read_parquet('{split.path}/tables/{SCORES}/*/*.parquet') "
        "where period in ('2026-10', '2026-11') group by all order by all"
    ).fetchall()

    assert [("2026-10", 2 * 24 * 31), ("2026-11", 2 * 24 * 30)] == rows


def test_rows_lie_together_as_readers_ask_for_them() -> None:
    names = ("case_id", "street_code", "reported_at", "n")
    described = replace(contract("governance", "x"), partition_by="reported_at")
    table = PublicTable("governance.x", tuple((name, "VARCHAR") for name in names), ("case_id",), described)

    assert table.query().endswith(
        'order by "street_code" nulls first, "reported_at" nulls first, "case_id" nulls first, "n" nulls first'
    )


def test_a_file_says_what_it_holds_wherever_it_goes(split: Release) -> None:
    (path,) = split.tables["governance.scorecard"].files
    said = {
        key.decode(): value.decode() for key, value in pyarrow.parquet.read_metadata(path).metadata.items()
    }

    assert "governance.scorecard" == said["name"]
    assert "表 scorecard" == said["title"]
    assert "governance_scorecard 1.0.0" == said["contract"]
    schema = json.loads(said["tableschema"])
    assert ["street_code", "period"] == schema["primaryKey"]
    assert "列 period" == {field["name"]: field["title"] for field in schema["fields"]}["period"]
    assert {"ZSTD"} == {
        pyarrow.parquet.read_metadata(path).row_group(0).column(number).compression for number in range(3)
    }


@pytest.mark.long
def test_a_large_table_has_the_same_bytes_whatever_the_number_of_threads(tmp_path: Path) -> None:
    rows = "select hash(i) % 7 as s, (hash(i * 3) % 90000)::int as d, md5(i::varchar) as id, i % 5 = 0 as b"
    digests, sizes = set(), set()
    for number, settings in enumerate(
        ({"threads": 1}, {"threads": 2}, {"threads": 5}, {"threads": 3, "memory_limit": "400MB"})
    ):
        target = tmp_path / f"{number}.parquet"
        spill = {"temp_directory": str(tmp_path / "spilled")}
        with duckdb.connect(config={**settings, **spill}) as connection:
            connection.execute(f"create table made as {rows} from range(900000) as numbers(i)")
            release_parts.copy(connection, "from made order by all", target)
        digests.add(releases.file_sha256(target))
        written = pyarrow.parquet.read_metadata(target)
        sizes.add(tuple(written.row_group(each).num_rows for each in range(written.num_row_groups)))

    assert 1 == len(digests)
    assert {(*[122_880] * 7, 900_000 - 7 * 122_880)} == sizes


def test_two_homes_make_the_same_release_of_the_same_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_parts, "_LARGE", 1000)
    made = []
    for name in ("one", "other"):
        monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path / name / "home"))
        release = published(tmp_path / name)
        made.append({path: path.read_bytes() for path in sorted(release.path.rglob("*")) if path.is_file()})
        assert lake.releases() in release.path.parents

    assert [path.relative_to(tmp_path / "one").as_posix() for path in made[0]] == [
        path.relative_to(tmp_path / "other").as_posix() for path in made[1]
    ]
    assert list(made[0].values()) == list(made[1].values())
