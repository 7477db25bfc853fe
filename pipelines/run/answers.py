"""What the warehouse knows of the channel itself."""

from __future__ import annotations

from typing import Any

from pipelines import releases
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
    return {
        "feeds": rows,
        "tables": sizes,
        "release": releases.pointer(),
        "days": max((row["days"] for row in rows), default=0),
    }
