"""Doing it again changes nothing, and neither does doing it in another order."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import duckdb
import pytest
from channel_days import (
    DAYS,
    FEEDS,
    WHAT_LOADING_DID,
    Channel,
    files,
    judged_files,
    leftovers,
    owed,
    run_days,
    run_warehouse,
    tables,
)
from forking import Forks
from landed_by_hand import changed_contract

from pipelines import lake, releases, run
from pipelines.receipt import Receipt


@pytest.mark.long
def test_the_same_windows_again_change_no_byte_and_no_row(
    channel: Channel, copied: Path, address: str
) -> None:
    folders = run_days(address)
    release_id = run_warehouse()

    assert [folder.relative_to(channel.home) for folder in channel.folders] == [
        folder.relative_to(copied) for folder in folders
    ]
    assert files(channel.home / "lake", channel.home / "releases") == files(
        copied / "lake", copied / "releases"
    )
    assert tables(channel.home) == tables(copied)
    assert channel.release_id == release_id
    assert [] == releases.current().verify()
    assert [] == leftovers(copied)


@pytest.mark.long
def test_judging_the_landed_bytes_again_gives_the_same_bytes(
    channel: Channel, copied: Path, forks: Forks
) -> None:
    """The third day's, which has corrections, late rows and repetitions."""
    third = [folder for folder in lake.batches("landing") if Receipt.read(folder).landed_at.date() == DAYS[2]]
    assert len(owed(DAYS[2])) == len(third)
    for folder in third:
        for stage in ("validated", "quarantine"):
            shutil.rmtree(lake.same_batch(folder, stage))
    calls = [("gate", str(folder)) for folder in third]
    assert {0} == {attempt.code for attempt in forks.run_together([calls[0::2], calls[1::2]])}

    assert judged_files(channel.home) == judged_files(copied)


def arrive(source: Path, folder: Path) -> None:
    """A judged batch appears in this test's lake."""
    for stage in ("validated", "quarantine"):
        inside = Path(stage, *folder.parts[-3:])
        shutil.copytree(source / "lake" / inside, lake.lake() / inside)


@pytest.mark.parametrize(
    "seed", [pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.soak)]
)
def test_the_order_in_which_batches_are_loaded_does_not_matter(
    channel: Channel, home: Path, seed: int
) -> None:
    order = list(channel.folders)
    random.Random(seed).shuffle(order)
    while order:
        for folder in (order.pop() for _ in range(min(3, len(order)))):
            arrive(channel.home, folder)
        run.load()
    if seed == 1:
        run.build()
    with duckdb.connect(str(lake.warehouse_file())) as connection:
        stale, updated = (
            connection.execute("select sum(stale), sum(updated) from ops.batches").fetchone() or ()
        )

    # How many rows of a batch were new to the warehouse depends on what was there; builds remember those numbers.
    expected, found = tables(channel.home, WHAT_LOADING_DID), tables(home, WHAT_LOADING_DID)
    found.pop("builds.models", None)
    assert {name: expected[name] for name in found} == found
    assert set(found) >= {f"{feed.partition('_')[0]}.{feed.partition('_')[2]}" for feed in FEEDS}
    assert stale > 0 < updated
    assert {"batches": len(channel.folders), "differences": 0} == run.check()


@pytest.mark.long
def test_a_late_older_version_never_overwrites(channel: Channel, home: Path) -> None:
    newest_first = sorted(channel.folders, key=lambda folder: Receipt.read(folder).landed_at, reverse=True)
    before: dict[str, tuple] = {}
    for folder in (folder for folder in newest_first if "city_hotline_orders" in folder.parts):
        arrive(channel.home, folder)
        run.load()
        with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
            rows = connection.execute(
                "select * exclude (_window_end, _first_landed_at) from city.hotline_orders"
            ).fetchall()
        known = {row[0]: row for row in rows}

        assert before == {key: known[key] for key in before}
        before = known

    assert tables(channel.home)["city.hotline_orders"] == tables(home)["city.hotline_orders"]


@pytest.mark.long
def test_a_feed_whose_contract_gained_a_column_is_loaded_anew(
    channel: Channel, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = (
        "      - name: pool_depth_m\n        logicalType: number\n        description: Depth.\n    quality:\n"
    )
    dated = new.replace("number", "date")
    for old, change in (("    quality:\n", new), (new, dated)):
        changed_contract(tmp_path / "project", monkeypatch, "city/hotline_orders", (old, change))
        run.load()
        with duckdb.connect(str(lake.warehouse_file())) as connection:
            rows = connection.execute(
                "select count(*), count(pool_depth_m) from city.hotline_orders"
            ).fetchone()

        assert (tables(channel.home)["city.hotline_orders"][0], 0) == rows

    monkeypatch.delenv("URBANBRAIN_PROJECT")
    run.load()

    assert tables(channel.home) == tables(copied)
