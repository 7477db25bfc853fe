"""City air quality: one wide file a day, a line per hour and indicator, a column per station.

Labels are per reading, because the contract's rows are: row-major, then station columns, empty cells skipped.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects
from pipelines.samplecity.source import Source
from pipelines.samplecity.wire import DUPLICATE, QUARANTINED, Wire, empty_objects, join
from pipelines.samplecity.world import City, Ints, Objects

FEED = "city_air_quality"
STATIONS = (
    "东四", "天坛", "官园", "万寿西宫", "奥体中心", "农展馆", "万柳", "北部新区", "植物园", "丰台花园", "云岗", "古城",
    "房山", "大兴", "亦庄", "通州", "顺义", "昌平", "门头沟", "平谷", "怀柔", "密云", "延庆", "定陵", "八达岭",
    "密云水库", "东高村", "永乐店", "榆垡", "琉璃河", "前门", "永定门内", "西直门北", "南三环", "东四环",
)  # fmt: skip
INDICATORS = {
    "AQI": 75,
    "PM2.5": 45,
    "PM2.5_24h": 50,
    "PM10": 70,
    "PM10_24h": 75,
    "SO2": 6,
    "NO2": 35,
    "O3": 40,
    "CO": 0.8,
}


@lru_cache(maxsize=16)
def day_file(city: City, day: date, last_hour: int) -> tuple[tuple[tuple[str, ...], ...], Wire]:
    """The wide lines of `day` up to `last_hour`, and the same as labelled readings."""
    dice = city.dice("air", day)
    names = list(INDICATORS)
    level = np.array(list(INDICATORS.values()))
    wave = 1 + 0.3 * np.sin((np.arange(24) - 3) / 24 * 2 * np.pi)
    noise = dice.normal(1, 0.15, (24, len(names), len(STATIONS)))
    values = np.abs(level[None, :, None] * wave[:, None, None] * noise)
    gap = dice.random(values.shape) < 0.02
    cells = np.round(values, 0).astype(np.int64).astype(str).astype(object)
    carbon = names.index("CO")
    cells[:, carbon] = np.round(values[:, carbon], 1).astype(str).astype(object)
    cells[gap] = ""
    # What stands in the cell, the rule it breaks, the defect. Ten times rarer than the city's share,
    # because a station that fails is rarer than a person who mistypes.
    kinds = (("9999", "range:reading", "R11"), ("-1", "range:reading", "R11"), ("ERR", "type:reading", "R9"))
    rules = empty_objects(cells.size, ()).reshape(cells.shape)
    defects = empty_objects(cells.size, "").reshape(cells.shape)
    wrong = np.argwhere((dice.random(cells.shape) < city.defect_share / 10) & ~gap)
    for number, (hour, line, station) in enumerate(wrong):
        text, rule, defect = kinds[number % len(kinds)]
        cells[hour, line, station] = text
        rules[hour, line, station], defects[hour, line, station] = (rule,), defect
    lines: list[tuple[str, str, Objects, Objects, Objects, str]] = []
    for hour in range(min(last_hour, 23) + 1):
        for line, name in enumerate(names):
            lines.append((str(hour), name, cells[hour, line], rules[hour, line], defects[hour, line], ""))
    if city.defect_share > 0:
        lines = _with_bad_lines(lines)
    return _finish(day, lines)


_Line = tuple[str, str, Objects, Objects, Objects, str]


def _with_bad_lines(lines: list[_Line]) -> list[_Line]:
    """Whole lines that are wrong: an unknown indicator, an hour that is none, no indicator, a line sent twice."""
    made: list[_Line] = []
    for number, line in enumerate(lines):
        hour, name, cells, _, _, _ = line
        made.append(line)
        if number == 11:
            made.append(_bad_line(hour, "VOC", cells, "enum:indicator", "R21"))
        if number == 20:
            made.append(_bad_line("25", name, cells, "type:observed_at", "T3"))
        if number == 29:
            made.append(_bad_line(hour, "", cells, "required:indicator", "R9"))
        if number == 38:
            sound = _readable(cells)
            none = empty_objects(len(cells), ())
            made[-1] = (hour, name, sound, none, empty_objects(len(cells), ""), "")
            made.append((hour, name, sound, none, empty_objects(len(cells), "R1"), DUPLICATE))
        if number == 47:
            other = np.array([cell and str(float(cell) + 1) for cell in _readable(cells)], dtype=object)
            made[-1] = _bad_line(hour, name, cells, "unique", "R1")
            made.append(_bad_line(hour, name, other, "unique", "R1"))
    return made


def _readable(cells: Objects) -> Objects:
    return np.array([cell if cell not in ("9999", "-1", "ERR") else "50" for cell in cells], dtype=object)


def _bad_line(hour: str, name: str, cells: Objects, rule: str, defect: str) -> _Line:
    readable = np.array([cell if cell not in ("9999", "-1", "ERR") else "50" for cell in cells], dtype=object)
    return (
        hour,
        name,
        readable,
        empty_objects(len(cells), (rule,)),
        empty_objects(len(cells), defect),
        QUARANTINED,
    )


def _finish(day: date, lines: list[_Line]) -> tuple[tuple[tuple[str, ...], ...], Wire]:
    written = f"{day:%Y%m%d}"
    wide = tuple((written, hour, name, *cells) for hour, name, cells, _, _, _ in lines)
    long = [
        (station, hour, name, cell, rule, defect, kind)
        for hour, name, cells, rules, defects, kind in lines
        for station, cell, rule, defect in zip(STATIONS, cells, rules, defects, strict=True)
        if cell != ""
    ]
    columns: dict[str, Objects] = {
        name: empty_objects(len(long)) for name in ("station", "hour", "type", "value")
    }
    outcome, rules, defect = (empty_objects(len(long), value) for value in ("", (), ""))
    for row, (station, hour, name, cell, rule, fault, kind) in enumerate(long):
        columns["station"][row], columns["hour"][row] = station, hour
        columns["type"][row], columns["value"][row] = name, cell
        outcome[row] = DUPLICATE if kind == DUPLICATE else QUARANTINED if rule else ""
        rules[row], defect[row] = (() if kind == DUPLICATE else rule), fault
    count = np.arange(len(long))
    instants = np.full(len(long), np.datetime64(day.isoformat(), "s"))
    ids = np.array([f"{row[0]}/{written}T{row[1]}/{row[2]}" for row in long], dtype=object)
    none: Ints = np.zeros(len(long), dtype=np.int64)
    return wide, Wire("station", columns, instants, none, ids, ids.copy(), count, outcome, rules, defect)


def last_hour(day: date, clock: datetime) -> int:
    """Last hour of `day` that is published at `clock`; −1 when the day has not begun."""
    if day > clock.date():
        return -1
    return 23 if day < clock.date() else clock.hour


def _file(city: City, day: date, clock: datetime) -> tuple[bytes, datetime] | None:
    hour = last_hour(day, clock)
    if hour < 0:
        return None
    changed = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour)
    return dialects.air_csv(STATIONS, day_file(city, day, hour)[0]), changed


def _rows(city: City, start: datetime | None, end: datetime | None, clock: datetime) -> Wire:
    """The readings of the files of a window's days, one file behind the other."""
    day, parts = (start or clock).date(), []
    while day <= ((end or clock) - timedelta(microseconds=1)).date():
        hour = last_hour(day, clock)
        if hour >= 0:
            parts.append(day_file(city, day, hour)[1])
        day += timedelta(days=1)
    return join(parts) if parts else day_file(city, day, -1)[1]


SOURCE = Source(
    FEED,
    "/air/{name}",
    _rows,
    desks.DailyFile("beijing_all_%Y%m%d.csv", desks.CSV, _file),
    ids=lambda wire: wire.true_id,
)
