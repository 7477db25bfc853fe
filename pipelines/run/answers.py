"""What the warehouse knows of the channel itself."""

from __future__ import annotations

from typing import Any

from pipelines import contract as contracts
from pipelines import database, lake
from pipelines.errors import UrbanBrainError
from pipelines.lake import Window
from pipelines.receipt import Receipt
from pipelines.run.batches import ROW_EQUATION
from pipelines.run.opening import loaded
from pipelines.run.warehouse import UNEQUAL


def summary() -> dict[str, Any]:
    """The whole history in a few numbers: rows per feed, rows per table, the current release."""
    sums = ", ".join(f"sum({name})::bigint as {name}" for name in ROW_EQUATION)
    with loaded() as connection:
        feeds = connection.execute(
            f"select feed_id, level, count(*) as batches, {sums}, count(*) filter ({UNEQUAL}) as difference, "
            "count(distinct window_end) as days from ops.batches group by feed_id, level "
            "order by list_position(['city', 'district', 'street'], level), feed_id"
        )
        names = [column[0] for column in feeds.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in feeds.fetchall()]
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('governance', 'city', 'district', 'street') and table_type = 'BASE TABLE' order by all"
        ).fetchall()
        sizes = [
            {
                "table": name,
                "rows": (connection.execute(f"select count(*) from {name}").fetchone() or (0,))[0],
            }
            for (name,) in tables
        ]
    current = lake.releases() / "CURRENT"
    return {
        "feeds": rows,
        "tables": sizes,
        "release": current.read_text(encoding="utf-8").strip() if current.exists() else "",
        "days": max((row["days"] for row in rows), default=0),
    }


def trace(table: str, key: str) -> list[dict[str, Any]]:
    """Where a warehouse row came from: batch, row number and landed parts. `key` is its primary key, `/` between parts."""
    feed = next((each for each in contracts.load_all() if each.table == table), None)
    if feed is None:
        raise UrbanBrainError(
            f"{table!r} is not a feed's table",
            next_step="feeds' tables: " + ", ".join(each.table for each in contracts.load_all()),
        )
    columns = " || '/' || ".join(f"{database.quoted(name)}::varchar" for name in feed.key)
    with loaded() as connection:
        found = connection.execute(
            f"select row_.feed, row_.batch_id, row_.row_number, batch.window_start, batch.window_end from "
            f"(select ? as feed, _batch_id as batch_id, _row_number as row_number, 'warehouse' as place from {table} "
            f"where {columns} = ? union all select feed_id, batch_id, row_number, 'quarantine' from ops.quarantine "
            "where feed_id = ? and business_key = ?) as row_ join ops.batches as batch "
            "on batch.feed_id = row_.feed and batch.batch_id = row_.batch_id order by all",
            [feed.feed_id, key, feed.feed_id, key],
        ).fetchall()
    traced = []
    for feed_id, batch_id, number, start, end in found:
        folder = lake.Batch(feed_id, Window(start, end), batch_id).folder("landing")
        names = [part.name for part in Receipt.read(folder).parts] if (folder / lake.RECEIPT).exists() else []
        traced.append(
            {"feed": feed_id, "batch": batch_id, "row_number": number, "landed": str(folder), "parts": names}
        )
    return traced
