"""Back: everything that arrived of one record of a feed."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.contract.model import Contract
from pipelines.tracing import received_bytes
from pipelines.tracing.links import Links, Row


def record(links: Links, feed: Contract, key: str) -> Row:
    """Everything that arrived of one record of a feed: each batch with the row's numbers and where its bytes are."""
    numbers: dict[str, set[int]] = {}
    rows = links.rows(feed.table, feed.key, [key])
    versions = links.rows(feed.history_table, feed.key, [key]) if feed.keep_versions else rows
    for row in [*rows, *versions]:
        numbers.setdefault(row["_batch_id"], set()).add(row["_row_number"])
    told = {promise.name: _kept_of(links, promise, feed, key) for promise in _of_rows(links)}
    for row in told.get("quarantine", []):
        numbers.setdefault(row["batch_id"], set()).add(row["row_number"])
    batches = _batches(links, feed, numbers)
    for batch in batches:
        received_bytes.find(feed, batch, key)
    return {
        "feed": feed.feed_id,
        "table": feed.table,
        "key": key,
        "is_loaded": bool(rows),
        "versions": [
            {
                name: row[name]
                for name in ("_batch_id", "_row_number", "_known_from", "_known_to")
                if name in row
            }
            for row in sorted(
                versions,
                key=lambda row: (row.get("_known_from") or row["_landed_at"], row["_row_number"]),
            )
        ],
        **{name: kept for name, kept in told.items() if kept},
        "batches": batches,
    }


def _of_rows(links: Links) -> list[Contract]:
    """What the channel keeps of single rows: set aside, corrected, …"""
    return [
        each
        for each in links.promises.values()
        if each.level == "ops"
        and each.table in links.there
        and {"feed_id", "business_key"} <= {column.name for column in each.columns}
    ]


def _kept_of(links: Links, promise: Contract, feed: Contract, key: str) -> list[Row]:
    rows = links.fetch(
        f"select * from {promise.table} where feed_id = ? and business_key = ? order by all",
        [feed.feed_id, key],
    )
    return [{name: value for name, value in row.items() if value not in (None, [])} for row in rows]


def _batches(links: Links, feed: Contract, numbers: Mapping[str, set[int]]) -> list[Row]:
    rows = links.fetch(
        "select batch_id, window_start, window_end, origin, landed_at, contract_version from ops.batches "
        "where feed_id = ? and list_contains(?, batch_id) order by landed_at, batch_id",
        [feed.feed_id, sorted(numbers)],
    )
    return [{**row, "row_numbers": sorted(numbers[row["batch_id"]])} for row in rows]
