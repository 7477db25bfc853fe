"""Validated batches go into the warehouse: newest version wins, one transaction a batch, nothing twice.

    validated = inserted + updated + unchanged + stale

A row's version is what the contract names in `versionColumns`, then the end of its window, then when it was
landed: the same rows end in the same table in whatever order their batches come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines import privacy
from pipelines.contract import dictionary
from pipelines.contract.model import Contract
from pipelines.database import count, literal, quoted, transaction
from pipelines.errors import DataError, WarehouseError
from pipelines.lake import ROWS, Stage, batches, stamp
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

_STAGES: tuple[Stage, ...] = (
    "refused",
    "validated",
)  # a batch let in under a newer contract counts as validated


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
    """Load every validated or refused batch the warehouse does not have yet, oldest landing first.

    A feed whose contract changed its columns, or whose batches were judged again, is loaded anew from all its
    validated batches. Raises WarehouseError naming every feed that could not be loaded; the others are.
    """
    import duckdb

    prepare(connection)
    loaded, problems = [], []
    for contract in contracts:
        try:
            loaded += _load_feed(connection, contract)
        except (WarehouseError, DataError, duckdb.Error) as error:
            reason = privacy.scrub(str(error)) if isinstance(error, duckdb.Error) else error.message
            problems.append(f"{contract.feed_id}: {reason}")
    with transaction(connection):
        _expect(connection, contracts)
    if problems:
        raise WarehouseError(
            "not every feed could be loaded\n" + "\n".join(f"  {line}" for line in problems),
            next_step="the other feeds are loaded; look at the batches named, land and judge them again",
        )
    return loaded


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that say what was loaded, where there are none."""
    with transaction(connection):
        connection.execute(_OPS)


def _load_feed(connection: duckdb.DuckDBPyConnection, contract: Contract) -> list[Loaded]:
    known = {
        (stamp(start), batch_id): (sha256, is_refused)
        for start, batch_id, sha256, is_refused in connection.execute(
            "select window_start, batch_id, contract_sha256, is_refused from ops.batches where feed_id = ?",
            [contract.feed_id],
        ).fetchall()
    }
    folders = {_key(path): path for stage in _STAGES for path in batches(stage, contract.feed_id)}
    if _table_differs(connection, contract) or any(
        _was_judged_again(contract, folders[key], *known[key]) for key in known.keys() & folders.keys()
    ):
        with transaction(connection):
            _forget(connection, contract)
            return [
                _load(connection, contract, receipt, path) for receipt, path in _in_order(folders.values())
            ]
    loaded = []
    for receipt, path in _in_order(path for key, path in folders.items() if key not in known):
        with transaction(connection):
            loaded.append(_load(connection, contract, receipt, path))
    return loaded


def _key(folder: Path) -> tuple[str, str]:
    """Window and batch of a folder, read from its path: opening every receipt of years takes too long."""
    return folder.parent.name.removeprefix("window="), folder.name.removeprefix("batch=")


def _in_order(folders: Iterable[Path]) -> list[tuple[Receipt, Path]]:
    found = [(Receipt.read(folder), folder) for folder in folders]
    return sorted(found, key=lambda item: (item[0].landed_at, item[0].window, item[0].batch_id))


def _was_judged_again(contract: Contract, folder: Path, sha256: str, is_refused: bool) -> bool:
    if sha256 == contract.sha256:  # judged under today's contract already
        return False
    receipt = Receipt.read(folder)
    return (receipt.contract_sha256, receipt.stage == "refused") != (sha256, is_refused)


def _table_differs(connection: duckdb.DuckDBPyConnection, contract: Contract) -> bool:
    """Make the feed's table where there is none; say whether the one there has other columns than the contract."""
    with transaction(connection):
        connection.execute(f"create schema if not exists {quoted(contract.level)}")
        connection.execute(dictionary.create_table(contract))
        columns = "select column_name, column_type from (describe {})"
        found = connection.execute(columns.format(contract.table)).fetchall()
        create = dictionary.create_table(contract)
        kept = f"create table if not exists {contract.table}"
        connection.execute(create.replace(kept, "create or replace temp table promised", 1))
        promised = connection.execute(columns.format("promised")).fetchall()
        connection.execute("drop table promised")
        if found == promised:
            for statement in dictionary.comments(contract):
                connection.execute(statement)
    return found != promised


