"""A writer that is killed at any instant leaves nothing that is read, and the next one ends its work."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from channel_days import (
    DAYS,
    WAREHOUSE,
    Channel,
    files,
    judged_files,
    leftovers,
    pulled_at,
    set_clock,
    tables,
)
from forking import Call, Forks

from pipelines import database, lake, releases, settings
from pipelines.receipt import Receipt

KILLS = 10


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


def swept(home: Path) -> None:
    """What killed writers left goes with the upkeep, and nothing else does."""
    before = {name for name in files(home) if "/.writing-" not in name}
    lake.remove(lake.leftovers(settings.now() + timedelta(days=2)))

    assert before == set(files(home))
    assert [] == leftovers(home)


def killed_and_ended(
    forks: Forks,
    home: Path,
    calls: tuple[Call, ...],
    instants: list[float],
    start: Path | None,
    wanted: int = KILLS,
) -> None:
    """Kill the calls at each instant after their start, every attempt where the last one left; then let them end.

    An attempt that ends before its instant begins with a fresh home once more.
    """
    kills = 0
    while instants and kills < wanted:
        attempt = forks.run(calls, instants.pop(0))
        assert attempt.is_killed or attempt.code == 0, forks.said.read_text()
        kills += attempt.is_killed
        only_what_is_whole_is_seen(home)
        if not attempt.is_killed and kills < wanted:
            shutil.rmtree(home)
            if start:
                shutil.copytree(start, home)
    assert wanted == kills

    assert 0 == forks.run(calls).code, forks.said.read_text()


@pytest.mark.soak
def test_a_warehouse_killed_ten_times_ends_as_one_that_was_not(
    channel: Channel, home: Path, forks: Forks, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    for stage in ("validated", "quarantine"):
        shutil.copytree(channel.home / "lake" / stage, start / "lake" / stage)
    shutil.copytree(start, home)
    dice, seconds = random.Random(4), channel.warehouse_seconds
    # Later and later, so that every stretch of the work is hit; then anywhere, should some have come too late.
    instants = [seconds * (number + dice.random()) / KILLS for number in range(KILLS)]
    instants += [seconds * dice.random() for _ in range(3 * KILLS)]
    killed_and_ended(forks, home, WAREHOUSE, instants, start)

    undisturbed = tables(channel.home)
    assert undisturbed == tables(home)
    assert channel.release_id == releases.current().release_id
    assert [channel.release_id] == [release.release_id for release in releases.list_releases()]
    assert [] == releases.current().verify()
    published = channel.home / "releases" / channel.release_id / "tables"
    assert {path.name: path.read_bytes() for path in published.iterdir()} == {
        path.name: path.read_bytes() for path in (releases.current().path / "tables").iterdir()
    }
    assert judged_files(channel.home) == judged_files(home)
    swept(home)
    assert [] == releases.current().verify()
    assert undisturbed == tables(home)


@pytest.mark.long
def test_landing_and_judging_killed_ten_times_end_as_ones_that_were_not(
    channel: Channel, home: Path, forks: Forks, address: str
) -> None:
    day = DAYS[0]
    set_clock(address, day)
    as_of = pulled_at(day).isoformat()
    feeds = ("city_hotline_orders", "district_grid_cases", "street_steward_requests")
    calls = tuple(("land_and_gate", feed_id, day.isoformat(), None, as_of) for feed_id in feeds)
    dice = random.Random(5)
    killed_and_ended(forks, home, calls, [dice.uniform(0, 0.8) for _ in range(6 * KILLS)], None)

    expected = {
        lake.lake().joinpath(*folder.parts[-4:]): folder
        for folder in channel.folders
        if Receipt.read(folder).landed_at == pulled_at(day) and folder.parts[-3] in feeds
    }
    assert set(expected) == set(lake.batches("validated"))
    for found, undisturbed in expected.items():
        # Only the address of the source differs: every city of a test has its own port.
        one, other = (replace(Receipt.read(folder), details={}) for folder in (found, undisturbed))
        assert one == other
        for stage in ("validated", "quarantine"):
            pair = (found, undisturbed)
            one, other = (
                {name: digest for name, digest in files(folder).items() if lake.RECEIPT not in name}
                for folder in (Path(str(each).replace("/validated/", f"/{stage}/")) for each in pair)
            )
            assert one == other
    swept(home)


@pytest.mark.soak
def test_a_damaged_release_is_there_for_readers_however_often_writing_it_again_is_killed(
    copied: Path, channel: Channel, forks: Forks
) -> None:
    table = releases.current().path / "tables" / "governance.street_scorecard.parquet"
    dice, kills = random.Random(6), 0
    for number in range(KILLS):
        if not releases.current().verify():  # not damaged yet, or written in time
            table.chmod(0o600)
            table.write_bytes(b"damaged")
        attempt = forks.run([("publish",)], channel.warehouse_seconds * (number + dice.random()) / KILLS)
        kills += attempt.is_killed

        assert attempt.is_killed or attempt.code == 0, forks.said.read_text()
        assert channel.release_id == releases.current().release_id
    assert kills

    assert 0 == forks.run([("publish",)]).code, forks.said.read_text()
    assert [] == releases.current().verify()
    swept(copied)


def test_the_warehouse_appears_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database whose first blocks are half written never opens again, so nobody may ever meet one."""
    opened = []
    connect = duckdb.connect

    def watched(path: str, **settings: object) -> duckdb.DuckDBPyConnection:
        opened.append((Path(path) == lake.warehouse_file(), Path(path).exists()))
        return connect(path, **settings)

    monkeypatch.setattr(duckdb, "connect", watched)
    for _ in range(2):
        with database.writer(lake.warehouse_file()):
            pass

    assert [(False, False), (True, True), (True, True)] == opened
    assert ["urbanbrain.duckdb"] == [path.name for path in lake.warehouse_file().parent.iterdir()]


def test_of_two_who_make_the_warehouse_at_once_the_first_one_counts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hardlink = Path.hardlink_to

    def late(path: Path, target: Path) -> None:
        monkeypatch.setattr(Path, "hardlink_to", hardlink)
        with database.writer(path) as faster:
            faster.execute("create table kept as select 1 as one")
        hardlink(path, target)

    monkeypatch.setattr(Path, "hardlink_to", late)
    with database.writer(lake.warehouse_file()) as connection:
        assert [(1,)] == connection.execute("from kept").fetchall()
