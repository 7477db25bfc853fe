"""Validated batches go into the warehouse: newest version wins, one transaction a batch, nothing twice.

    validated = inserted + updated + unchanged + stale

How rows are merged into a feed's tables is told in `feed_tables`; here batches are found, put in order and
accounted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import drift, feed_tables, freshness, held, operations, privacy, tombstones
from pipelines.contract.model import Contract
from pipelines.database import literal, transaction
from pipelines.desk import ledger
from pipelines.desk import rows as desk_rows
from pipelines.errors import DataError, WarehouseError
from pipelines.lake import ROWS, Stage, Window, batches, stamp
from pipelines.receipt import Receipt

if TYPE_CHECKING:
    import duckdb

_OF_BATCHES = ("ops.batches", "ops.quarantine", "ops.corrections", "ops.drift")
"""Tables with rows of each batch, filled when it is loaded."""
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
    validated batches; so is one that keeps versions, when a batch was landed before one that is loaded. Raises WarehouseError naming every feed that could not be loaded; the others are.
    """
    import duckdb

    is_forgotten = not operations.prepare(connection).isdisjoint(_OF_BATCHES)
    loaded, problems = [], []
    for contract in contracts:
        try:
            loaded += _load_feed(connection, contract, is_forgotten=is_forgotten)
        except (WarehouseError, DataError, duckdb.Error) as error:
            reason = privacy.scrub(str(error)) if isinstance(error, duckdb.Error) else error.message
            problems.append(f"{contract.feed_id}: {reason}")
    with transaction(connection):
        _expect(connection, contracts)
        drift.tell(connection, contracts)
        held.load(connection)
        ledger.settle(connection)
        ledger.follow(connection, contracts)
    if problems:
        raise WarehouseError(
            "not every feed could be loaded\n" + "\n".join(f"  {line}" for line in problems),
            next_step="the other feeds are loaded; look at the batches named, land and judge them again",
        )
    return loaded


def _load_feed(
    connection: duckdb.DuckDBPyConnection, contract: Contract, *, is_forgotten: bool
) -> list[Loaded]:
    """`is_forgotten` when what was known of batches is gone, so that the feed's tables mean nothing any more."""
    known = {
        (stamp(batch.window.start), batch.batch_id): batch for batch in _known(connection, contract.feed_id)
    }
    folders = {_key(path): path for stage in _STAGES for path in batches(stage, contract.feed_id)}
    if broken := held.unreadable(contract.feed_id):  # nobody knows whether it is kept out
        raise DataError("; ".join(broken))
    folders |= {_key(path): path for path in held.rejected(contract.feed_id)}
    fits = feed_tables.make(connection, contract) and not is_forgotten
    if not fits and not known:  # a table left by an older contract, with nothing in it
        with transaction(connection):
            feed_tables.make_anew(connection, contract)
    new = _in_order(path for key, path in folders.items() if key not in known)
    if (
        (known and not fits)
        or any(_was_judged_again(contract, folders[key], known[key]) for key in known.keys() & folders.keys())
        or any(
            known[key].is_refused for key in known.keys() - folders.keys()
        )  # a refusal that was taken back
        or (contract.keep_versions and _comes_late(new, known.values()))
    ):
        with transaction(connection):
            _forget(connection, contract)
            return [
                _load(connection, contract, receipt, path) for receipt, path in _in_order(folders.values())
            ]
    loaded = []
    for receipt, path in new:
        with transaction(connection):
            loaded.append(_load(connection, contract, receipt, path))
    return loaded


@dataclass(frozen=True)
class _Known:
    """A batch the warehouse has."""

    landed_at: datetime
    window: Window
    batch_id: str
    contract_sha256: str
    is_refused: bool


def _known(connection: duckdb.DuckDBPyConnection, feed_id: str) -> list[_Known]:
    found = connection.execute(
        "select landed_at, window_start, window_end, batch_id, contract_sha256, is_refused "
        "from ops.batches where feed_id = ?",
        [feed_id],
    ).fetchall()
    return [_Known(landed_at, Window(start, end), *rest) for landed_at, start, end, *rest in found]


def _key(folder: Path) -> tuple[str, str]:
    """Window and batch of a folder, read from its path: opening every receipt of years takes too long."""
    return folder.parent.name.removeprefix("window="), folder.name.removeprefix("batch=")


def _in_order(folders: Iterable[Path]) -> list[tuple[Receipt, Path]]:
    found = [(_receipt(folder), folder) for folder in folders]
    return sorted(found, key=lambda item: _place(item[0]))


def _receipt(folder: Path) -> Receipt:
    """What a folder says of its batch; one in `held` is there because a person keeps the batch out."""
    return held.read(folder).as_refused if _is_held(folder) else Receipt.read(folder)


def _is_held(folder: Path) -> bool:
    return folder.parts[-4] == "held"


def _place(batch: Receipt | _Known) -> tuple[datetime, Window, str]:
    """Where a batch stands in the order of landing."""
    return batch.landed_at, batch.window, batch.batch_id


