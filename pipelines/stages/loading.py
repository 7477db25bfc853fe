"""Validated batches go into the warehouse: newest version wins, one transaction a batch, nothing twice.

    validated = inserted + updated + unchanged + stale

A row's version is what the contract names in `versionColumns`, then the end of its window, then when it was
landed: the same rows end in the same table in whatever order their batches come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines.contract import dictionary
from pipelines.contract.model import Contract
from pipelines.database import count, literal, quoted, transaction
from pipelines.errors import WarehouseError
from pipelines.lake import ROWS, batches
from pipelines.receipt import Receipt

if TYPE_CHECKING:
    import duckdb

_OPS = """
create schema if not exists ops;
create table if not exists ops.batches (
    feed_id varchar not null, level varchar not null, window_start timestamptz not null,
    window_end timestamptz not null, batch_id varchar not null, landed_at timestamptz not null,
    received bigint not null, validated bigint not null, quarantined bigint not null, duplicate bigint not null,
    refused bigint not null, inserted bigint not null, updated bigint not null, unchanged bigint not null,
    stale bigint not null, is_refused boolean not null, reason varchar, warnings varchar[],
    contract_version varchar not null, contract_sha256 varchar not null,
    primary key (feed_id, window_start, window_end, batch_id)
);
create table if not exists ops.quarantine (
    feed_id varchar not null, level varchar not null, window_start timestamptz not null, batch_id varchar not null,
    row_number bigint not null, business_key varchar, street_code varchar,
    reasons struct(rule varchar, severity varchar, column_name varchar, found varchar, expected_en varchar,
        expected_zh varchar)[] not null,
    received varchar not null, landed_at timestamptz not null
);
create table if not exists ops.expectations (
    feed_id varchar not null, level varchar not null, business_date date not null, expected_by timestamptz not null,
    is_mandatory boolean not null, primary key (feed_id, business_date)
);
"""
_BOOKKEEPING = ("_batch_id", "_row_number", "_window_end", "_landed_at")


@dataclass(frozen=True)
class Loaded:
    """What one batch did to the warehouse, in rows."""

    feed_id: str
    batch_id: str
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    quarantined: int = 0
    is_refused: bool = False


def load(connection: duckdb.DuckDBPyConnection, contracts: list[Contract]) -> list[Loaded]:
    """Load every validated or refused batch the warehouse does not have yet, oldest window first.

    Raises WarehouseError when a batch's counts do not add up; the batches before it stay loaded.
    """
    by_feed = {contract.feed_id: contract for contract in contracts}
    with transaction(connection):
        connection.execute(_OPS)
        connection.execute(f"create schema if not exists {quoted('ref')}")
        for contract in contracts:
            connection.execute(f"create schema if not exists {quoted(contract.level)}")
            for statement in (dictionary.create_table(contract), *dictionary.comments(contract)):
                connection.execute(statement)
    loaded = []
    for folder in pending(connection):
        receipt = Receipt.read(folder)
        if receipt.feed_id in by_feed:
            with transaction(connection):
                loaded.append(_load(connection, by_feed[receipt.feed_id], receipt, folder))
    with transaction(connection):
        _expect(connection, contracts)
    return loaded


def pending(connection: duckdb.DuckDBPyConnection) -> list[Path]:
    """Folders of validated and refused batches that the warehouse has not taken, oldest landing first."""
    known = {
        tuple(key): is_refused
        for *key, is_refused in connection.execute(
            "select feed_id, window_start, window_end, batch_id, is_refused from ops.batches"
        ).fetchall()
    }
    folders = [(Receipt.read(folder), folder) for folder in (*batches("validated"), *batches("refused"))]
    folders.sort(key=lambda item: (item[0].landed_at, item[0].feed_id, item[0].window, item[0].batch_id))
    waiting = []
    for receipt, folder in folders:
        was_refused = known.get(
            (receipt.feed_id, receipt.window.start, receipt.window.end, receipt.batch_id)
        )
        # What was refused under an older contract may have been let in under a newer one.
        if was_refused is None or (was_refused and receipt.stage == "validated"):
            waiting.append(folder)
    return waiting


def _load(
    connection: duckdb.DuckDBPyConnection, contract: Contract, receipt: Receipt, folder: Path
) -> Loaded:
    if receipt.stage == "refused":
        counts = (0, 0, 0, 0)
    else:
        counts = _merge(connection, contract, receipt, folder / ROWS)
        _quarantine(connection, contract, receipt)
    inserted, updated, unchanged, stale = counts
    if receipt.validated != sum(counts) or receipt.difference:
        raise WarehouseError(
            f"{contract.feed_id}: batch {receipt.batch_id} validated {receipt.validated:,} rows, but "
            f"{inserted:,} inserted + {updated:,} updated + {unchanged:,} unchanged + {stale:,} stale are {sum(counts):,}",
            next_step="this is a defect of the pipeline: keep the batch and report it; nothing of it was loaded",
        )
    connection.execute(
        f"insert or replace into ops.batches values ({', '.join(['?'] * 20)})",
        [
            receipt.feed_id, contract.level, receipt.window.start, receipt.window.end, receipt.batch_id,
            receipt.landed_at, receipt.received, receipt.validated, receipt.quarantined, receipt.duplicate,
            receipt.refused, inserted, updated, unchanged, stale, receipt.stage == "refused",
            receipt.details.get("reason"), list(receipt.warnings), receipt.contract_version, receipt.contract_sha256,
        ],
    )  # fmt: skip
    return Loaded(
        receipt.feed_id, receipt.batch_id, inserted, updated, unchanged, stale, receipt.quarantined,
        receipt.stage == "refused",
    )  # fmt: skip


def _merge(
    connection: duckdb.DuckDBPyConnection, contract: Contract, receipt: Receipt, rows: Path
) -> tuple[int, int, int, int]:
    """Merge one batch into its table; returns (inserted, updated, unchanged, stale)."""
    key = [quoted(name) for name in contract.key]
    same_key = " and ".join(f"old.{name} is not distinct from new.{name}" for name in key)
    content = [
        quoted(column.name)
        for column in contract.stored_columns
        if column.name not in contract.version_columns
    ]
    version = [*(quoted(name) for name in contract.version_columns), "_window_end", "_landed_at", "_batch_id"]
    is_newer = f"({', '.join(f'new.{name}' for name in version)}) >= ({', '.join(f'old.{name}' for name in version)})"
    is_same = f"({', '.join(f'new.{name}' for name in content)}) is not distinct from ({', '.join(f'old.{name}' for name in content)})"
    connection.execute(
        f"create or replace temp table incoming as select *, {literal(receipt.batch_id)} as _batch_id, "
        f"timestamptz {literal(receipt.window.end.isoformat())} as _window_end, "
        f"timestamptz {literal(receipt.landed_at.isoformat())} as _landed_at "
        f"from read_parquet({literal(str(rows))}) "
        f"qualify row_number() over (partition by {', '.join(key)} "
        f"order by {', '.join(f'{name} desc nulls last' for name in version)}, _row_number desc) = 1"
    )
    total = count(connection, f"select count(*) from read_parquet({literal(str(rows))})")
    connection.execute(
        f"create or replace temp table decided as select new.*, case when old._batch_id is null then 'inserted' "
        f"when not {is_newer} then 'stale' when {is_same} then 'unchanged' else 'updated' end as _outcome "
        f"from incoming as new left join {contract.table} as old on {same_key}"
    )
    outcomes = dict(connection.execute("select _outcome, count(*) from decided group by all").fetchall())
    connection.execute(
        f"delete from {contract.table} as old using decided as new where new._outcome <> 'stale' and {same_key}"
    )
    columns = ", ".join(
        row[0]
        for row in connection.execute(f"select column_name from (describe {contract.table})").fetchall()
    )
    connection.execute(
        f"insert into {contract.table} by name select {columns} from decided where _outcome <> 'stale' "
        f"order by {', '.join(key)}"
    )
    newest = sum(outcomes.values())
    connection.execute("drop table incoming")
    connection.execute("drop table decided")
    return (
        outcomes.get("inserted", 0),
        outcomes.get("updated", 0),
        outcomes.get("unchanged", 0),
        outcomes.get("stale", 0) + total - newest,
    )


def _quarantine(connection: duckdb.DuckDBPyConnection, contract: Contract, receipt: Receipt) -> None:
    rows = receipt.batch.folder("quarantine") / ROWS
    connection.execute(
        "insert into ops.quarantine select ?, ?, ?, ?, _row_number, business_key, area_code, reasons, received, ? "
        f"from read_parquet({literal(str(rows))}) order by _row_number",
        [receipt.feed_id, contract.level, receipt.window.start, receipt.batch_id, receipt.landed_at],
    )


def _expect(connection: duckdb.DuckDBPyConnection, contracts: list[Contract]) -> None:
    """Write down every day each feed should have delivered, from its first window to the newest of any feed."""
    import croniter

    known = {
        feed_id: (first, last)
        for feed_id, first, last in connection.execute(
            "select feed_id, min(window_start), max(window_end) from ops.batches group by all"
        ).fetchall()
    }
    if not known:
        return
    newest = max(last for _, last in known.values())
    rows: list[tuple[object, ...]] = []
    for contract in contracts:
        first = known.get(contract.feed_id, (min(start for start, _ in known.values()), None))[0]
        zone = ZoneInfo(contract.timezone)
        after = first.astimezone(zone)
        # One firing tells that a day is expected; the next to ask for is the first one of a later day.
        while (fired := croniter.croniter(contract.schedule, after, ret_type=datetime).get_next()) <= newest:
            # A run at the very start of a day brings the day before.
            day = (fired - timedelta(microseconds=1)).date()
            after = _day_end(day, zone)
            rows.append((contract.feed_id, contract.level, day, after + contract.latency, True))
    connection.execute("delete from ops.expectations")
    if rows:
        # As one statement of lists: row by row, years of days would take longer than the load itself.
        connection.execute(
            f"insert into ops.expectations select {', '.join(['unnest(?)'] * 5)}",
            [list(column) for column in zip(*rows, strict=True)],
        )


def _day_end(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, datetime.min.time(), zone) + timedelta(days=1)
