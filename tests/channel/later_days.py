"""Days after the demo's, made of its validated batches: new records, late corrections, what is sent again, what goes.

Nothing here is pulled or judged, so that ten days take seconds. Every later day of a feed repeats one of the demo's
under other numbers, and beside it sends records of the days before once more, some with another version.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from channel_days import CITY, feeds_by_id
from duckdb import DuckDBPyConnection

from pipelines import database, lake
from pipelines.contract.model import Column, Contract
from pipelines.database import literal, quoted
from pipelines.receipt import Receipt

Days = list[list[Path]]
AREA_CHANGE = CITY.first_day + timedelta(days=6)
RENAMED, SPLIT, NEW, NEW_NAME = "110114011", "110114012", "110114099", "新设街道"
FOREVER = "9999-12-31"


def days_of(home: Path, count: int) -> Days:
    """Validated folders of so many days, the demo's and later ones, which are written into this lake and taken away.

    `arrive` puts a day where loading finds it.
    """
    feeds = feeds_by_id()
    batches: dict[str, list[Receipt]] = {feed_id: [] for feed_id in feeds}
    for folder in sorted((home / "lake" / "validated").glob("*/window=*/batch=*")):
        receipt = Receipt.read(folder)
        batches[receipt.feed_id].append(receipt)
    landings = sorted({receipt.landed_at for each in batches.values() for receipt in each})
    days: Days = [
        [
            receipt.batch.folder("validated")
            for each in batches.values()
            for receipt in each
            if receipt.landed_at == at
        ]
        for at in landings
    ]
    # Three quarters of all rows are of the air, and no model reads them.
    daily = {
        feed_id: each
        for feed_id, each in batches.items()
        if len(each) == len(landings) and feed_id != "city_air_quality"
    }
    connection = database.memory()
    for number in range(len(days), count):
        days.append([])
        for feed_id, known in daily.items():
            known.append(_write(connection, feeds[feed_id], known, number, len(landings)))
            days[-1].append(known[-1].batch.folder("validated"))
    connection.close()
    return days


def put_away(days: Days, aside: Path) -> None:
    """Take all batches out of the lake; `arrive` brings them back."""
    aside.mkdir(parents=True)
    for folder in (folder for day in days for folder in day):
        for stage in ("validated", "quarantine"):
            inside = Path(stage, *folder.parts[-3:])
            shutil.copytree(lake.lake() / inside, aside / inside)
            shutil.rmtree(lake.lake() / inside)


def arrive(aside: Path, folders: Iterable[Path]) -> None:
    for folder in folders:
        for stage in ("validated", "quarantine"):
            inside = Path(stage, *folder.parts[-3:])
            shutil.copytree(aside / inside, lake.lake() / inside)


def _write(
    connection: DuckDBPyConnection, feed: Contract, known: list[Receipt], number: int, demo_days: int
) -> Receipt:
    base = known[number % demo_days]
    shift = number - number % demo_days
    window = lake.Window(
        *(instant + timedelta(days=shift) for instant in (base.window.start, base.window.end))
    )
    batch = lake.Batch(
        feed.feed_id, window, hashlib.sha256(repr((feed.feed_id, window)).encode()).hexdigest()[:16]
    )
    query = (
        _snapshot(feed, known[-1], number)
        if feed.is_snapshot
        else _increment(feed, base, [receipt for receipt in known if receipt.received], number, shift)
    )
    with lake.new_folder(batch.folder("validated")) as folder:
        file = literal(str(folder / lake.ROWS))
        numbered = (
            "" if feed.is_reduced else f" replace (row_number() over (order by {_key(feed)}) as _row_number)"
        )
        connection.execute(f"copy (select *{numbered} from ({query})) to {file} (format parquet)")
        counted = "sum(len(_row_numbers))" if feed.is_reduced else "count(*)"
        rows = database.count(connection, f"select {counted} from read_parquet({file})")
        receipt = replace(
            base, window=window, batch_id=batch.batch_id, landed_at=base.landed_at + timedelta(days=shift),
            received=rows, validated=rows, quarantined=0, duplicate=0, refused=0, rules={}, warnings=(),
        )  # fmt: skip
        replace(receipt, stage="validated").write(folder)
    with lake.new_folder(batch.folder("quarantine")) as folder:
        nothing = f"from read_parquet({literal(str(base.batch.folder('quarantine') / lake.ROWS))}) limit 0"
        connection.execute(f"copy ({nothing}) to {literal(str(folder / lake.ROWS))} (format parquet)")
        replace(receipt, stage="quarantine").write(folder)
    return receipt


def _increment(feed: Contract, base: Receipt, known: list[Receipt], number: int, shift: int) -> str:
    """The base day's records under numbers of their own, and some of all days before: changed, or as they were."""
    new = _replaced(feed.stored_columns, lambda column: _moved(column, number, shift))
    late = _replaced(feed.stored_columns, lambda column: _corrected(column, feed, number))
    earlier = (
        f"(from read_parquet([{', '.join(literal(_rows(each)) for each in known)}], union_by_name = true))"
    )
    dice = f"hash({_key(feed)}, {number})"
    return (
        f"select * exclude (_turn) from (select *{new}, 1 as _turn from read_parquet({literal(_rows(base))}) where {dice} % 4 = 0 "
        f"union all by name select *{late}, 2 as _turn from {earlier} where {dice} % 7 = 0 "
        f"union all by name select *, 3 as _turn from {earlier} where {dice} % 11 = 1) "
        f"qualify row_number() over (partition by {', '.join([_key(feed), *feed.version_columns])} "
        "order by _turn, _row_number) = 1"
    )


