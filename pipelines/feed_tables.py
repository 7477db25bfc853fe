"""The tables of one feed in the warehouse: how they are made, and how a batch is merged into them.

    <level>.<name>            the newest version of every row
    <level>.<name>_history    every version of every row and when it was the newest known, where the contract
                              says `keepVersions`

A row's version is what the contract names in `versionColumns`, then the end of its window, then when it was
landed; of a snapshot the window comes first, for a later one is the truth. So the same rows end in the same table
in whatever order their batches come. What was known when depends on the order of landing, so a feed that keeps
versions is merged in that order only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.contract import dictionary
from pipelines.contract.model import Contract
from pipelines.database import count, literal, quoted, transaction
from pipelines.receipt import CORRECTION, Receipt

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Merged:
    """What became of a batch's rows."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0

    @property
    def total(self) -> int:
        return self.inserted + self.updated + self.unchanged + self.stale


def make(connection: DuckDBPyConnection, contract: Contract) -> bool:
    """Make the feed's tables where there are none; whether all were there, with the columns of the contract."""
    with transaction(connection):
        connection.execute(f"create schema if not exists {quoted(contract.level)}")
        if not contract.keep_versions:
            connection.execute(f"drop table if exists {contract.history_table}")
        fits = [_make(connection, *promise) for promise in _promises(contract)]
        if all(fits):
            _comment(connection, contract)
    return all(fits)


def make_anew(connection: DuckDBPyConnection, contract: Contract) -> None:
    """Make the feed's tables empty."""
    for table, create in _promises(contract):
        connection.execute(f"drop table if exists {table}")
        connection.execute(create)
    _comment(connection, contract)


def _promises(contract: Contract) -> list[tuple[str, str]]:
    """Each table of a feed, with the statement that makes it."""
    promises = [(contract.table, dictionary.create_table(contract))]
    if contract.keep_versions:
        promises.append((contract.history_table, dictionary.create_history(contract)))
    return promises


def _make(connection: DuckDBPyConnection, table: str, create: str) -> bool:
    columns = "select column_name, column_type from (describe {})"
    is_new = not count(
        connection,
        f"select count(*) from duckdb_tables() where schema_name || '.' || table_name = {literal(table)}",
    )
    connection.execute(create)
    promise = create.replace(
        f"create table if not exists {table}", "create or replace temp table promised", 1
    )
    connection.execute(promise)
    found, promised = (connection.execute(columns.format(name)).fetchall() for name in (table, "promised"))
    connection.execute("drop table promised")
    return not is_new and found == promised


def _comment(connection: DuckDBPyConnection, contract: Contract) -> None:
    said = dictionary.comments(contract)
    if contract.keep_versions:
        said += dictionary.history_comments(contract)
    for statement in said:
        connection.execute(statement)


