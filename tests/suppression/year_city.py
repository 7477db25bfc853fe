"""A year of the sample city taken through the channel at once, and the days after it: one release each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pipelines import contract, run
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.evaluation import landed_whole
from pipelines.samplecity.world import PULL_DELAY, City
from pipelines.stages import gate, staging

_NOBODY = ("street_device_status", "street_incidents", "city_air_quality")
"""Feeds of machines; a year of them takes long and counts neither people nor calls."""


def releases_of_a_year(city: City, days: int) -> Iterator[Path]:
    """Publish the year, then each of the days after it; yields the folders as they are written."""
    for day in range(days):
        clock = datetime.combine(city.first_day, datetime.min.time()) + PULL_DELAY + timedelta(days=day)
        since = clock - timedelta(days=1) if day else None
        for source in SOURCES:
            if source.feed_id not in _NOBODY:
                feed = contract.load(source.feed_id)
                gate.gate(
                    feed,
                    staging.stage(feed, landed_whole(source, city, clock, clock.date(), since)),
                    is_approved=True,
                )
        run.load()
        run.build()
        yield Path(run.publish())
