"""City rail ridership: riders in and out of each station of five lines, day by day.

A day's figures appear shortly before midnight; one row in ten is corrected on one of the days after.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks
from pipelines.samplecity.defects import NONE, Defect, draw, plant, put
from pipelines.samplecity.source import Source, incremental
from pipelines.samplecity.wire import Wire, empty_objects, join, text_of_instants
from pipelines.samplecity.world import City, Objects, later, midnight, stamp

FEED = "city_transit_ridership"
LOOK_BACK = timedelta(hours=24)
LINES = {
    "5号线": ("天通苑北", "天通苑", "天通苑南", "立水桥", "立水桥南", "北苑路北", "大屯路东", "惠新西街北口", "惠新西街南口",
            "和平西桥", "和平里北街", "雍和宫", "北新桥", "张自忠路"),
    "8号线": ("朱辛庄", "育知路", "平西府", "回龙观东大街", "霍营", "育新", "西小口", "永泰庄", "林萃桥"),
    "13号线": ("霍营", "回龙观", "龙泽", "西二旗", "立水桥", "北苑", "望京西", "上地", "五道口"),
    "17号线": ("未来科学城北", "未来科学城", "天通苑东", "清河营", "勇士营", "望京西"),
    "昌平线": ("朱辛庄", "生命科学园", "西二旗", "巩华城", "沙河", "沙河高教园", "南邵", "昌平"),
}  # fmt: skip
STATIONS = tuple(dict.fromkeys(station for stations in LINES.values() for station in stations))
STATION_ID = {station: f"BJ{1301 + number:04d}" for number, station in enumerate(STATIONS)}
LEGS = tuple((line, station) for line, stations in LINES.items() for station in stations)


def _one_way(wire: Wire, rows: np.typing.NDArray[np.int64]) -> None:
    wire.columns["entries"][rows] = "48210"
    wire.columns["exits"][rows] = "3"


DEFECTS = (
    Defect("R9", ("required:station_name",), (put("station", None, ""),)),
    Defect("R9", ("required:entry_count",), (put("entries", None),)),
    Defect("R21", ("enum:line_code",), (put("line", "机场线", "房山线"),)),
    Defect("E11", ("pattern:station_id",), (put("station_id", "BJ1.3E+03"),)),
    Defect("T3", ("type:ridden_on",), (put("ride_date", "2026-11-31", "2026-13-01"),)),
    Defect("R12", ("type:entry_count",), (put("entries", "停运", "限流"),)),
    Defect("R11", ("range:exit_count", "rule:both_ways_alike"), (put("exits", "-1", "9999999"),)),
    Defect("R11", ("rule:both_ways_alike",), (_one_way,)),
    Defect("T6", ("rule:not_ridden_tomorrow",), (put("ride_date", "2027-01-01"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@lru_cache(maxsize=16)
def snapshot(city: City, clock: datetime) -> Wire:
    """All figures published by `clock`, as they stand then."""
    day, parts = city.history_start, []
    while day <= clock.date():
        parts.append(_riders(city, day, stamp(clock)))
        day += timedelta(days=1)
    return join(parts)


def _riders(city: City, day: date, clock: np.datetime64) -> Wire:
    count = len(LEGS)
    dice = city.dice("transit", day)
    size = city.dice("transit").integers(4_000, 60_000, count)
    weekend = 0.55 if day.weekday() > 4 else 1.0
    entries = (size * weekend * dice.uniform(0.9, 1.1, count)).astype(np.int64)
    exits = (entries * dice.uniform(0.85, 1.15, count)).astype(np.int64)
    salt = dice.integers(0, 2**31, count)
    drawn = draw(city, FEED, day, count, DEFECTS)
    published = midnight(day) + np.timedelta64(23 * 60 + 50, "m")
    updated = np.full(count, published)
    corrected = np.full(count, np.datetime64("NaT", "s"))
    late = (dice.random(count) < 0.1) & (drawn == NONE)
    corrected[late] = later(updated[late], dice, 8 * 60, 60 * 60)
    done = corrected <= clock
    updated[done] = corrected[done]
    entries[done] += 100 + salt[done] % 900
    columns: dict[str, Objects] = {
        "station_id": np.array([STATION_ID[station] for _, station in LEGS], dtype=object),
        "line": np.array([line for line, _ in LEGS], dtype=object),
        "ride_date": empty_objects(count, day.isoformat()),
        "station": np.array([station for _, station in LEGS], dtype=object),
        "entries": entries.astype(str).astype(object),
        "exits": exits.astype(str).astype(object),
        ":updated_at": text_of_instants(updated),
    }
    true_id = np.asarray(columns["station_id"] + "/" + columns["line"] + "/" + day.isoformat(), dtype=object)
    wire = Wire("station_id", columns, updated, salt, true_id, true_id.copy(), np.arange(count))
    wire = plant(wire, drawn, DEFECTS, put("station", "重复上报车站"))
    return wire.take(np.flatnonzero(wire.updated <= clock))


SOURCE = Source(
    FEED,
    "/resource/rail-ridership.json",
    incremental(snapshot),
    desks.Socrata(":updated_at"),
    DEFECTS,
    LOOK_BACK,
)