def merge(connection: DuckDBPyConnection, contract: Contract, receipt: Receipt, rows: Path) -> Merged:
    """Merge the validated rows of one batch into the feed's tables."""
    key = [quoted(name) for name in contract.key]
    same_key = _same(key)
    content = [
        quoted(column.name)
        for column in contract.stored_columns
        if column.name not in contract.version_columns
    ]
    named = [quoted(name) for name in contract.version_columns]
    pulled = ["_window_end", "_landed_at", "_batch_id"]
    version = [*pulled, *named] if contract.is_snapshot else [*named, *pulled]
    is_newer = f"({', '.join(f'new.{name}' for name in version)}) >= ({', '.join(f'old.{name}' for name in version)})"
    connection.execute(
        f"create or replace temp table incoming as select *{_new_columns(connection, contract, rows)}, "
        f"{literal(receipt.batch_id)} as _batch_id, "
        f"timestamptz {literal(receipt.window.end.isoformat())} as _window_end, "
        f"timestamptz {literal(receipt.landed_at.isoformat())} as _landed_at, "
        f"row_number() over (partition by {', '.join(key)} "
        f"order by {', '.join(f'{name} desc nulls last' for name in version)}, _row_number desc) as _rank "
        f"from read_parquet({literal(str(rows))})"
    )
    # Snapshots and censuses say what is gone once they are merged, in `tombstones`; nothing is until then.
    living = (
        ", false as _is_deleted_upstream, null as _deleted_upstream_at" if contract.tells_what_is_gone else ""
    )
    if contract.census:
        # What an office corrected the source need not have any more.
        seen = "coalesce" if receipt.origin == CORRECTION else "greatest"
        living += f", {seen}(old._last_landed_at, new._landed_at) as _last_landed_at"
    is_new = f", old._batch_id is null or not {_is_same([*named, *content])} as _is_new_version"
    connection.execute(
        f"create or replace temp table decided as select new.*{living}{is_new if contract.keep_versions else ''}, "
        "least(old._first_landed_at, new._landed_at) as _first_landed_at, "
        "case when old._batch_id is null then 'inserted' "
        f"when not {is_newer} then 'stale' when {_is_same(content)} then 'unchanged' else 'updated' end as _outcome "
        f"from incoming as new left join {contract.table} as old on {same_key} where new._rank = 1"
    )
    if contract.keep_versions:
        _keep(connection, contract, same_key, _same([*named, *content]))
    # A row that sums up others counts as those: each row received ends in exactly one outcome.
    rows_of = "coalesce(sum(len(_row_numbers)), 0)::bigint" if contract.is_reduced else "count(*)"
    outcomes = dict(connection.execute(f"select _outcome, {rows_of} from decided group by all").fetchall())
    surplus = count(connection, f"select {rows_of} from incoming where _rank > 1")
    connection.execute(
        f"delete from {contract.table} as old using decided as new where new._outcome <> 'stale' and {same_key}"
    )
    # A stale row keeps out of the table, but its key may have been landed earlier than anybody knew, and is still there.
    connection.execute(
        f"update {contract.table} as old set _first_landed_at = new._first_landed_at from decided as new "
        f"where new._outcome = 'stale' and new._first_landed_at < old._first_landed_at and {same_key}"
    )
    if contract.census:
        connection.execute(
            f"update {contract.table} as old set _last_landed_at = new._last_landed_at from decided as new "
            f"where new._outcome = 'stale' and new._last_landed_at > old._last_landed_at and {same_key}"
        )
    connection.execute(
        f"insert into {contract.table} by name select {_columns(connection, contract.table)} from decided "
        f"where _outcome <> 'stale' order by {', '.join(key)}"
    )
    connection.execute("drop table incoming")
    connection.execute("drop table decided")
    return Merged(
        outcomes.get("inserted", 0),
        outcomes.get("updated", 0),
        outcomes.get("unchanged", 0),
        outcomes.get("stale", 0) + surplus,
    )


def _keep(connection: DuckDBPyConnection, contract: Contract, same_key: str, same_version: str) -> None:
    """Put the versions of `incoming` that are not known yet into the history, after what `decided` says of them.

    What was sent again word for word is no new version. A version that came too late to be the newest, or
    together with a newer one, was the newest from its landing to its landing: never.
    """
    history = contract.history_table
    is_newest = "new._outcome <> 'stale' and new._is_new_version"
    connection.execute(
        f"update {history} as old set _known_to = new._landed_at from decided as new "
        f"where old._known_to is null and {is_newest} and {same_key}"
    )
    columns = ", ".join(
        quoted(name)
        for name in (
            *(column.name for column in contract.stored_columns),
            *(name for name, *_ in dictionary.history_lineage(contract)),
        )
        if name not in ("_known_from", "_known_to")
    )
    connection.execute(
        f"insert into {history} by name select {columns}, _landed_at as _known_from, null as _known_to "
        f"from decided as new where {is_newest} order by {', '.join(map(quoted, contract.key))}"
    )
    connection.execute(
        f"insert into {history} by name select {columns}, _landed_at as _known_from, _landed_at as _known_to from ("
        f"select new.*, old._first_landed_at from incoming as new inner join decided as old on {same_key} "
        "where new._rank > 1 or old._outcome = 'stale') as new "
        f"where not exists (select 1 from {history} as old where {same_version}) "
        f"order by {', '.join(map(quoted, contract.key))}, _row_number"
    )


def _same(names: list[str]) -> str:
    """SQL for whether two rows agree in columns, as conditions a join can hash."""
    return " and ".join(f"old.{name} is not distinct from new.{name}" for name in names)


def _is_same(names: list[str]) -> str:
    """The same as one comparison, for rows already side by side."""
    old, new = (", ".join(f"{side}.{name}" for name in names) for side in ("old", "new"))
    return f"(({new}) is not distinct from ({old}))"


def _columns(connection: DuckDBPyConnection, table: str) -> str:
    found = connection.execute(f"select column_name from (describe {table})").fetchall()
    return ", ".join(quoted(name) for (name,) in found)


def _new_columns(connection: DuckDBPyConnection, contract: Contract, rows: Path) -> str:
    """Columns the contract gained after these rows were judged; they have nothing in them."""
    found = {
        row[0] for row in connection.execute(f"describe from read_parquet({literal(str(rows))})").fetchall()
    }
    return "".join(
        f", null::{column.type} as {quoted(column.name)}"
        for column in contract.stored_columns
        if column.name not in found
    )
