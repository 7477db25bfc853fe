"""What is gone at the source: marked in the tables of snapshots and of feeds with a census, never deleted.

A snapshot brings everything there is, so what it lacks is gone: schools that closed, devices taken down. A row that
came but was bad is not gone; it stands in quarantine. What appears again is there again. A snapshot much smaller than
the one before (`snapshotFloor` of the contract), or empty, is an accident and says nothing about what is gone.

The marks follow from all snapshots together, by the end of their windows, in whatever order they were loaded.
Rows an office sent back are no snapshot: they belong to the one of their window that was there when they came.
Pulls that bring only what changed say nothing about what is gone. A census does: now and then the source is asked for
all it holds of some months, and what should be in there and is not is gone since that census was pulled. Rows that the
source's question does not reach, by the time it is asked by, are left as they are, and so is what came after it, in
whatever version. The first census is held against what was known then, every other one against the one before.
Where versions are kept, what is gone is known no more from then on, until it is there again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.contract import dictionary
from pipelines.contract.model import Census, Contract
from pipelines.database import count, literal, quoted
from pipelines.receipt import CENSUS, CORRECTION

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def mark(connection: DuckDBPyConnection, contract: Contract) -> None:
    """Mark each row that a later snapshot or census lacks, and unmark what is there again."""
    if contract.is_snapshot:
        _mark_by_snapshots(connection, contract)
    elif contract.census and _take_down_censuses(connection, contract, contract.census):
        _mark_by_censuses(connection, contract, contract.census)


def _mark_by_snapshots(connection: DuckDBPyConnection, contract: Contract) -> None:
    table, feed = contract.table, literal(contract.feed_id)
    connection.execute(
        "create or replace temp table snapshots as "
        "select batch_id, window_end, landed_at, validated + quarantined as row_count, "
        "row_number() over (order by window_end, landed_at, batch_id) as number "
        f"from ops.batches where feed_id = {feed} and not is_refused and origin = 'source'"
    )
    connection.execute(
        "create or replace temp table members as select batch_id, window_end, landed_at, number from snapshots union all "
        "select sent.batch_id, sent.window_end, sent.landed_at, max(snapshots.number) from ops.batches as sent "
        "inner join snapshots on sent.window_end = snapshots.window_end and sent.landed_at >= snapshots.landed_at "
        f"where sent.feed_id = {feed} and not sent.is_refused and sent.origin = 'correction' group by all"
    )
    connection.execute(
        "create or replace temp table believed as select number, landed_at from snapshots "
        f"where list_contains({_believed(connection, contract.snapshot_floor)}, number)"
    )
    dated = _dated(contract)
    key = "concat_ws('/', " + ", ".join(f"{quoted(name)}::varchar" for name in contract.key) + ")"
    last_day = (
        f"((members.window_end - interval 1 microsecond) at time zone {literal(contract.timezone)})::date"
    )
    own_days = [f"{quoted(name)}::varchar" for name in dated]
    connection.execute(
        "create or replace temp table seen as select thing, max(number) as number from ("
        f"select {_thing(key, own_days)} as thing, number from {table} as kept inner join members "
        "on kept._batch_id = members.batch_id and kept._window_end = members.window_end union all "
        f"select {_thing('business_key', [f'{last_day}::varchar' for _ in dated])} as thing, number "
        "from ops.quarantine as bad inner join members on bad.batch_id = members.batch_id "
        f"and bad.landed_at = members.landed_at where bad.feed_id = {feed}) group by thing"
    )
    connection.execute(
        f"update {table} as kept set _is_deleted_upstream = gone.since is not null, _deleted_upstream_at = gone.since "
        f"from (select kept.rowid as row_id, believed.landed_at as since from {table} as kept "
        f"inner join seen on {_thing(key, own_days)} = seen.thing "
        "asof left join believed on seen.number < believed.number) as gone "
        "where kept.rowid = gone.row_id and kept._deleted_upstream_at is distinct from gone.since"
    )
    for name in ("snapshots", "members", "believed", "seen"):
        connection.execute(f"drop table {name}")


def _take_down_censuses(connection: DuckDBPyConnection, contract: Contract, census: Census) -> bool:
    """snapshots: the censuses that are loaded, with what was known before the first one; whether there is any."""
    if not count(
        connection,
        f"select count(*) from ops.batches where feed_id = {literal(contract.feed_id)} and origin = '{CENSUS}' "
        "and not is_refused",
    ):
        return False
    connection.execute(
        "create or replace temp table snapshots as "
        "select batch_id, window_start, landed_at, validated + quarantined as row_count, "
        "row_number() over (order by landed_at, window_end, batch_id) as number "
        f"from ops.batches where feed_id = {literal(contract.feed_id)} and origin = '{CENSUS}' and not is_refused"
    )
    connection.execute(
        "insert into snapshots by name select 0 as number, count(*) as row_count from "
        f"{contract.table} as kept inner join snapshots on snapshots.number = 1 "
        f"where kept.{quoted(census.by)} >= snapshots.window_start and kept._first_landed_at < snapshots.landed_at"
    )
    return True


def _mark_by_censuses(connection: DuckDBPyConnection, contract: Contract, census: Census) -> None:
    table, feed = contract.table, literal(contract.feed_id)
    key = "concat_ws('/', " + ", ".join(f"kept.{quoted(name)}::varchar" for name in contract.key) + ")"
    connection.execute(
        "create or replace temp table believed as select landed_at, window_start from snapshots "
        f"where number > 0 and list_contains({_believed(connection, census.floor)}, number)"
    )
    # A row that came but was bad is there; of one that an office sent back nobody knows.
    connection.execute(
        "create or replace temp table seen as select business_key, max(landed_at) as landed_at from ops.quarantine "
        f"where feed_id = {feed} and business_key is not null "
        "and landed_at >= (select min(landed_at) from snapshots) "
        f"and batch_id not in (select batch_id from ops.batches where feed_id = {feed} and origin = '{CORRECTION}') "
        "group by all"
    )
    connection.execute(
        "create or replace temp table gone as select kept.rowid as row_id, min(believed.landed_at) as since "
        f"from {table} as kept left join seen on {key} = seen.business_key left join believed "
        "on believed.landed_at > greatest(kept._last_landed_at, seen.landed_at) "
        f"and kept.{quoted(census.by)} >= believed.window_start group by kept.rowid"
    )
    connection.execute(
        f"update {table} as kept set _is_deleted_upstream = gone.since is not null, _deleted_upstream_at = gone.since "
        "from gone where kept.rowid = gone.row_id and kept._deleted_upstream_at is distinct from gone.since"
    )
    if contract.keep_versions:
        _keep(connection, contract, key)
    for name in ("snapshots", "believed", "seen", "gone"):
        connection.execute(f"drop table {name}")


def _keep(connection: DuckDBPyConnection, contract: Contract, key: str) -> None:
    """End the newest version of what is gone, and begin another one of what is there again."""
    history = contract.history_table
    same = " and ".join(f"kept.{quoted(name)} = old.{quoted(name)}" for name in contract.key)
    connection.execute(
        f"update {history} as old set _known_to = kept._deleted_upstream_at from {contract.table} as kept "
        f"where old._known_to is null and kept._is_deleted_upstream and {same}"
    )
    columns = ", ".join(
        f"kept.{quoted(name)}"
        for name in (
            *(column.name for column in contract.stored_columns),
            *(name for name, *_ in dictionary.history_lineage(contract)),
        )
        if name not in ("_known_from", "_known_to")
    )
    connection.execute(
        f"insert into {history} by name select {columns}, "
        "greatest(kept._last_landed_at, seen.landed_at) as _known_from, null as _known_to "
        f"from {contract.table} as kept left join seen on {key} = seen.business_key "
        f"where not kept._is_deleted_upstream and not exists (select 1 from {history} as old "
        f"where old._known_to is null and {same}) order by {', '.join(f'kept.{quoted(name)}' for name in contract.key)}"
    )


def _believed(connection: DuckDBPyConnection, floor: float) -> list[int]:
    """Numbers of the snapshots large enough to tell what is gone, each next to the believed one before it."""
    believed, before = [], 0
    found = connection.execute("select number, row_count from snapshots order by number").fetchall()
    for number, rows in found:
        if rows > 0 and rows >= floor * before:
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
