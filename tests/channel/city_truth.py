"""What the three demo days' sound rows say, read a second time: the truth that published tables are held against.

The rows come from the city's answer key and are read by `samplecity_judge`, which knows the contracts and nothing of
the pipeline. Nothing here reads the lake, the warehouse or a model. Times are Beijing's, without a zone.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
from channel_days import CITY, DAYS, PROJECT, owed, pulled_at
from samplecity_judge import area_of, arriving, contract, custom, read

from pipelines import releases
from pipelines.embedded.due import Pull
from pipelines.samplecity import answerkey
from pipelines.samplecity.wire import CLEAN
from pipelines.samplecity.world import local

Row = dict[str, Any]
AT, GONE = "_pulled_at", "_is_gone"
"""Beside its own columns, when a row was pulled first in this state; and whether a later snapshot had it no more."""
PULLS = tuple(local(pulled_at(day)) for day in DAYS)
NEWEST_PULL = PULLS[-1]


@cache
def pulls(feed_id: str) -> tuple[tuple[datetime, tuple[Row, ...]], ...]:
    """Each pull of a feed, its instant and its sound rows."""
    found = []
    for day in DAYS:
        for pull in _owed(day):
            if pull.feed_id != feed_id:
                continue
            at, last_day = local(pulled_at(day)), local(pull.window.end - timedelta(seconds=1)).date()
            wire = answerkey.served(CITY, feed_id, pull.window.start, pull.window.end, pulled_at(day))
            areas = [prop for prop in arriving(feed_id) if custom(prop, "area")]
            rows = []
            for (facts, _), outcome in zip(read(feed_id, wire, last_day), wire.outcome, strict=True):
                if outcome == CLEAN:
                    rows.append(
                        {**facts, **_placed(areas, facts, last_day), **_clocked(feed_id, facts, at), AT: at}
                    )
            found.append((at, tuple(rows)))
    return tuple(found)


@cache
def _owed(day: date) -> tuple[Pull, ...]:
    return tuple(owed(day))


def _placed(areas: list[dict[str, Any]], facts: Row, day: date) -> Row:
    return {prop["name"]: area_of(prop, facts, day) for prop in areas if facts[prop["name"]] is not None}


def _clocked(feed_id: str, facts: Row, at: datetime) -> Row:
    """Times of a clock that was a little off, set right: of sound rows none is further off than the contract lets pass."""
    found: Row = {}
    for prop in arriving(feed_id):
        skews = custom(prop, "clockSkew", [])
        for skew in skews if isinstance(skews, list) else [skews]:
            value = found.get(prop["name"], facts[prop["name"]])
            if value is not None and facts.get(skew.get("notBefore")) is not None:
                found[prop["name"]] = max(value, facts[skew["notBefore"]])
            if value is not None and "notAfter" in skew:
                found[prop["name"]] = min(value, at)
    return found


def key_of(feed_id: str) -> Callable[[Row], tuple[Any, ...]]:
    names = [p["name"] for p in contract(feed_id)["schema"][0]["properties"] if p.get("primaryKey")]
    return lambda row: tuple(row[name] for name in names)


@cache
def newest(feed_id: str, at: datetime = NEWEST_PULL) -> tuple[Row, ...]:
    """Each record of a feed as it was known at an instant; the newest version of it, not what came last."""
    key, versions = key_of(feed_id), custom(contract(feed_id), "versionColumns", [])
    is_snapshot = custom(contract(feed_id), "delivery") == "snapshot"
    known: dict[tuple[Any, ...], Row] = {}
    last: datetime | None = None
    for pulled, rows in pulls(feed_id):
        if pulled > at:
            break
        for row in rows:
            old = known.get(key(row))
            if old is None or is_snapshot or _version(row, versions) > _version(old, versions):
                known[key(row)] = row
        last = pulled if rows else last
    there = {key(row) for pulled, rows in pulls(feed_id) if pulled == last for row in rows}
    return tuple({**row, GONE: is_snapshot and key(row) not in there} for row in known.values())


def _version(row: Row, names: list[str]) -> list[Any]:
    return [row[name] for name in names]


def versions(feed_id: str) -> dict[tuple[Any, ...], list[Row]]:
    """Each record of a feed with every version of it that was the newest for a while, oldest first."""
    key = key_of(feed_id)
    found: dict[tuple[Any, ...], list[Row]] = {}
    for at, _ in pulls(feed_id):
        for row in newest(feed_id, at):
            told = found.setdefault(key(row), [])
            if not told or told[-1][AT] != row[AT]:
                told.append(row)
    return found


@cache
def devices() -> dict[str, Row]:
    """Every device id of the register with the id that stands for it: of one name and place, the smallest."""
    register = [row for row in newest("street_video_devices") if not row[GONE]]
    same: dict[tuple[Any, ...], list[str]] = {}
    for row in register:
        place = (row["street_code"], row["device_name"], row["lon"], row["lat"])
        same.setdefault(place, []).append(row["device_id"])
    first = {number: min(numbers) for numbers in same.values() for number in numbers}
    return {row["device_id"]: {**row, "counted_as": first[row["device_id"]]} for row in register}


@cache
def samples() -> tuple[Row, ...]:
    """Every time a device of the register was asked for its state, in order."""
    once = {
        (row["device_id"], row["sampled_at"]): row
        for _, rows in pulls("street_device_status")
        for row in rows
        if row["device_id"] in devices()
    }
    return tuple(once[key] for key in sorted(once))


@cache
def reference(name: str) -> tuple[dict[str, str], ...]:
    """A table of reference as it stands in its file."""
    with (PROJECT / "contracts" / "reference" / f"{name}.csv").open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def valid_on(name: str, day: date, **having: str) -> dict[str, str]:
    """The one row of a dated table of reference that holds on a day."""
    [row] = [
        row
        for row in reference(name)
        if row["valid_from"] <= day.isoformat() < row["valid_to"]
        and all(row[column] == value for column, value in having.items())
    ]
    return row


def streets(day: date) -> dict[str, dict[str, str]]:
    """The streets in scope on a day, by code."""
    return {
        row["area_code"]: row
        for row in reference("areas")
        if row["area_level"] == "street"
        and row["is_in_scope"] == "true"
        and row["valid_from"] <= day.isoformat() < row["valid_to"]
    }


def published(name: str, columns: str = "*") -> list[Row]:
    """The rows of a table of the current release, instants in Beijing's time; those of all offices where only they get it."""
    release = releases.current()
    if name in release.detail:
        return asked(f"select {columns} from {release.detail[name].sql}")
    found = []
    for office in release.offices:
        with duckdb.connect(str(release.office_file(office)), read_only=True) as connection:
            found += asked(f"select {columns} from {name}", connection)
    return found


def asked(question: str, connection: duckdb.DuckDBPyConnection | None = None) -> list[Row]:
    with duckdb.connect() if connection is None else connection.cursor() as cursor:
        cursor.execute("set timezone = 'Asia/Shanghai'")
        cursor.execute(question)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, map(plain, values), strict=True)) for values in cursor.fetchall()]


def plain(value: Any) -> Any:
    """An instant without its zone, which is Beijing's; anything else as it is."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def rounded(value: Decimal | float | None, places: int) -> Decimal | None:
    """A number as a table with so many decimals holds it."""
    if value is None:
        return None
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    return (number + (Decimal("1e-9") if number > 0 else -Decimal("1e-9"))).quantize(
        Decimal(1).scaleb(-places)
    )


def by(rows: Iterable[Row], *names: str) -> dict[Any, Row]:
    """The rows by some of their columns, which must tell them apart."""
    found: dict[Any, Row] = {}
    for row in rows:
        key = row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)
        assert key not in found, key
        found[key] = row
    return found


def only(rows: dict[Any, Row], *names: str) -> dict[Any, tuple[Any, ...]]:
    """Some columns of rows by key, so that two sides can be compared and a difference is short to read."""
    return {key: tuple(row[name] for name in names) for key, row in rows.items()}
