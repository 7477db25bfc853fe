"""Where sources no longer send what their contracts say, as the warehouse knows it."""

from __future__ import annotations

from typing import Any

from pipelines.database import literal
from pipelines.run.opening import has_table, loaded, rows_of


def drifts(feed_id: str = "") -> list[dict[str, Any]]:
    """Everything that was not as a contract says, once each: since when, in how many batches, whether it is still so.

    Rows of `ops.drift`, what came last first; `said_en` and `said_zh` are the words of its newest batch.
    """
    with loaded() as connection:
        if not has_table(connection, "ops", "drift"):
            return []
        return rows_of(
            connection,
            "select feed_id, kind, column_name, found, arg_max(mode, landed_at) as mode, count(*) as batch_count, "
            "min(first_seen_at) as first_seen_at, max(landed_at) as last_seen_at, "
            "max(landed_at) = any_value((select max(batches.landed_at) from ops.batches where "
            "batches.feed_id = drift.feed_id and origin = 'source')) as is_still_so, "
            "arg_min(said_en, landed_at) as said_en, arg_min(said_zh, landed_at) as said_zh "
            f"from ops.drift as drift where {literal(feed_id)} in ('', feed_id) group by feed_id, kind, column_name, found "
            "order by first_seen_at desc, feed_id, kind, column_name, found",
        )
