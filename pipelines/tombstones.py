"""What is gone at the source: marked in the tables of snapshots, never deleted.

A snapshot brings everything there is, so what it lacks is gone: schools that closed, devices taken down. A row that
came but was bad is not gone; it stands in quarantine. What appears again is there again. A snapshot much smaller than
the one before (`snapshotFloor` of the contract), or empty, is an accident and says nothing about what is gone.

The marks follow from all snapshots together, by the end of their windows, in whatever order they were loaded.
Pulls that bring only what changed say nothing about what is gone. A census of their keys, pulled now and then, would:
it is a snapshot of keys, and would be counted here like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.contract.model import Contract
from pipelines.database import literal, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def mark(connection: DuckDBPyConnection, contract: Contract) -> None:
    """Mark each row of a snapshot feed that a later snapshot lacks, and unmark what is there again."""
    table, feed = contract.table, literal(contract.feed_id)
    connection.execute(
        "create or replace temp table snapshots as "
        "select batch_id, window_end, landed_at, validated + quarantined as row_count, "
        "row_number() over (order by window_end, landed_at, batch_id) as number "
        f"from ops.batches where feed_id = {feed} and not is_refused"
    )
    connection.execute(
        "create or replace temp table believed as select number, landed_at from snapshots "
        f"where list_contains({_believed(connection, contract)}, number)"
    )
    dated = _dated(contract)
    key = "concat_ws('/', " + ", ".join(f"{quoted(name)}::varchar" for name in contract.key) + ")"
    last_day = (
        f"((snapshots.window_end - interval 1 microsecond) at time zone {literal(contract.timezone)})::date"
    )
    own_days = [f"{quoted(name)}::varchar" for name in dated]
    connection.execute(
        "create or replace temp table seen as select thing, max(number) as number from ("
        f"select {_thing(key, own_days)} as thing, number from {table} as kept inner join snapshots "
        "on kept._batch_id = snapshots.batch_id and kept._window_end = snapshots.window_end union all "
        f"select {_thing('business_key', [f'{last_day}::varchar' for _ in dated])} as thing, number "
        "from ops.quarantine as bad inner join snapshots on bad.batch_id = snapshots.batch_id "
        f"and bad.landed_at = snapshots.landed_at where bad.feed_id = {feed}) group by thing"
    )
    connection.execute(
        f"update {table} as kept set _is_deleted_upstream = gone.since is not null, _deleted_upstream_at = gone.since "
        f"from (select kept.rowid as row_id, believed.landed_at as since from {table} as kept "
        f"inner join seen on {_thing(key, own_days)} = seen.thing "
        "asof left join believed on seen.number < believed.number) as gone "
        "where kept.rowid = gone.row_id and kept._deleted_upstream_at is distinct from gone.since"
    )
    for name in ("snapshots", "believed", "seen"):
        connection.execute(f"drop table {name}")


def _believed(connection: DuckDBPyConnection, contract: Contract) -> list[int]:
    """Numbers of the snapshots large enough to tell what is gone, each next to the believed one before it."""
    believed, before = [], 0
    found = connection.execute("select number, row_count from snapshots order by number").fetchall()
    for number, rows in found:
        if rows > 0 and rows >= contract.snapshot_floor * before:
            believed.append(number)
            before = rows
    return believed


def _dated(contract: Contract) -> list[str]:
    """Columns of the key that hold the day of the snapshot: of each thing there is a row a snapshot."""
    return [column.name for column in contract.columns if column.is_key and column.constant]


def _thing(key: str, days: list[str]) -> str:
    """SQL for what a key is about, as text: the key without the day of its snapshot."""
    thing = f"'/' || {key} || '/'" if days else key
    for day in days:
        thing = f"replace({thing}, '/' || {day} || '/', '/')"
    return thing
