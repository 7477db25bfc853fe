"""City area register: the yearly code list of the statistics bureau, streets first, then their communities.

The codes and names of streets are the real ones of the district; communities are the city's own inventions, so an
edition of it belongs into the register of a sample city and into no other.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects
from pipelines.samplecity.defects import Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import REFUSED, Wire, empty_objects, join, numbered
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_NAME,
    COMMUNITY_STREET,
    STREETS,
    City,
    Ints,
    Objects,
)

FEED = "city_area_register"
DISTRICT = "110114"
OTHERS = (
    ("001", "城北街道"), ("002", "南口地区"), ("003", "马池口地区"), ("004", "沙河地区"), ("005", "城南街道"),
    ("104", "阳坊镇"), ("110", "小汤山镇"), ("111", "南邵镇"), ("112", "崔村镇"), ("113", "百善镇"),
    ("115", "北七家镇"), ("116", "兴寿镇"), ("118", "流村镇"), ("119", "十三陵镇"), ("120", "延寿镇"),
)  # fmt: skip
_PUBLISHED = (10, 31)
"""Month and day from which the edition of a year's 30 June is out."""

DEFECTS = (
    Defect("R9", ("required:area_name",), (put("名称", None, ""),)),
    Defect("R9", ("required:parent_area_code",), (put("上级代码", None),)),
    Defect("E11", ("pattern:area_code",), (change("区划代码", lambda text: f"1.{text[1:6]}E+11"),)),
    Defect("T3", ("type:edition_on",), (put("版本日期", "2026-06-31", "2026年"),)),
    Defect("T6", ("rule:edition_not_to_come",), (put("版本日期", "2036-06-30"),)),
    Defect("R21", ("enum:urban_rural_class",), (put("城乡分类", "城镇"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


def edition_on(as_of: date) -> date:
    """The day of the newest edition that is out at `as_of`."""
    year = as_of.year if (as_of.month, as_of.day) >= _PUBLISHED else as_of.year - 1
    return date(year, 6, 30)


@lru_cache(maxsize=8)
def snapshot(city: City, as_of: date) -> Wire:
    """The newest edition at the first instant of `as_of`, as if the bureau's page were copied into a sheet."""
    streets = sorted(
        [(street.code, street.name) for street in STREETS] + [(DISTRICT + c, n) for c, n in OTHERS]
    )
    codes = np.array([code for code, _ in streets], dtype=object)
    names = np.array([name for _, name in streets], dtype=object)
    place = np.concatenate([np.arange(1, street.community_count + 1) for street in STREETS])
    above = np.array([street.code for street in STREETS], dtype=object)[COMMUNITY_STREET]
    count = len(codes) + len(COMMUNITIES)
    salt = city.dice("areas").integers(0, 2**31, count)
    day = edition_on(as_of).isoformat()
    known: dict[str, Objects] = {
        "版本日期": empty_objects(count, day),
        "区划代码": np.concatenate([codes, above + numbered("", place, 3)]),
        "名称": np.concatenate([names, COMMUNITY_NAME + "居委会"]),
        "上级代码": np.concatenate([empty_objects(len(codes), DISTRICT), above]),
        "城乡分类": np.concatenate([empty_objects(len(codes)), empty_objects(len(COMMUNITIES), "111")]),
    }
    known["城乡分类"][len(codes) :][salt[len(codes) :] % 3 == 0] = "城乡结合区"
    instants = np.full(count, np.datetime64(as_of.isoformat(), "s"))
    ids = known["区划代码"].copy()
    wire = Wire("区划代码", known, instants, salt, ids, ids.copy(), np.arange(count))
    planted = plant(wire, spread(city, FEED, count, DEFECTS), DEFECTS, put("名称", "名称待核社区居委会"))
    return join([planted, _total(day, count)])


def _total(day: str, count: int) -> Wire:
    """The line under the list: a sum, no area."""
    columns: dict[str, Objects] = {
        "版本日期": empty_objects(1, day),
        "区划代码": empty_objects(1),
        "名称": empty_objects(1, f"合计 {count} 个"),
        "上级代码": empty_objects(1),
        "城乡分类": empty_objects(1),
    }
    none: Ints = np.zeros(1, dtype=np.int64)
    nobody = empty_objects(1, "")
    wire = Wire("区划代码", columns, np.full(1, np.datetime64("NaT", "s")), none, nobody, nobody.copy(), none)
    wire.label(np.arange(1), REFUSED, (), "R13")
    return wire


SOURCE = Source(
    FEED,
    "/statistics/areas.csv",
    register(snapshot),
    desks.File(
        "areas.csv",
        desks.CSV,
        lambda wire, as_of, _: dialects.csv_with_bom(wire),
        end="asOf",
    ),
    DEFECTS,
)