def _snapshot(feed: Contract, last: Receipt, number: int) -> str:
    """What was there the day before, with other words in some rows and less one in thirteen."""
    late = _replaced(feed.stored_columns, lambda column: _corrected(column, feed, number))
    return f"select *{late} from read_parquet({literal(_rows(last))}) where hash({_key(feed)}, {number}) % 13 <> 0"


def _replaced(columns: Iterable[Column], change: object) -> str:
    changed = [f"{value} as {quoted(column.name)}" for column in columns if (value := change(column))]  # type: ignore[operator]
    return f" replace ({', '.join(changed)})" if changed else ""


def _moved(column: Column, number: int, shift: int) -> str:
    """A value some days later; numbers of records name the day they were made on, also inside of texts."""
    name = quoted(column.name)
    if column.area:
        is_new = f"{quoted(column.area.as_of)}::date > date '{AREA_CHANGE}' - {shift} and hash(_row_number) % 4 = 0"
        return f"case when {name} = {literal(SPLIT)} and {is_new} then {literal(NEW)} else {name} end"
    match column.type:
        case "VARCHAR" if not column.enum:
            return f"replace({name}, '202611', '20{40 + number}11')"
        case "DATE":
            return f"{name} + {shift}"
        case "TIMESTAMPTZ":
            return f"{name} + to_days({shift})"
    return ""


def _corrected(column: Column, feed: Contract, number: int) -> str:
    """A later version: with the words of another record, where words are free and may be missing."""
    name = quoted(column.name)
    if column.constant:
        return f"{name} + 1"
    if column.name in feed.version_columns:
        return f"{name} + to_days({number})" if column.type == "TIMESTAMPTZ" else f"{name} + {number}"
    if column.type == "VARCHAR" and not (column.enum or column.is_key or column.required):
        return f"case when {number} % 3 = 0 then {name} else lag({name}, 1, {name}) over (order by {_key(feed)}) end"
    return ""


def _key(feed: Contract) -> str:
    return ", ".join(map(quoted, feed.key))


def _rows(receipt: Receipt) -> str:
    return str(receipt.batch.folder("validated") / lake.ROWS)


def change_areas(project: Path) -> None:
    """On the day of the change a street takes another name, and a part of another one becomes a street of its own."""
    day = str(AREA_CHANGE)
    reference = project / "contracts" / "reference"
    path = reference / "areas.csv"
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split(",")
        if fields[0] not in (RENAMED, SPLIT) or FOREVER not in fields:
            lines.append(line)
            continue
        end = fields.index(FOREVER)
        lines.append(",".join([*fields[:end], day, *fields[end + 1 :]]))
        now = [*fields[: end - 3], day, "operating", day, *fields[end:]]
        lines.append(",".join([now[0], now[1], f"新{now[2]}" if now[0] == RENAMED else now[2], *now[3:]]))
        if now[0] == SPLIT:
            lines.append(",".join([NEW, now[1], NEW_NAME, *now[3:]]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (reference / "area_aliases.csv").open("a", encoding="utf-8") as file:
        file.write(f"{NEW_NAME},official,{NEW},{day},{FOREVER},1.00,test\n")
    with (reference / "area_lineage.csv").open("a", encoding="utf-8") as file:
        for code, weight in ((SPLIT, "0.7000"), (NEW, "0.3000")):
            file.write(f"{SPLIT},{code},{day},split,{weight},,test\n")
