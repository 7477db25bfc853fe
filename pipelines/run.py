"""What a person or a scheduler can ask for. A command and a DAG task make the same call into this module.

land → gate          any number at once, a feed and window each
load → build → publish      one process at a time
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import database, lake, releases, settings
from pipelines.contract.model import Contract
from pipelines.errors import ContractError, DataError, DataRefused, UrbanBrainError, WarehouseError
from pipelines.lake import Window
from pipelines.receipt import Receipt

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Instant = datetime | date | str


def window(feed: Contract, start: Instant, end: Instant | None = None) -> Window:
    """The window people mean: instants as they are, days as whole days of the feed's time zone.

    A start without an end is that one day; an end given as a day is its last day, included.
    Raises ContractError when a text is neither a date nor an instant, or the range is empty.
    """
    zone = ZoneInfo(feed.timezone)
    try:
        first = _instant(start, zone)
        last = _instant(end, zone) if end is not None else first
        upper = last + timedelta(days=1) if _is_day(end if end is not None else start) else last
        is_empty = first.astimezone(UTC) >= upper.astimezone(UTC)
    except OverflowError:
        raise ContractError(
            f"the window {start} … {end} lies outside the calendar", next_step="give years between 1 and 9999"
        ) from None
    if is_empty:
        raise ContractError(f"the window {start} … {end} is empty", next_step="give an end after the start")
    return Window(first.astimezone(UTC), upper.astimezone(UTC))


def _is_day(value: Instant) -> bool:
    if isinstance(value, str):
        return not any(sign in value for sign in "T: ")
    return not isinstance(value, datetime)


def _instant(value: Instant, zone: ZoneInfo) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ContractError(
                f"{value!r} is neither a date nor an instant",
                next_step="write 2026-11-17 or 2026-11-17T08:00+08:00",
            ) from error
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value if value.tzinfo else value.replace(tzinfo=zone)


def land(
    feed_id: str,
    start: Instant,
    end: Instant | None = None,
    as_of: Instant | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Pull one window of a feed and return the folder of what landed.

    `as_of` is the instant the pull claims to happen at, for replays; now when not given.
    Raises FeedError when the source misbehaves, DataRefused when the same content was refused before.
    """
    from pipelines.stages import landing

    feed = contracts.load(feed_id)
    landed_at = _instant(as_of, ZoneInfo(feed.timezone)).astimezone(UTC) if as_of else settings.now()
    folder = landing.land(feed, window(feed, start, end), landed_at, settings.server(), progress)
    _raise_if_refused(folder)
    return str(folder)


def gate(landed: str, *, accept: bool = False) -> str:
    """Type and judge one landed batch and return the folder of its validated rows.

    A batch judged before under the same contract is left as it is. Raises DataError when the batch is held or
    unreadable, DataRefused when it shows what must not be kept: its bytes are gone then, the refusal recorded.
    """
    receipt = Receipt.read(Path(landed))
    with lake.alone(receipt.batch):
        return _gate(Path(landed), receipt, accept=accept)


def _gate(folder: Path, receipt: Receipt, *, accept: bool) -> str:
    from pipelines.stages import gate as gates
    from pipelines.stages import landing, staging

    feed = contracts.load(receipt.feed_id)
    validated = receipt.batch.folder("validated")
    if _is_judged(receipt.batch, feed):
        return str(validated)
    staged = receipt.batch.folder("staged")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        staging.stage(feed, folder)
    except DataRefused as refusal:
        _forget(receipt.batch)
        landing.refuse(folder, feed, refusal.message, receipt.received)
        raise
    done = gates.gate(feed, staged, accept=accept)
    shutil.rmtree(staged, ignore_errors=True)
    return str(done)


def _is_judged(batch: lake.Batch, feed: Contract) -> bool:
    """Whether a batch was judged under this very contract, and both its files are still what was written."""
    import pyarrow
    import pyarrow.parquet

    for stage, rows in (("validated", "validated"), ("quarantine", "quarantined")):
        folder = batch.folder(stage)  # type: ignore[arg-type]
        try:
            receipt = Receipt.read(folder)
            written = pyarrow.parquet.read_metadata(folder / lake.ROWS).num_rows
        except (OSError, DataError, pyarrow.ArrowInvalid):
            return False
        if receipt.contract_sha256 != feed.sha256 or written != getattr(receipt, rows):
            return False
    return True


def _forget(batch: lake.Batch) -> None:
    """Drop what was judged under an older contract."""
    lake.drop_folder(batch.folder("validated"))
    lake.drop_folder(batch.folder("quarantine"))


def _raise_if_refused(folder: Path) -> None:
    receipt = Receipt.read(folder)
    if receipt.stage == "refused":
        raise DataRefused(
            f"{receipt.feed_id}: this batch was refused before: {receipt.details.get('reason')}",
            next_step="ask the source to leave it out; the bytes were deleted",
        )


