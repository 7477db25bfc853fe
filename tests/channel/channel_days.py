"""The sample city's three demo days through the whole channel, in this process; and what came of it, as hashes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import duckdb
import pytest
import requests
from forking import Call, Forks

from pipelines import contract, lake, releases, run
from pipelines.embedded.due import Pull, due
from pipelines.samplecity import City, answerkey, server
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.world import BEIJING

CITY = City(scale=0.1)
DAYS = tuple(CITY.first_day + timedelta(days=number) for number in range(3))
FEEDS = tuple(sorted(answerkey.FEEDS))
PATHS = {
    source.feed_id: source.path.replace("{name}", f"beijing_all_{DAYS[0]:%Y%m%d}.csv") for source in SOURCES
}
"""Where the city serves each feed on the first day."""
WAREHOUSE: tuple[Call, ...] = (("load",), ("build",), ("check",), ("publish",))
PROJECT = Path(__file__).resolve().parents[2]


def pulled_at(day: date) -> datetime:
    """When that day is pulled: 40 minutes after it ended."""
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), BEIJING) + answerkey.PULL_DELAY


def set_clock(address: str, day: date) -> None:
    answer = requests.put(f"{address}/clock", json={"now": pulled_at(day).isoformat()}, timeout=300)
    assert answer.ok, answer.text


def land(feed_id: str, day: date = DAYS[0]) -> str:
    """Land what the day owes of a feed, or that day where it owes nothing."""
    for pull in owed(day, [feed_id]):
        return run.land(feed_id, pull.window.start, pull.window.end, as_of=pulled_at(day))
    return run.land(feed_id, day, as_of=pulled_at(day))


def owed(day: date, feeds: Iterable[str] = FEEDS) -> list[Pull]:
    """What the demo pulls once that day is over."""
    return [pull for pull in due(contract.load_all(), day) if pull.feed_id in set(feeds)]


def land_all(address: str, days: Iterable[date] = DAYS, feeds: Iterable[str] = FEEDS) -> list[str]:
    """Land what the demo lands; returns the folders."""
    landed = []
    for day in days:
        set_clock(address, day)
        landed += [land(pull.feed_id, day) for pull in owed(day, feeds)]
    return landed


def run_days(address: str, days: Iterable[date] = DAYS, feeds: Iterable[str] = FEEDS) -> list[Path]:
    """Land and judge; returns the validated folders."""
    return [Path(run.gate(folder)) for folder in land_all(address, days, feeds)]


def run_warehouse() -> str:
    """Load, build, check and publish; returns the release id."""
    run.load()
    run.build()
    run.check()
    return Path(run.publish()).name


@dataclass(frozen=True)
class Channel:
    """The three days, done. Nobody may change its home; `said` is all it printed and logged."""

    home: Path
    folders: tuple[Path, ...]
    release_id: str
    warehouse_seconds: float
    said: str


@contextmanager
def listened(lowest: int = logging.INFO) -> Iterator[StringIO]:
    """Everything printed, and everything logged by anybody from a level on."""
    said = StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(lowest)
    try:
        with redirect_stdout(said), redirect_stderr(said):
            yield said
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def secrets(patch: pytest.MonkeyPatch, home: Path) -> None:
    """The settings of a home of one's own, as the fixture `home` makes them."""
    patch.setenv("URBANBRAIN_HOME", str(home))
    patch.setenv("URBANBRAIN_SECRET_LANDING", "landing-key-for-tests")
    patch.setenv("URBANBRAIN_SECRET_CALLER", "caller-key-for-tests")


def run_channel(home: Path, forks: Forks) -> Channel:
    """Land everything here, judge it in two processes side by side as Airflow would, write the warehouse in one."""
    with pytest.MonkeyPatch.context() as patch, server.running(CITY) as address, listened() as said:
        secrets(patch, home)
        patch.setenv("URBANBRAIN_SAMPLE_CITY_URL", address)
        landed = land_all(address)
        gates = [("gate", folder) for folder in landed]
        judged = forks.run_together([gates[0::2], gates[1::2]])
        warehouse = forks.run(WAREHOUSE)
        assert all(attempt.code == 0 for attempt in (*judged, warehouse)), forks.said.read_text()
        folders = tuple(lake.same_batch(Path(folder), "validated") for folder in landed)
        release_id = releases.current().release_id
    return Channel(home, folders, release_id, warehouse.seconds, said.getvalue() + forks.said.read_text())


def files(*folders: Path) -> dict[str, str]:
    """Checksum of every file below, leftovers of killed writers included; not of locks, which are empty, nor of events,
    which tell of every attempt."""
    return {
        f"{folder.name}/{path.relative_to(folder)}": hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"locks", "lineage"} & set(path.relative_to(folder).parts)
    }


def judged_files(home: Path) -> dict[str, str]:
    """Checksums of what the gate wrote. Leftovers of killed writers do not count: nobody reads them."""
    found = files(home / "lake" / "validated", home / "lake" / "quarantine")
    return {name: digest for name, digest in found.items() if "/.writing-" not in name}


WHAT_LOADING_DID = tuple(
    name
    for outcome in ("inserted", "updated", "unchanged", "stale")
    for name in (outcome, f"{outcome}_count")
)


def tables(home: Path, without: tuple[str, ...] = ()) -> dict[str, tuple[int, str]]:
    """Rows of every table of the warehouse and a checksum of them, sorted; columns may be left out."""
    with duckdb.connect(str(home / "warehouse" / "urbanbrain.duckdb"), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        names = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by all"
        ).fetchall()
        return {
            name: connection.execute(
                "select count(*), md5(string_agg(one::varchar, chr(10) order by one::varchar)) from "
                f"(select columns(lambda name: name not in {('', '', *without)}) from {name}) as one"
            ).fetchone()
            for (name,) in names
        }


def feeds_by_id() -> dict[str, contract.Contract]:
    return {feed.feed_id: feed for feed in contract.load_all()}


def leftovers(home: Path) -> list[Path]:
    return sorted(path for path in home.rglob("*") if path.name.startswith(".writing-"))


def is_empty(home: Path) -> bool:
    """Whether a home holds no file at all, but for the events that tell what was tried."""
    return not files(home) and not leftovers(home)


def stages_of(feed_id: str) -> set[str]:
    """The stages that hold a batch of a feed."""
    stages = ("landing", "staged", "validated", "quarantine", "held", "refused")
    return {stage for stage in stages if lake.batches(stage, feed_id)}
