"""Batches that lie in the lake as if the gate had judged them, for tests of what comes after it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import database, lake
from pipelines.contract.model import Contract
from pipelines.database import literal, quoted
from pipelines.receipt import SOURCE, Receipt


def days_window(feed: Contract, day: date) -> lake.Window:
    """That day in the feed's time zone."""
    zone = ZoneInfo(feed.timezone)
    start, end = (
        datetime.combine(each, datetime.min.time(), zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    return lake.Window(start, end)


def validate_by_hand(
    feed: Contract,
    day: date,
    rows: Sequence[dict[str, Any]],
    landed_at: datetime | None = None,
    quarantined: Sequence[str] = (),
    *,
    origin: str = SOURCE,
    days: int = 1,
) -> Path:
    """Rows of so many days that end with `day`, by column; what a row does not name is empty.

    `quarantined` are keys of rows that were bad.
    """
    window = lake.Window(days_window(feed, day - timedelta(days=days - 1)).start, days_window(feed, day).end)
    landed_at = landed_at or window.end + timedelta(minutes=40)
    content = repr((feed.feed_id, window, landed_at, rows, quarantined, origin))
    batch = lake.Batch(feed.feed_id, window, hashlib.sha256(content.encode()).hexdigest()[:16])
    receipt = Receipt(
        stage="validated",
        feed_id=feed.feed_id,
        window=window,
        batch_id=batch.batch_id,
        landed_at=landed_at,
        contract_version=feed.version,
        contract_sha256=feed.sha256,
        origin=origin,
        received=len(rows) + len(quarantined),
        validated=len(rows),
        quarantined=len(quarantined),
    )
    columns = {"_row_number": "bigint"} | {column.name: column.type for column in feed.stored_columns}
    columns |= {"_area_method": "varchar", "_area_confidence": "double"} if feed.has_area else {}
    columns |= {"_dq_flags": "varchar[]"}
    numbered = [{"_row_number": number, "_dq_flags": [], **row} for number, row in enumerate(rows, 1)]
    _write(batch.folder("validated"), receipt, columns, numbered)
    bad = [
        {"_row_number": len(rows) + number, "business_key": key, "reasons": [], "received": "{}"}
        for number, key in enumerate(quarantined, 1)
    ]
    _write(batch.folder("quarantine"), receipt, _QUARANTINE, bad)
    return batch.folder("validated")


_QUARANTINE = {
    "_row_number": "bigint",
    "business_key": "varchar",
    "area_code": "varchar",
    "reasons": "struct(rule varchar, severity varchar, column_name varchar, found varchar, expected_en varchar, "
    "expected_zh varchar)[]",
    "received": "varchar",
}


def _write(target: Path, receipt: Receipt, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> None:
    connection = database.memory()
    typed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    connection.execute(f"create table rows ({typed})")
    if rows:
        values = [[row.get(name) for row in rows] for name in columns]
        unnested = ", ".join(f"unnest(?::{kind}[])" for kind in columns.values())
        connection.execute(f"insert into rows select {unnested}", values)
    with lake.new_folder(target) as folder:
        connection.execute(f"copy rows to {literal(str(folder / lake.ROWS))} (format parquet)")
        receipt.write(folder)
    connection.close()
