"""How many rows are usual on a day: `core.row_bands`, asked in a database of its own.

The history is that of the current release, whose file nobody locks, and of the receipts that are younger than it.
Where nothing is published yet, or the project has no such model, nothing is usual.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from pipelines import contract as contracts
from pipelines import database, releases, settings
from pipelines.areas import reference
from pipelines.contract import dictionary
from pipelines.database import quoted
from pipelines.errors import UrbanBrainError
from pipelines.freshness.arrived import Arrival

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_log = logging.getLogger(__name__)

_MODELS = ("core/batches.sql", "core/row_bands.sql")
_QUARANTINE = "governance.quarantine_by_street"
_FILES = ("health_rules", "calendar_days")
_OPERATIONS = ("ops_batches", "ops_expectations")


@dataclass(frozen=True)
class Day:
    """Rows a feed brought on a business day, and the band that is usual; None while there is none."""

    received: int
    validated: int
    quarantined: int
    lo: int | None
    hi: int | None


def days(
    wanted: Mapping[str, date], arrived: Mapping[str, Sequence[Arrival]], at: datetime
) -> dict[str, Day]:
    """The day asked for of each feed, as known at an instant.

    Raises nothing: without a band a feed is learning, and where models or rules are broken the log says so.
    """
    import duckdb

    models = [settings.project() / "warehouse" / name for name in _MODELS]
    if not wanted or not all(model.exists() for model in models):  # another city may have no such models
        return {}
    with database.memory() as connection:
        try:
            connection.execute("create schema ops; create schema core")
            for name in _OPERATIONS:
                connection.execute(dictionary.create_operations(contracts.load(name)))
            _remember(connection, at)
            _add(connection, [each for of_feed in arrived.values() for each in of_feed])
            reference.load_files(connection, settings.project() / "contracts" / "reference", _FILES)
            for model in models:
                query = model.read_text(encoding="utf-8")
                connection.execute(f"create view {model.parent.name}.{model.stem} as {query}")
            return _asked(connection, wanted)
        except (OSError, duckdb.Error, UrbanBrainError) as error:
            _log.warning("nobody can tell how many rows are usual; `urbanbrain check` says more: %s", error)
            return {}


def open_rows() -> dict[str, int]:
    """Rows in quarantine that wait for a correction, by feed, as the current release has them; nothing before there
    is one."""
    import duckdb

    try:
        published = releases.current().detail[_QUARANTINE].sql
        with database.memory() as connection:
            return dict(
                connection.execute(
                    f"select source_feed, sum(open_count)::bigint from {published} group by all"
                ).fetchall()
            )
    except (UrbanBrainError, KeyError, duckdb.Error):  # nothing published, or no such table in this city
        return {}


def _asked(connection: DuckDBPyConnection, wanted: Mapping[str, date]) -> dict[str, Day]:
    connection.execute(
        "create temp table wanted as select unnest(?) as feed_id, unnest(?::date[]) as business_date",
        [list(wanted), list(wanted.values())],
    )
    found = connection.execute(
        "select wanted.feed_id, sum(batch.received)::bigint, sum(batch.validated)::bigint, "
        "sum(batch.quarantined)::bigint, any_value(band.expected_rows_lo), any_value(band.expected_rows_hi) "
        "from wanted inner join core.batches as batch using (feed_id, business_date) "
        "left join core.row_bands as band using (feed_id, business_date) where batch.origin = 'source' group by all"
    ).fetchall()
    return {feed_id: Day(*numbers) for feed_id, *numbers in found}


def _remember(connection: DuckDBPyConnection, at: datetime) -> None:
    """What the current release knows of batches."""
    import duckdb

    try:
        published = releases.current().detail["ops.batches"].sql
        connection.execute(
            "insert into ops.batches by name "
            f"select * from {published} where landed_at <= ? and window_end > ? - interval 1 year",
            [at, at],
        )
    except (UrbanBrainError, KeyError, duckdb.Error):  # nothing published, or by another contract
        return


def _add(connection: DuckDBPyConnection, arrived: Iterable[Arrival]) -> None:
    """What the release does not know yet."""
    known = set(
        connection.execute("select feed_id, window_start, window_end, batch_id from ops.batches").fetchall()
    )
    rows = [
        {
            "feed_id": each.receipt.feed_id,
            "level": "",
            "window_start": each.window.start,
            "window_end": each.window.end,
            "batch_id": each.receipt.batch_id,
            "origin": each.receipt.origin,
            "landed_at": each.landed_at,
            "received": each.receipt.received,
            "validated": each.receipt.validated,
            "quarantined": each.receipt.quarantined,
            "duplicate": each.receipt.duplicate,
            "refused": each.receipt.refused,
            "inserted": 0,
            "updated": 0,
            "unchanged": 0,
            "stale": 0,
            "is_refused": each.outcome == "refused",
            "contract_version": each.receipt.contract_version,
            "contract_sha256": each.receipt.contract_sha256,
        }
        for each in arrived
        if (each.receipt.feed_id, each.window.start, each.window.end, each.receipt.batch_id) not in known
    ]
    if rows:
        names = list(rows[0])
        connection.execute(
            f"insert into ops.batches ({', '.join(map(quoted, names))}) "
            f"select {', '.join(['unnest(?)'] * len(names))}",
            [[row[name] for row in rows] for name in names],
        )
