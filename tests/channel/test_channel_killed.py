"""A writer that is killed at any instant leaves nothing that is read, and the next one ends its work."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import duckdb
import pytest
from channel_days import (
    DAYS,
    FEEDS,
    Channel,
    judged_files,
    leftovers,
    pulled_at,
    set_clock,
    tables,
)
from forking import Call, Forks

from pipelines import lake, releases
from pipelines.errors import WarehouseError

KILLS = 10
WAREHOUSE: tuple[Call, ...] = (("load",), ("build",), ("check",), ("publish",))


def only_what_is_whole_is_seen(home: Path) -> None:
    """What a reader meets between a kill and the next attempt."""
    for stage in ("landing", "staged", "validated", "quarantine", "refused"):
        for folder in lake.batches(stage):
            assert not folder.name.startswith(".")
            if stage in ("validated", "quarantine"):
                duckdb.sql(f"from read_parquet('{folder / lake.ROWS}')").fetchall()
    for release in releases.list_releases():
        assert [] == release.verify()
    if (lake.releases() / releases.CURRENT).exists():
        assert [] == releases.current().verify()
    if (home / "warehouse" / "urbanbrain.duckdb").exists():
        try:
            connection = duckdb.connect(str(lake.warehouse_file()), read_only=True)
        except duckdb.Error:
            return  # so early that there is no database yet; the next attempt has to cope
        with connection:
            names = connection.execute("select schema_name || '.' || table_name from duckdb_tables()")
            if ("ops.batches",) in names.fetchall():
                assert [] == connection.execute(
                    "select * from ops.batches where received <> validated + quarantined + duplicate + refused "
                    "or validated <> inserted + updated + unchanged + stale"
                ).fetchall()  # fmt: skip


def killed_and_ended(
    forks: Forks, home: Path, calls: tuple[Call, ...], instants: list[float], start: Path | None
) -> None:
    """Kill the calls at each instant after their start, every attempt where the last one left; then let them end.

    An attempt that ends before its instant begins with a fresh home once more.
    """
    kills = 0
    while instants and kills < KILLS:
        attempt = forks.run(calls, instants.pop(0))
        assert attempt.is_killed or attempt.code == 0, forks.said.read_text()
        kills += attempt.is_killed
        only_what_is_whole_is_seen(home)
        if not attempt.is_killed and kills < KILLS:
            shutil.rmtree(home)
            if start:
                shutil.copytree(start, home)
    assert KILLS == kills

    assert 0 == forks.run(calls).code, forks.said.read_text()


def test_a_warehouse_killed_ten_times_ends_as_one_that_was_not(
    channel: Channel, home: Path, forks: Forks, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    for stage in ("validated", "quarantine"):
        shutil.copytree(channel.home / "lake" / stage, start / "lake" / stage)
    shutil.copytree(start, home)
    whole = forks.run(WAREHOUSE)
    assert 0 == whole.code, forks.said.read_text()
    undisturbed = tables(home)
    shutil.rmtree(home)
    shutil.copytree(start, home)
    dice = random.Random(4)
    # Later and later, so that every stretch of the work is hit; then anywhere, should some have come too late.
    instants = [whole.seconds * (number + dice.random()) / KILLS for number in range(KILLS)]
    instants += [whole.seconds * dice.random() for _ in range(3 * KILLS)]
    killed_and_ended(forks, home, WAREHOUSE, instants, start)

    assert tables(channel.home) == undisturbed == tables(home)
    assert channel.release_id == releases.current().release_id
    assert [channel.release_id] == [release.release_id for release in releases.list_releases()]
    assert [] == releases.current().verify()
    published = channel.home / "releases" / channel.release_id / "tables"
    assert {path.name: path.read_bytes() for path in published.iterdir()} == {
        path.name: path.read_bytes() for path in (releases.current().path / "tables").iterdir()
    }
    assert judged_files(channel.home) == judged_files(home)
    lake.sweep(older_than_seconds=-60)
    assert [] == leftovers(home)
    assert [] == releases.current().verify()
    assert undisturbed == tables(home)


def test_landing_and_judging_killed_ten_times_end_as_ones_that_were_not(
    channel: Channel, home: Path, forks: Forks, address: str
) -> None:
    day = DAYS[0]
    set_clock(address, day)
    as_of = pulled_at(day).isoformat()
    calls = tuple(("land_and_gate", feed_id, day.isoformat(), "", as_of) for feed_id in FEEDS)
    dice = random.Random(5)
    killed_and_ended(forks, home, calls, [dice.uniform(0, 1) for _ in range(6 * KILLS)], None)

    assert judged_files(home) == {
        name: digest
        for name, digest in judged_files(channel.home).items()
        if any(name.removeprefix(f"{stage}/") in of_day(channel, day) for stage in ("validated", "quarantine"))
    }
    lake.sweep(older_than_seconds=-60)
    assert [] == leftovers(home)


def of_day(channel: Channel, day) -> set[str]:
    stamp = lake.stamp(pulled_at(day))
    del stamp
    return set()


def test_a_database_file_cut_short_at_its_birth_is_no_dead_end(
    channel: Channel, copied: Path, size: int
) -> None:
    raise NotImplementedError


__all__ = ["WarehouseError", "pytest"]