def _comes_late(new: Sequence[tuple[Receipt, Path]], known: Iterable[_Known]) -> bool:
    """Whether a batch was landed before one the warehouse has: held for a person, or overtaken by another pull."""
    rows = [_place(receipt) for receipt, _ in new if receipt.stage != "refused"]
    return bool(rows) and rows[0] < max(
        (_place(each) for each in known if not each.is_refused), default=rows[0]
    )


def _was_judged_again(contract: Contract, folder: Path, known: _Known) -> bool:
    if _is_held(folder) and not known.is_refused:  # rejected after it was loaded
        return True
    if (
        known.contract_sha256 == contract.sha256 and not known.is_refused
    ):  # judged by today's contract already
        return False
    receipt = _receipt(folder)
    return (receipt.contract_sha256, receipt.stage == "refused") != (known.contract_sha256, known.is_refused)


def _forget(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Take a feed out of the warehouse, to load it anew from its validated batches."""
    feed_tables.make_anew(connection, contract)
    for table in _OF_BATCHES:
        connection.execute(f"delete from {table} where feed_id = ?", [contract.feed_id])


def _load(
    connection: duckdb.DuckDBPyConnection, contract: Contract, receipt: Receipt, folder: Path
) -> Loaded:
    import duckdb

    merged = feed_tables.Merged()
    if receipt.stage != "refused":
        try:
            merged = feed_tables.merge(connection, contract, receipt, folder / ROWS)
            _quarantine(connection, contract, receipt)
            ledger.keep(connection, contract, receipt)
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise WarehouseError(
                f"batch {receipt.batch_id} cannot be read ({privacy.scrub(str(error))}); "
                f"`urbanbrain gate {receipt.batch_id}` judges its landed bytes again",
            ) from None
    if receipt.validated != merged.total or receipt.difference:
        raise WarehouseError(
            f"{contract.feed_id}: batch {receipt.batch_id} validated {receipt.validated:,} rows, but "
            f"{merged.inserted:,} inserted + {merged.updated:,} updated + {merged.unchanged:,} unchanged + "
            f"{merged.stale:,} stale are {merged.total:,}",
            next_step="this is a defect of the pipeline: keep the batch and report it; nothing of it was loaded",
        )
    connection.execute(
        f"insert into ops.batches values ({', '.join(['?'] * 21)})",
        [
            receipt.feed_id, contract.level, receipt.window.start, receipt.window.end, receipt.batch_id,
            receipt.origin, receipt.landed_at, receipt.received, receipt.validated, receipt.quarantined, receipt.duplicate,
            receipt.refused, *astuple(merged), receipt.stage == "refused",
            receipt.details.get("reason"), list(receipt.warnings), receipt.contract_version, receipt.contract_sha256,
        ],
    )  # fmt: skip
    drift.load(connection, contract, receipt)
    if contract.tells_what_is_gone and receipt.stage != "refused":
        tombstones.mark(connection, contract)
    return Loaded(
        receipt.feed_id, receipt.batch_id, merged.inserted, merged.updated, merged.unchanged, merged.stale,
        receipt.quarantined, receipt.stage == "refused",
    )  # fmt: skip


def _quarantine(connection: duckdb.DuckDBPyConnection, contract: Contract, receipt: Receipt) -> None:
    rows = receipt.batch.folder("quarantine") / ROWS
    connection.execute(
        "insert into ops.quarantine by name select ? as feed_id, ? as level, ? as window_start, ? as batch_id, "
        "_row_number as row_number, business_key, area_code as street_code, reasons, received, ? as landed_at, "
        f"{desk_rows.digest(literal(receipt.feed_id))} as row_digest, ? as owner, {literal(desk_rows.OPEN)} as state "
        f"from read_parquet({literal(str(rows))}) order by _row_number",
        [
            receipt.feed_id, contract.level, receipt.window.start, receipt.batch_id, receipt.landed_at, contract.owner or None,
        ],
    )  # fmt: skip


def _expect(connection: duckdb.DuckDBPyConnection, contracts: list[Contract]) -> None:
    """Write down every day each feed should have delivered, from its first window to the newest of any feed."""
    known = {
        feed_id: (first, last)
        for feed_id, first, last in connection.execute(
            "select feed_id, min(window_start), max(window_end) from ops.batches where origin = 'source' group by all"
        ).fetchall()
    }
    if not known:
        return
    newest = max(last for _, last in known.values())
    rows = []
    for contract in contracts:
        # A feed that never brought anything is expected since yesterday, not since the city's first day.
        first = known.get(contract.feed_id, (newest - timedelta(days=1), None))[0]
        rows += [
            {
                "feed_id": contract.feed_id,
                "level": contract.level,
                "business_date": each.day,
                "expected_by": each.expected_by,
                "is_mandatory": contract.mandatory,
                "is_row_expected": each.is_row_expected,
                "covers_from": None if contract.is_snapshot else each.covers_from,
                "covers_until": None if contract.is_snapshot else each.covers_until,
                "look_back_minutes": int(contract.look_back / timedelta(minutes=1)),
                "owner": contract.owner or None,
            }
            for each in freshness.expected_days(contract, first, newest)
        ]
    operations.fill(connection, "ops.expectations", rows)