def _forget(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Take a feed out of the warehouse, to load it anew from its validated batches."""
    connection.execute(f"drop table {contract.table}")
    for table in ("ops.batches", "ops.quarantine"):
        connection.execute(f"delete from {table} where feed_id = ?", [contract.feed_id])
    connection.execute(dictionary.create_table(contract))
    for statement in dictionary.comments(contract):
        connection.execute(statement)


def _load(
    connection: duckdb.DuckDBPyConnection, contract: Contract, receipt: Receipt, folder: Path
) -> Loaded:
    import duckdb

    if receipt.stage == "refused":
        counts = (0, 0, 0, 0)
    else:
        try:
            counts = _merge(connection, contract, receipt, folder / ROWS)
            _quarantine(connection, contract, receipt)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise WarehouseError(
                f"batch {receipt.batch_id} cannot be read ({privacy.scrub(str(error))}); "
                f"`urbanbrain gate {receipt.batch_id}` judges its landed bytes again",
            ) from None
    inserted, updated, unchanged, stale = counts
    if receipt.validated != sum(counts) or receipt.difference:
        raise WarehouseError(
            f"{contract.feed_id}: batch {receipt.batch_id} validated {receipt.validated:,} rows, but "
            f"{inserted:,} inserted + {updated:,} updated + {unchanged:,} unchanged + {stale:,} stale are {sum(counts):,}",
            next_step="this is a defect of the pipeline: keep the batch and report it; nothing of it was loaded",
        )
    connection.execute(
        f"insert into ops.batches values ({', '.join(['?'] * 20)})",
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
        f"create or replace temp table incoming as select *{_new_columns(connection, contract, rows)}, "
        f"{literal(receipt.batch_id)} as _batch_id, "
        f"timestamptz {literal(receipt.window.end.isoformat())} as _window_end, "
        f"timestamptz {literal(receipt.landed_at.isoformat())} as _landed_at "
        f"from read_parquet({literal(str(rows))}) "
        f"qualify row_number() over (partition by {', '.join(key)} "
        f"order by {', '.join(f'{name} desc nulls last' for name in version)}, _row_number desc) = 1"
    )
    total = count(connection, f"select count(*) from read_parquet({literal(str(rows))})")
    connection.execute(
        "create or replace temp table decided as select new.*, "
        "least(old._first_landed_at, new._landed_at) as _first_landed_at, "
        "case when old._batch_id is null then 'inserted' "
        f"when not {is_newer} then 'stale' when {is_same} then 'unchanged' else 'updated' end as _outcome "
        f"from incoming as new left join {contract.table} as old on {same_key}"
    )
    outcomes = dict(connection.execute("select _outcome, count(*) from decided group by all").fetchall())
    connection.execute(
        f"delete from {contract.table} as old using decided as new where new._outcome <> 'stale' and {same_key}"
    )
    # A stale row keeps out of the table, but its key may have been landed earlier than anybody knew.
    connection.execute(
        f"update {contract.table} as old set _first_landed_at = new._first_landed_at from decided as new "
        f"where new._outcome = 'stale' and new._first_landed_at < old._first_landed_at and {same_key}"
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


def _new_columns(connection: duckdb.DuckDBPyConnection, contract: Contract, rows: Path) -> str:
    """Columns the contract gained after these rows were judged; they have nothing in them."""
    found = {
        row[0] for row in connection.execute(f"describe from read_parquet({literal(str(rows))})").fetchall()
    }
    return "".join(
        f", null::{column.type} as {quoted(column.name)}"
        for column in contract.stored_columns
        if column.name not in found
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
        # A feed that never brought anything is expected since yesterday, not since the city's first day.
        first = known.get(contract.feed_id, (newest - timedelta(days=1), None))[0]
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
