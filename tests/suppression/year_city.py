"""A year of the sample city taken through the channel at once, and the days after it: one release each."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines import contract, lake, run
from pipelines.parts import PartWriter, landing_key
from pipelines.receipt import Receipt
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.desks import _Paged
from pipelines.samplecity.source import Source
from pipelines.samplecity.world import BEIJING, PULL_DELAY, City
from pipelines.stages import gate, staging

_NOBODY = ("street_device_status", "street_incidents", "city_air_quality")
"""Feeds of machines; a year of them takes long and counts neither people nor calls."""
_PAGE = 20_000


def releases_of_a_year(city: City, days: int) -> Iterator[Path]:
    """Publish the year, then each of the days after it; yields the folders as they are written."""
    for day in range(days):
        clock = datetime.combine(city.first_day, datetime.min.time()) + PULL_DELAY + timedelta(days=day)
        for source in SOURCES:
            if source.feed_id not in _NOBODY:
                feed = contract.load(source.feed_id)
                gate.gate(feed, staging.stage(feed, _landed(source, city, clock)), is_approved=True)
        run.load()
        run.build()
        yield Path(run.publish())


def _landed(source: Source, city: City, clock: datetime) -> Path:
    """All a feed holds at `clock` as one landed batch."""
    feed = contract.load(source.feed_id)
    start = datetime.combine(city.history_start, datetime.min.time(), BEIJING)
    window = lake.Window(start.astimezone(UTC), clock.replace(tzinfo=BEIJING).astimezone(UTC))
    wire = source.rows(city, None, None, clock)
    desk = source.desk
    if isinstance(desk, _Paged):
        desk = dataclasses.replace(desk, file_page=_PAGE)  # type: ignore[type-var]
    parts = desk.parts(source, city, wire, clock.date())
    digest = hashlib.sha256(b"".join(content for _, content in parts)).hexdigest()[:16]
    batch = lake.Batch(source.feed_id, window, digest)
    with lake.new_folder(batch.folder("landing")) as folder:
        writer = PartWriter(folder, landing_key(feed))
        for _, content in parts:
            writer(content, feed.server("sample").format)
        Receipt(
            stage="landing",
            feed_id=source.feed_id,
            window=window,
            batch_id=batch.batch_id,
            landed_at=window.end,
            contract_version=feed.version,
            contract_sha256=feed.sha256,
            parts=tuple(writer.parts),
            received=len(wire),
            details={"server": "sample"},
        ).write(folder)
    return batch.folder("landing")