def counts(folder: str) -> dict[str, Any]:
    """The row counts of a batch, small enough to travel with an asset event."""
    receipt = Receipt.read(Path(folder))
    return {
        "feed_id": receipt.feed_id,
        "batch_id": receipt.batch_id,
        "window_start": receipt.window.start.isoformat(),
        "window_end": receipt.window.end.isoformat(),
        **{name: getattr(receipt, name) for name in ROW_EQUATION},
    }


ROW_EQUATION = ("received", "validated", "quarantined", "duplicate", "refused")


def load() -> dict[str, Any]:
    """Load every batch the warehouse does not have yet. Raises WarehouseBusy while somebody else writes.

    `unpublished` counts loaded batches that are in no built and published tables yet: more than what was loaded
    now when a run before this one died on its way to the release.
    """
    from pipelines.stages import loading

    with database.writer(lake.warehouse_file()) as connection:
        loaded = loading.load(connection, _readable())
        known = {_identity(batch) for batch in _rows(connection, "from ops.batches")}
    published = _published()
    return {
        "batches": [asdict(batch) for batch in loaded],
        "inserted": sum(batch.inserted for batch in loaded),
        "updated": sum(batch.updated for batch in loaded),
        "unpublished": len(known ^ published) if known ^ published else int(_is_outdated()),
    }


def _readable() -> list[Contract]:
    """The feeds whose contracts can be read: one broken contract stops its own feed, and `publish`, which says why."""
    return contracts.read_all()[0]


def _rows(connection: Any, query: str) -> list[dict[str, Any]]:
    found = connection.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _identity(batch: dict[str, Any]) -> tuple[str, ...]:
    """What a batch is, and under which contract it was judged."""
    return tuple(str(batch[name]) for name in ("feed_id", "batch_id", "contract_sha256", "is_refused"))


def _published() -> set[tuple[str, ...]]:
    """Everything the current release was made from."""
    try:
        return {_identity(batch) for batch in releases.current().manifest["batches"]}
    except WarehouseError:  # nothing is published, or not readably: everything waits
        return set()


def _is_outdated() -> bool:
    """Whether models, reference files or output contracts changed after the current release."""
    try:
        return bool(releases.current().manifest["inputs"] != releases.inputs_digest(settings.project()))
    except WarehouseError:
        return False


def build(*, full: bool = False) -> dict[str, dict[str, Any]]:
    """Bring the shared governance tables up to what is loaded, all of them or none.

    Returns for each table what was `done` (rebuilt, extended, untouched) and its `rows`. With `full` every table is
    made anew.
    """
    from pipelines.stages import gate as gates
    from pipelines.stages import governance

    with database.writer(lake.warehouse_file()) as connection:
        built = governance.build(connection, settings.project(), gates.broken_rules, full=full)
        # Said last: a build that dies before it is built again, and nobody publishes tables for more than they tell.
        connection.execute(
            "create or replace table ops.built as select feed_id, batch_id, contract_sha256, is_refused, "
            f"{database.literal(releases.inputs_digest(settings.project()))} as inputs from ops.batches"
        )
    return {table: asdict(each) for table, each in built.items()}


_NOT_BUILT = (
    "select count(*) from ops.batches as batch where not exists (select 1 from ops.built where "
    "(built.feed_id, built.batch_id, built.contract_sha256, built.is_refused, built.inputs) "
    "= (batch.feed_id, batch.batch_id, batch.contract_sha256, batch.is_refused, {inputs}))"
)


@contextmanager
def _loaded() -> Iterator[DuckDBPyConnection]:
    """The warehouse, once something was loaded into it. Raises WarehouseError before."""
    nothing = WarehouseError(
        "nothing is loaded yet", next_step="run `make demo`, or `urbanbrain run FEED --window DAY`"
    )
    if not lake.warehouse_file().exists():
        raise nothing
    with database.writer(lake.warehouse_file()) as connection:
        if not _has_table(connection, "ops", "batches"):
            raise nothing
        yield connection


def _has_table(connection: DuckDBPyConnection, schema: str, name: str) -> bool:
    query = f"from duckdb_tables() where schema_name = '{schema}' and table_name = '{name}'"
    return database.count(connection, f"select count(*) {query}") > 0


def check() -> dict[str, int]:
    """Prove the row equation over the whole history. Raises WarehouseError naming the batches that break it."""
    with _loaded() as connection:
        broken = connection.execute(f"select feed_id, batch_id from ops.batches where {_UNEQUAL}").fetchall()
        total = connection.execute("select count(*) from ops.batches").fetchone()
    if broken:
        names = ", ".join(f"{feed} {batch}" for feed, batch in broken[:5])
        raise WarehouseError(
            f"{len(broken)} batches lose or double rows: {names}",
            next_step="this is a defect of the pipeline: nothing was published; report it",
        )
    return {"batches": total[0] if total else 0, "differences": 0}


