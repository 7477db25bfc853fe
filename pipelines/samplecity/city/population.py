"""City population: residents by unit, day of reference and age, as one yearly sheet.

Censuses count streets; between them only the district is counted, and the sheet scales. Units that were not there
yet have "..." in it, and a town that has been split up since keeps its old, larger figure.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects
from pipelines.samplecity.defects import NONE, Defect, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import REFUSED, Wire, empty_objects, join
from pipelines.samplecity.world import STREETS, Bools, City, Ints, Objects, spell_streets

FEED = "city_population"
DISTRICT, DISTRICT_NAME, DISTRICT_POPULATION = "110114", "昌平区", 2_269_487
BANDS = ("合计", "0-2岁", "3-5岁", "6-11岁", "12-14岁", "15-17岁", "18-59岁", "60岁及以上")
SHARES = np.array([0.026, 0.031, 0.055, 0.022, 0.019, 0.687])
# Day of reference, how a street and the district are known then, and how large they were against the last census.
DAYS = (
    ("2010-11-01", "普查", "普查", 0.75),
    ("2020-11-01", "普查", "普查", 1.0),
    ("2025-12-31", "按区推算", "登记", 1.02),
)
WITHOUT_FIGURE = 2
"""A street whose newest figure is not published."""
OLD_TOWN = 0
"""The street that was a town four times as large before 2012."""

DEFECTS = (
    Defect("R9", ("required:population_method",), (put("口径", None, ""),)),
    Defect("T3", ("type:population_as_of",), (put("数据时点", "2020-13-01", "2021-11-31"),)),
    Defect("R21", ("enum:age_band",), (put("年龄段", "学龄儿童", "劳动年龄"),)),
    Defect("R21", ("enum:population_method",), (put("口径", "抽样调查"),)),
    Defect("E11", ("pattern:unit_code",), (put("区划代码", "1.10114E+08"),)),
    Defect("R12", ("type:population",), (put("常住人口", "见注", "不足一万"),)),
    Defect("R12", ("range:population",), (put("常住人口", "-1,208"),)),
    Defect("A4", ("area:street_code",), (put("地区", "回龙观镇"),)),
    Defect("A5", ("area:street_code",), (put("地区", "区统计局"),)),
    Defect("A6", ("rule:code_agrees_with_name",), (put("区划代码", "110114104"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@lru_cache(maxsize=8)
def snapshot(city: City, as_of: date) -> Wire:
    """The sheet at the first instant of `as_of`."""
    units = len(STREETS) + 1
    count = units * len(DAYS) * len(BANDS)
    rows = np.arange(count)
    unit, when, band = rows % units, rows // units % len(DAYS), rows // (units * len(DAYS))
    is_district = unit == len(STREETS)
    salt = city.dice("population").integers(0, 2**31, count)
    figures = residents()[unit, when, band]
    # A figure nobody has: before the street existed, and where the yearly sheet leaves it open.
    unknown = (when == 0) & ~is_district & (unit != OLD_TOWN) | (when == 2) & (unit == WITHOUT_FIGURE)
    codes = np.array([*(street.code for street in STREETS), DISTRICT], dtype=object)
    days, street_methods, district_methods = (
        np.array([day[place] for day in DAYS], dtype=object) for place in range(3)
    )
    columns: dict[str, Objects] = {
        "区划代码": codes[unit],
        "地区": np.where(
            is_district, DISTRICT_NAME, spell_streets(np.minimum(unit, len(STREETS) - 1), salt // 13)
        ),
        "数据时点": np.where(salt % 3 == 0, np.char.replace(days.astype(str), "-", "/")[when], days[when]),
        "年龄段": np.array(BANDS, dtype=object)[band],
        "常住人口": _written(figures, unknown, salt),
        "口径": np.where(is_district, district_methods[when], street_methods[when]),
    }
    true_id = np.asarray(columns["区划代码"] + "/" + days[when] + "/" + columns["年龄段"], dtype=object)
    midnight = np.full(count, np.datetime64(as_of.isoformat(), "s"))
    wire = Wire("区划代码", columns, midnight, salt, true_id, true_id.copy(), rows)
    drawn = np.full(count, NONE, dtype=np.int64)
    drawn[~is_district] = spread(city, FEED, int((~is_district).sum()), DEFECTS)
    return join([plant(wire, drawn, DEFECTS, put("常住人口", "99,999")), _subtotals()])


def residents() -> Ints:
    """Residents by unit (streets, then the district), day of reference and band; the first band is all of them."""
    size = np.array([*(street.population for street in STREETS), DISTRICT_POPULATION])
    growth = np.array([day[3] for day in DAYS])
    total = (size[:, None] * growth).astype(np.int64)
    total[OLD_TOWN, 0] *= 4
    bands = (total[:, :, None] * SHARES).astype(np.int64)
    oldest = total[:, :, None] - bands.sum(axis=2, keepdims=True)
    return np.concatenate([total[:, :, None], bands, oldest], axis=2)


def _written(figures: Ints, unknown: Bools, salt: Ints) -> Objects:
    """Numbers as people write them into sheets: plain, or with thousand separators of two widths."""
    plain = figures.astype(str).astype(object)
    grouped = np.array([f"{figure:,}" for figure in figures], dtype=object)
    wide = np.array([text.replace(",", "，") for text in grouped], dtype=object)
    written = np.choose(salt % 3, [plain, grouped, wide])
    written[unknown] = np.array(["...", "…", "..."], dtype=object)[salt[unknown] % 3]
    return written


def _subtotals() -> Wire:
    """The sum of the seven streets at each day of reference: no unit, and no row of the table."""
    count = len(DAYS)
    columns: dict[str, Objects] = {
        "区划代码": empty_objects(count),
        "地区": empty_objects(count, "回天地区小计"),
        "数据时点": np.array([day[0] for day in DAYS], dtype=object),
        "年龄段": empty_objects(count, BANDS[0]),
        "常住人口": np.array([f"{figure:,}" for figure in residents()[:-1, :, 0].sum(axis=0)], dtype=object),
        "口径": np.array([day[1] for day in DAYS], dtype=object),
    }
    nobody = empty_objects(count, "")
    none: Ints = np.zeros(count, dtype=np.int64)
    instants = np.full(count, np.datetime64("NaT", "s"))
    wire = Wire("区划代码", columns, instants, none, nobody, nobody.copy(), none)
    wire.label(np.arange(count), REFUSED, (), "R13")
    return wire


SOURCE = Source(
    FEED,
    "/statistics/population.csv",
    register(snapshot),
    desks.File("population.csv", desks.CSV, lambda wire, as_of, _: dialects.csv_with_bom(wire), end="asOf"),
    DEFECTS,
)
