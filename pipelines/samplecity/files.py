"""The city as files: what every feed answers for given days, as the very bytes it would send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from pipelines.samplecity import answerkey
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.world import City


def write(city: City, folder: Path, days: int = 3) -> Iterator[Path]:
    """Write each day's pull of each feed under `folder/<feed_id>/<day>/`, its answer key beside it.

    A day is pulled as in the demo: its window is the day, its clock 40 minutes after its end.
    """
    for number in range(days):
        day = city.first_day + timedelta(days=number)
        start = datetime.combine(day, datetime.min.time())
        end = start + timedelta(days=1)
        for source in SOURCES:
            feed_id = source.feed_id
            place = folder / feed_id / day.isoformat()
            place.mkdir(parents=True, exist_ok=True)
            key = answerkey.answer_key(city, feed_id, start, end).to_pylist()
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in key)
            wire = answerkey.served(city, feed_id, start, end)
            parts = source.desk.parts(source, city, wire, day)
            for name, content in [*parts, ("answer-key.jsonl", lines.encode())]:
                (place / name).write_bytes(content)
                yield place / name