_UNEQUAL = (
    "received <> validated + quarantined + duplicate + refused "
    "or validated <> inserted + updated + unchanged + stale"
)


def scorecard(period: str, as_of: str = "", rule: str = "") -> list[dict[str, Any]]:
    """The newest revision of a period's scorecard as known at the end of a day or at an instant, a row a street.

    Without `as_of` that is everything known; `rule` names a score rule to use instead of the period's own.
    Raises ContractError for a day or rule that is none, DataError when nothing was known of the period by then.
    """
    from pipelines import as_known

    table = "governance.street_scorecard"
    if not lake.warehouse_file().exists():
        raise WarehouseError("nothing is loaded yet", next_step="run `make demo`, or `urbanbrain load`")
    promise = next(each for each in contracts.load_governance() if each.table == table)
    known_at = window(promise, as_of).end if as_of and _is_day(as_of) else settings.now()
    if as_of and not _is_day(as_of):
        known_at = _instant(as_of, ZoneInfo(promise.timezone))
    instead = {}
    if rule:
        rules = "ref.score_rules"
        instead[rules] = (
            "select * replace ('0000-01' as valid_from_period, '9999-12' as valid_to_period) "
            f"from kept.{rules} where rule_id = {database.literal(rule)}"
        )
    with as_known.rebuilt(settings.project(), lake.warehouse_file(), table, known_at, instead) as connection:
        if rule and not database.count(connection, "select count(*) from ref.score_rules"):
            raise ContractError(
                f"there is no score rule {rule!r}", next_step="see contracts/reference/score_rules.csv"
            )
        connection.execute(f"set timezone = {database.literal(promise.timezone)}")
        rows = _rows(
            connection,
            f"select * from {table} where is_latest and period = {database.literal(period)} order by street_code",
        )
        periods = connection.execute(f"select distinct period from {table} order by all").fetchall()
    if not rows:
        raise DataError(
            f"nothing was known of period {period!r} by {known_at.isoformat()}",
            next_step=f"periods known by then: {', '.join(name for (name,) in periods) or 'none'}",
        )
    return rows


def publish() -> str:
    """Write one immutable release of what is built and make it CURRENT; returns its folder.

    Raises WarehouseError when batches were loaded or models changed after the last build: the release would tell
    yesterday's story under today's name.
    """
    from pipelines.stages import publishing

    with _loaded() as connection:
        not_built = _NOT_BUILT.format(inputs=database.literal(releases.inputs_digest(settings.project())))
        if not _has_table(connection, "ops", "built") or database.count(connection, not_built):
            raise WarehouseError(
                "the governance tables are older than what is loaded, or than their models",
                next_step="run `urbanbrain build` first",
            )
        folder = publishing.publish(
            connection,
            contracts.load_all(),
            [*contracts.load_governance(), *contracts.load_reference(), *contracts.load_operations()],
            settings.project(),
        )
    return str(folder)


def edition_summary(path: str, edition_on: str = "", in_force_on: str = "") -> dict[str, Any]:
    """Which edition is meant, and whether it can be read: file, days, rows per level. Raises DataError when not."""
    from pipelines.areas import editions

    file = _edition(path)
    read = editions.read(file, _day(edition_on), _day(in_force_on))
    return {
        "file": str(file),
        "edition_on": read[0].edition_on.isoformat(),
        "in_force_on": read[0].in_force_on.isoformat(),
        "rows": {each.level: each.rows.count("\n") - 1 for each in read},
    }


def edition_differences(path: str, edition_on: str = "", in_force_on: str = "") -> list[dict[str, Any]]:
    """What an official edition of the code list would change; `path` may be empty for the newest one that was pulled.

    Raises DataError when the file is no edition.
    """
    from pipelines import areas

    found = areas.differences(_reference(), _edition(path), _day(edition_on), _day(in_force_on))
    return [asdict(each) for each in found]


def load_edition(
    path: str, edition_on: str = "", in_force_on: str = "", *, dry_run: bool = False
) -> list[dict[str, Any]]:
    """Load an official edition of the code list on top of the reference files; returns what it changed.

    Raises DataError when it would drop a code that loaded facts use from the day its changes are in force.
    """
    from pipelines import areas

    given = _reference(), _edition(path), _day(edition_on), _day(in_force_on)
    if not lake.warehouse_file().exists():
        found = areas.load_edition(*given, warehouse=None, feeds=(), dry_run=dry_run)
    else:
        with database.writer(lake.warehouse_file()) as connection:
            found = areas.load_edition(*given, warehouse=connection, feeds=_readable(), dry_run=dry_run)
    return [asdict(each) for each in found]


def _reference() -> Path:
    return settings.project() / "contracts" / "reference"


