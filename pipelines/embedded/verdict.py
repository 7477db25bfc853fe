"""What must be true when the demo's days are over; everything that is not, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipelines import lake
from pipelines.contract import Contract
from pipelines.database import quoted
from pipelines.embedded.due import Pull
from pipelines.publication.office_file import OfficeView
from pipelines.receipt import Receipt
from pipelines.releases import Release
from pipelines.run import ROW_EQUATION

Pulled = Sequence[tuple[date, Pull]]
"""Every business day with each pull that was triggered on it."""


def complaints(
    found: Mapping[str, Any],
    release: Release,
    feeds: Iterable[Contract],
    pulled: Pulled,
    promised: Iterable[Contract] = (),
    views: Iterable[OfficeView] = (),
) -> list[str]:
    """What does not hold, a sentence each: of the warehouse as `run.summary` found it, of the release, of the days.

    `promised` are the tables and `views` the questions that must have a row somewhere in the release.
    """
    loaded = {feed["feed_id"]: feed for feed in found["feeds"]}
    return [
        *_missing(release, feeds, pulled),
        *_unequal(loaded.values()),
        *_unloaded(release),
        *_otherwise(loaded, release),
        *_empty(release, promised, views),
        *(f"release {release.release_id}: {problem}" for problem in release.verify()),
    ]


def _missing(release: Release, feeds: Iterable[Contract], pulled: Pulled) -> Iterator[str]:
    """Feeds that no day pulled, and pulls whose batch nobody published."""
    published = {
        (str(batch["feed_id"]), _instant(batch["window_start"]), _instant(batch["window_end"]))
        for batch in release.manifest["batches"]
    }
    owed = {pull.feed_id for _, pull in pulled}
    yield from (f"{feed.feed_id}: no day pulled it" for feed in feeds if feed.feed_id not in owed)
    for day, pull in pulled:
        if (pull.feed_id, pull.window.start, pull.window.end) not in published:
            yield f"{pull.feed_id}: the batch of {day} is not in release {release.release_id}"


def _unequal(loaded: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Feeds that lose or double rows; and nothing set aside, though the sample city errs on purpose every day."""
    feeds = list(loaded)
    for feed in feeds:
        if feed["difference"]:
            yield f"{feed['feed_id']}: the row equation fails in {feed['difference']} batches"
    if not sum(feed["quarantined"] for feed in feeds):
        yield "no feed has a row in quarantine: the gate let every bad row through"


def _unloaded(release: Release) -> Iterator[str]:
    """Validated batches that lie on disk and are in no table."""
    published = {(str(batch["feed_id"]), str(batch["batch_id"])) for batch in release.manifest["batches"]}
    for folder in lake.batches("validated"):
        batch = Receipt.read(folder).batch
        if (batch.feed_id, batch.batch_id) not in published:
            yield f"{batch.feed_id}: batch {batch.batch_id} was validated and is not in release {release.release_id}"


def _otherwise(loaded: Mapping[str, Mapping[str, Any]], release: Release) -> Iterator[str]:
    """Feeds of which the release was made from other batches than the warehouse holds."""
    totals: dict[str, dict[str, int]] = {}
    for batch in release.manifest["batches"]:
        total = totals.setdefault(batch["feed_id"], dict.fromkeys(("batches", *ROW_EQUATION), 0))
        total["batches"] += 1
        for name in ROW_EQUATION:
            total[name] += batch[name]
    for feed_id in sorted(loaded.keys() | totals.keys()):
        here, there = loaded.get(feed_id, {}), totals.get(feed_id, {})
        for name in ("batches", *ROW_EQUATION):
            if here.get(name, 0) != there.get(name, 0):
                yield (
                    f"{feed_id}: {name} {here.get(name, 0)} in the warehouse, "
                    f"{there.get(name, 0)} in release {release.release_id}"
                )


def _empty(release: Release, promised: Iterable[Contract], views: Iterable[OfficeView]) -> Iterator[str]:
    """Promised tables without a row, and questions that no office's file has an answer to.

    Tables that only offices get are looked for in their files.
    """
    rows = release.rows
    tables = [contract.table for contract in promised]
    names = [view.name for view in views]
    filled = {table for table in tables if rows.get(table)}
    asked = [*(table for table in tables if table not in rows), *names]
    for office in release.offices:
        filled |= set(_answered(release.office_file(office), [name for name in asked if name not in filled]))
    yield from (
        f"{table}: no row of it in release {release.release_id}" for table in tables if table not in filled
    )
    yield from (
        f"{name}: no office's file in release {release.release_id} answers it"
        for name in names
        if name not in filled
    )


def _answered(file: Path, names: Iterable[str]) -> Iterator[str]:
    """Which of those tables and views have a row in an office's file."""
    import duckdb

    with duckdb.connect(str(file), read_only=True) as connection:
        known = {
            name
            for row in connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables() union all select view_name from duckdb_views()"
            ).fetchall()
            for name in row
        }
        for name in names:
            source = ".".join(quoted(part) for part in name.split("."))
            if name in known and connection.execute(f"select 1 from {source} limit 1").fetchone():
                yield name


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
