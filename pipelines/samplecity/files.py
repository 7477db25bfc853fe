"""The city as files: what every feed answers for given days, as the very bytes it would send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from pipelines.samplecity import (
    air,
    answerkey,
    dialects,
    grid,
    hotline,
    projects,
    schools,
    sheet,
    steward,
)
from pipelines.samplecity.wire import Wire
from pipelines.samplecity.world import City

SCHOOL_PAGE, OPEN311_PAGE, NGSI_PAGE = 50, 100, 200


def write(city: City, folder: Path, days: int = 3) -> Iterator[Path]:
    """Write each day's pull of each feed under `folder/<feed_id>/<day>/`, its answer key beside it.

    A day is pulled as in the demo: its window is the day, its clock 40 minutes after its end.
    """
    for number in range(days):
        day = city.first_day + timedelta(days=number)
        start = datetime.combine(day, datetime.min.time())
        end = start + timedelta(days=1)
        for feed_id in answerkey.FEEDS:
            place = folder / feed_id / day.isoformat()
            place.mkdir(parents=True, exist_ok=True)
            key = answerkey.answer_key(city, feed_id, start, end).to_pylist()
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in key)
            parts = _parts(city, feed_id, answerkey.served(city, feed_id, start, end), day)
            for name, content in [*parts, ("answer-key.jsonl", lines.encode())]:
                (place / name).write_bytes(content)
                yield place / name


def _pages(wire: Wire, size: int) -> list[Wire]:
    rows = np.arange(len(wire))
    return [wire.take(rows[first : first + size]) for first in range(0, max(1, len(wire)), size)]


def _parts(city: City, feed_id: str, wire: Wire, day: date) -> list[tuple[str, bytes]]:
    if feed_id == air.FEED:
        lines, _ = air.day_file(city, day, 23)
        return [(f"beijing_all_{day:%Y%m%d}.csv", dialects.air_csv(air.STATIONS, lines))]
    if feed_id == grid.FEED:
        return [("cases.csv", dialects.grid_csv(wire))]
    if feed_id == projects.FEED:
        return [("projects.xlsx", sheet.workbook(wire, day + timedelta(days=1)))]
    if feed_id == hotline.FEED:
        fields, size = list(wire.columns), dialects.CKAN_ROWS_MAX
        bodies = [
            dialects.ckan_envelope(dialects.json_records(page), fields, len(wire), size, number * size)
            for number, page in enumerate(_pages(wire, size))
        ]
    elif feed_id == schools.FEED:
        bodies = [
            dialects.school_page(page, len(wire), number, SCHOOL_PAGE)
            for number, page in enumerate(_pages(wire, SCHOOL_PAGE), start=1)
        ]
    elif feed_id == steward.FEED:
        bodies = [dialects.open311_page(page) for page in _pages(wire, OPEN311_PAGE)]
    else:
        bodies = [dialects.ngsi_page(page) for page in _pages(wire, NGSI_PAGE)]
    return [(f"part-{number:05d}.json", body) for number, body in enumerate(bodies, start=1)]