def _edition(path: str) -> Path:
    """The file that was named, or the newest edition of the register's feed that was validated."""
    from pipelines.areas import editions

    if path:
        if not Path(path).is_file():
            raise DataError(
                f"there is no file {path}", next_step="give the path of an edition, CSV or Parquet"
            )
        return Path(path)
    folders = lake.batches("validated", editions.FEED)
    if not folders:
        raise DataError(
            f"no edition of {editions.FEED} was validated yet",
            next_step=f"run `urbanbrain run {editions.FEED} --window DAY`, or name a file",
        )
    return folders[-1] / lake.ROWS


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ContractError(f"{text!r} is no date", next_step="write 2026-11-17") from None


def run(
    feed_id: str,
    start: Instant,
    end: Instant | None = None,
    as_of: Instant | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Land and judge one window of a feed; returns its counts."""
    return counts(gate(land(feed_id, start, end, as_of, progress)))


def summary() -> dict[str, Any]:
    """The whole history in a few numbers: rows per feed, rows per table, the current release."""
    sums = ", ".join(f"sum({name})::bigint as {name}" for name in ROW_EQUATION)
    with _loaded() as connection:
        feeds = connection.execute(
            f"select feed_id, level, count(*) as batches, {sums}, count(*) filter ({_UNEQUAL}) as difference, "
            "count(distinct window_end) as days from ops.batches group by feed_id, level "
            "order by list_position(['city', 'district', 'street'], level), feed_id"
        )
        names = [column[0] for column in feeds.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in feeds.fetchall()]
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('governance', 'city', 'district', 'street') and table_type = 'BASE TABLE' order by all"
        ).fetchall()
        sizes = [
            {
                "table": name,
                "rows": (connection.execute(f"select count(*) from {name}").fetchone() or (0,))[0],
            }
            for (name,) in tables
        ]
    current = lake.releases() / "CURRENT"
    return {
        "feeds": rows,
        "tables": sizes,
        "release": current.read_text(encoding="utf-8").strip() if current.exists() else "",
        "days": max((row["days"] for row in rows), default=0),
    }


def upkeep(*, dry_run: bool = False) -> dict[str, Any]:
    """Delete landed bytes whose retention has ended, and what killed writers left behind a day ago or more.

    Receipts stay, so that every batch remains accounted for. With `dry_run` nothing is deleted.
    """
    from pipelines.stages import landing

    now = settings.now()
    expired = [folder for feed in _readable() for folder in landing.expire(feed, now, dry_run=dry_run)]
    left = lake.leftovers(now)
    if not dry_run:
        lake.remove(left)
    return {"expired": [str(folder) for folder in expired], "leftovers": [str(path) for path in left]}


def overdue() -> list[str]:
    """Days of the last week on which a feed was late or silent, a line each, as of the newest build."""
    with _loaded() as connection:
        if not _has_table(connection, "governance", "channel_health"):
            return []
        rows = connection.execute(
            "select feed_id, business_date, status from governance.channel_health "
            "where status in ('late', 'missing') and business_date > (select max(business_date) - 7 "
            "from governance.channel_health) order by business_date desc, feed_id"
        ).fetchall()
    return [f"{feed} was {status} on {day}" for feed, day, status in rows]


def trace(table: str, key: str) -> list[dict[str, Any]]:
    """Where a warehouse row came from: batch, row number and landed parts. `key` is its primary key, `/` between parts."""
    feed = next((each for each in contracts.load_all() if each.table == table), None)
    if feed is None:
        raise UrbanBrainError(
            f"{table!r} is not a feed's table",
            next_step="feeds' tables: " + ", ".join(each.table for each in contracts.load_all()),
        )
    columns = " || '/' || ".join(f"{database.quoted(name)}::varchar" for name in feed.key)
    with _loaded() as connection:
        found = connection.execute(
            f"select row_.feed, row_.batch_id, row_.row_number, batch.window_start, batch.window_end from "
            f"(select ? as feed, _batch_id as batch_id, _row_number as row_number, 'warehouse' as place from {table} "
            f"where {columns} = ? union all select feed_id, batch_id, row_number, 'quarantine' from ops.quarantine "
            "where feed_id = ? and business_key = ?) as row_ join ops.batches as batch "
            "on batch.feed_id = row_.feed and batch.batch_id = row_.batch_id order by all",
            [feed.feed_id, key, feed.feed_id, key],
        ).fetchall()
    traced = []
    for feed_id, batch_id, number, start, end in found:
        folder = lake.Batch(feed_id, Window(start, end), batch_id).folder("landing")
        names = [part.name for part in Receipt.read(folder).parts] if (folder / lake.RECEIPT).exists() else []
        traced.append(
            {"feed": feed_id, "batch": batch_id, "row_number": number, "landed": str(folder), "parts": names}
        )
    return traced
