"""What earlier releases told goes along, and neither writing a release again nor making it elsewhere changes a byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from by_hand import A, B, C, Rows, Town, calls, shown, table

from pipelines import lake, releases
from pipelines.contract.model import Contract
from pipelines.provenance import inputs
from pipelines.releases import Release
from pipelines.stages import publishing

DAYS = table("street_days", ("street_code", "day"), order_count=calls("orders"))
TOTALS = table(
    "town_days", ("day",), order_count=calls("all_orders", total_of="governance.street_days.order_count")
)


def days(**counts: int) -> dict[Contract, Rows]:
    streets = {"a": A, "b": B, "c": C}
    rows = [{"street_code": streets[name], "day": "1", "order_count": n} for name, n in counts.items()]
    return {DAYS: rows, TOTALS: [{"day": "1", "order_count": sum(counts.values())}]}


def _bytes(release: Release) -> dict[str, bytes]:
    return {
        path.relative_to(release.path).as_posix(): path.read_bytes()
        for path in sorted(release.path.rglob("*"))
        if path.is_file()
    }


def test_a_release_says_what_it_and_those_before_it_told(town: Town) -> None:
    first = town.publish(days(a=100, b=12, c=3))
    second = town.publish(days(a=101, b=12, c=30))

    lines = (second.path / "district" / "disclosed.csv").read_text().splitlines()
    assert "table_name,column_name,key,shown,hidden" == lines[0]
    hidden = f'governance.street_days,order_count,"[""{C}"",""1""]",,3.0'
    assert hidden in (first.path / "district" / "disclosed.csv").read_text().splitlines()
    assert first.disclosed == second.disclosed_before
    assert inputs.read(second.disclosed) == (second.path / "district" / "disclosed.csv").read_bytes()


def test_a_damaged_release_is_written_again_as_it_was_though_another_followed(town: Town) -> None:
    town.publish(days(a=100, b=12, c=3))
    second = town.publish(days(a=101, b=12, c=30))
    before = _bytes(second)
    town.publish(days(a=101, b=40, c=60))
    file = second.path / "tables" / "governance.street_days.parquet"
    file.chmod(0o644)
    file.write_bytes(b"damaged")
    town.day = 1

    again = town.publish(days(a=101, b=12, c=30))

    assert second.release_id == again.release_id
    assert before == _bytes(again)


def test_publishing_the_same_again_writes_nothing(town: Town) -> None:
    first = town.publish(days(a=100, b=12, c=3))
    written = first.path.stat().st_mtime_ns
    town.day = 0

    again = town.publish(days(a=100, b=12, c=3))

    assert (first.release_id, written) == (again.release_id, again.path.stat().st_mtime_ns)


def test_what_earlier_releases_told_decides_though_they_are_gone(town: Town) -> None:
    first = town.publish(days(a=100, b=12, c=3))
    town.publish(days(a=100, b=12, c=30))
    shutil.rmtree(first.path)

    third = town.publish(days(a=100, b=12, c=31))

    assert shown(third, DAYS)[1]["order_count"] is None


def test_a_home_made_to_make_one_release_again_is_told_what_came_before(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.publish(days(a=100, b=12, c=3))
    second = town.publish(days(a=100, b=12, c=30))
    told = inputs.read(second.disclosed_before)
    monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path / "elsewhere"))
    lake.disclosed().parent.mkdir(parents=True)
    lake.disclosed().write_bytes(told)
    town.day = 1

    again = town.publish(days(a=100, b=12, c=30))

    ours, theirs = _bytes(again), _bytes(second)
    assert second.release_id == again.release_id
    assert {
        name: ours[name]
        for name in ours
        if name.startswith(("tables/", "district/governance", "district/disc"))
    } == {
        name: theirs[name]
        for name in theirs
        if name.startswith(("tables/", "district/governance", "district/disc"))
    }


def test_going_back_to_an_older_release_forgets_nothing(town: Town) -> None:
    first = town.publish(days(a=100, b=50, c=60))
    town.publish(days(a=100, b=12, c=3))
    lake.write_file(lake.releases() / releases.CURRENT, f"{first.release_id}\n".encode())

    third = town.publish(days(a=100, b=12, c=30))

    assert shown(third, DAYS)[1]["order_count"] is None


def test_a_number_that_stays_hidden_by_one_of_two_memories_does_so_the_next_time_too(town: Town) -> None:
    street = [
        {"street_code": A, "day": "1", "order_count": 4},
        {"street_code": B, "day": "1", "order_count": 9},
    ]
    first = town.publish({DAYS: street})
    street[0]["order_count"] = 2
    town.publish({DAYS: street})
    lake.write_file(lake.releases() / releases.CURRENT, f"{first.release_id}\n".encode())
    street[0]["order_count"] = 0

    assert [None, 9] == [row["order_count"] for row in shown(town.publish({DAYS: street}), DAYS)]
    assert [None, 9] == [row["order_count"] for row in shown(town.publish({DAYS: street}), DAYS)]


def test_going_back_to_older_rules_forgets_nothing(town: Town) -> None:
    """Both releases are as of one instant, so that their ids do not say which came later."""
    first = town.publish(days(a=100, b=50, c=60))
    for number in range(100):
        (town.project / "warehouse" / "office" / "one.sql").write_text(f"select {number} as one")
        town.day = 0
        second = town.publish(days(a=100, b=12, c=3))
        if second.release_id < first.release_id:
            break
        shutil.rmtree(second.path)
    lake.write_file(lake.releases() / releases.CURRENT, f"{first.release_id}\n".encode())

    third = town.publish(days(a=100, b=12, c=30))

    assert first.as_of == second.as_of < third.as_of
    assert shown(third, DAYS)[1]["order_count"] is None


def test_nothing_is_remembered_where_nothing_is_counted(town: Town) -> None:
    release = town.publish({table("plain", ("street_code",)): [{"street_code": A}]})

    assert "" == release.disclosed
    assert not (release.path / "district" / "disclosed.csv").exists()
    assert b"" == publishing._disclosed_before("20261119T164000Z-0000000000")
