"""What waits in quarantine, and the sheets on which it goes out to be corrected."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import database, settings
from pipelines.database import literal
from pipelines.errors import DataError
from pipelines.run.opening import feed_named, loaded, readable, rows_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.desk.sheets import FeedSheet

FORMATS = ("xlsx", "csv")


def quarantined(
    feed: str = "", street: str = "", state: str = "open", older_than: int = 0, *, unassigned: bool = False
) -> list[dict[str, Any]]:
    """Rows of quarantine, a row a feed, street and state: how many, since when, whose. An empty `state` means all."""
    conditions = _conditions(feed, street, state, unassigned=unassigned)
    if older_than:
        before = settings.now() - timedelta(days=older_than)
        conditions.append(f"landed_at <= timestamptz {literal(before.isoformat())}")
    with loaded() as connection:
        return rows_of(
            connection,
            "select feed_id, street_code, state, count(*) as rows, min(landed_at) as oldest_at, "
            f"date_diff('day', min(landed_at), timestamptz {literal(settings.now().isoformat())}) as age_days, "
            "any_value(owner) as owner from ops.quarantine where "
            f"{' and '.join(conditions)} group by all order by feed_id, street_code nulls last, state",
        )


def quarantined_row(feed_id: str, batch_id: str, row_number: int) -> dict[str, Any]:
    """One row of quarantine as an office sees it: reasons, columns, what became of it, and what the ledger says.

    Raises DataError when there is none.
    """
    from pipelines.desk.faults import Faults

    feed = feed_named(feed_id)
    place = f"feed_id = {literal(feed_id)} and batch_id = {literal(batch_id)} and "
    with loaded() as connection:
        table, ledger = (_of_desk(connection, name) for name in ("ops.quarantine", "ops.corrections"))
        found = rows_of(connection, table.query(f"{place}row_number = {int(row_number)}"))
        done = rows_of(
            connection,
            ledger.query(
                f"{place}row_number = {int(row_number)} or (feed_id = {literal(feed_id)} and "
                f"correction_batch_id = {literal(batch_id)} and correction_row_number = {int(row_number)})"
            ),
        )
    if not found:
        raise DataError(
            f"{feed_id} has no row {row_number} of batch {batch_id} in quarantine",
            next_step="`urbanbrain quarantine list --rows` names what is there, once it is loaded",
        )
    faults = Faults(feed)
    chinese, english = faults.sentences(found[0]["reasons"])
    return {
        **found[0],
        "reasons_zh": chinese,
        "reasons_en": english,
        "correctable": sorted(faults.correctable(found[0]["reasons"])),
        "ledger": done,
    }


def quarantined_rows(
    feed: str = "", street: str = "", state: str = "open", *, unassigned: bool = False, limit: int = 200
) -> list[dict[str, Any]]:
    """Rows of quarantine one by one, the oldest first."""
    conditions = _conditions(feed, street, state, unassigned=unassigned)
    with loaded() as connection:
        return rows_of(
            connection,
            "select feed_id, batch_id, row_number, business_key, street_code, state, landed_at, "
            "list_transform(reasons, lambda reason: reason.rule) as rules from ops.quarantine where "
            f"{' and '.join(conditions)} order by landed_at, feed_id, batch_id, row_number limit {int(limit)}",
        )


def _conditions(feed: str, street: str, state: str, *, unassigned: bool) -> list[str]:
    """SQL for the rows that are asked about. Raises UrbanBrainError when there is no such feed."""
    return [
        "true",
        *([f"feed_id = {literal(feed_named(feed).feed_id)}"] if feed else []),
        *([f"street_code = {literal(street)}"] if street else []),
        *(["street_code is null"] if unassigned else []),
        *([f"state = {literal(state)}"] if state else []),
    ]


def correction_sheet(office: str = "", feed: str = "", form: str = "xlsx") -> tuple[bytes, dict[str, Any]]:
    """The open rows of a street, or without `office` those of which no street can be read, as a sheet to write into.

    Returns the file and what is in it. Raises DataError when nothing waits there, or the form cannot hold it.
    """
    from pipelines.desk import sheets

    whose = _whose(office)
    with loaded() as connection:
        made, left_out = _sheets(connection, office, feed)
        newest = connection.execute("select max(landed_at) from ops.batches").fetchone()
    rows = {sheet.faults.contract.feed_id: len(sheet.rows) for sheet in made}
    if not rows:
        raise DataError(
            f"no row waits in quarantine for {whose}{f' in {feed}' if feed else ''}",
            next_step="\n    ".join(left_out)
            or "nothing to correct; `urbanbrain quarantine list` shows all that waits",
        )
    if form == "csv":
        if len(made) > 1:
            raise DataError(
                f"a CSV file holds the rows of one feed, and {len(made)} have some: {', '.join(rows)}",
                next_step="name one with --feed, or take --format xlsx",
            )
        content = sheets.as_csv(made)
    else:
        as_of = newest[0] if newest else settings.now()
        here = as_of.astimezone(ZoneInfo(made[0].faults.contract.timezone))
        content = sheets.as_workbook(made, whose, here, left_out)
    return content, {"whose": whose, "rows": rows, "left_out": left_out}


def _whose(office: str) -> str:
    from pipelines import areas

    if not office:
        return "未识别街道 no street"
    with contextlib.closing(database.memory()) as connection:
        areas.load_reference(connection, settings.project() / "contracts" / "reference", only=areas.NEEDED)
        found = connection.execute(
            "select area_name from ref.areas where area_code = ? and area_level = 'street' "
            "order by valid_to desc limit 1",
            [office],
        ).fetchone()
    if found is None:
        raise DataError(
            f"there is no street {office!r}",
            next_step="contracts/reference/areas.csv lists the codes of streets",
        )
    return f"{found[0]} {office}"


def _sheets(connection: DuckDBPyConnection, office: str, feed: str) -> tuple[list[FeedSheet], list[str]]:
    import json

    from pipelines.desk.faults import Faults
    from pipelines.desk.sheets import FeedSheet, SheetRow

    of_office = f"street_code = {literal(office)}" if office else "street_code is null"
    of_feed = f" and feed_id = {literal(feed_named(feed).feed_id)}" if feed else ""
    public = _of_desk(connection, "ops.quarantine").query(f"{of_office}{of_feed} and state = 'open'")
    # Of what was received again and again the newest is corrected; that settles those before.
    found = connection.execute(
        "select feed_id, batch_id, row_number, row_digest, business_key, times, reasons, received from (select *, "
        "count(*) over same as times, row_number() over (same order by landed_at desc, batch_id desc, row_number) as place "
        f"from ({public}) window same as (partition by feed_id, row_digest)) where place = 1 "
        "order by feed_id, landed_at, batch_id, row_number"
    ).fetchall()
    known = {each.feed_id: each for each in readable()}
    made, left_out = [], []
    for feed_id, rows in groupby(found, key=lambda row: row[0]):
        of_sheet = [
            SheetRow(feed_id, batch, number, digits, key, times, reasons, json.loads(received))
            for _, batch, number, digits, key, times, reasons, received in rows
        ]
        if feed_id not in known:
            left_out.append(f"{feed_id}: {len(of_sheet)} 行，数据合同不可用 · its contract cannot be read")
        elif known[feed_id].is_reduced:
            left_out.append(
                f"{feed_id}: {len(of_sheet)} 行为汇总前的明细，不能逐条更正；请在源头更正后重新采集，或作废 · "
                "its rows are summed up at the gate and cannot be corrected one by one; have the source corrected and "
                "pull the window again, or discard them"
            )
        else:
            made.append(FeedSheet(Faults(known[feed_id]), of_sheet))
    return made, left_out


def _of_desk(connection: DuckDBPyConnection, table: str) -> Any:
    """A table of the desk as it may leave the warehouse: what an office sees in its file it sees on a sheet."""
    from pipelines.publication.disclosure import Disclosure

    kinds: dict[str, dict[str, str]] = {}
    for name, column, kind in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where schema_name = 'ops' order by table_name, column_index"
    ).fetchall():
        kinds.setdefault(name, {})[column] = kind
    promised = [each for each in contracts.load_operations() if each.table == table]
    return Disclosure(readable(), promised, kinds).desk[0]
