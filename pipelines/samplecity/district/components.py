"""District grid components: the register of manholes, lamps and trees, as it changes.

A component that a grid case names was surveyed at the start of the case's day, so the register knows every one of
them; others are surveyed on the same rounds. Some are repaired, and change once more.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks
from pipelines.samplecity.defects import NONE, Defect, draw, plant, put
from pipelines.samplecity.district import grid
from pipelines.samplecity.source import Source, incremental
from pipelines.samplecity.wire import Wire, empty_objects, join, numbered, text_of_times
from pipelines.samplecity.world import (
    COMMUNITY_STREET,
    PROBLEMS,
    STREETS,
    City,
    Ints,
    Objects,
    later,
    midnight,
    spell_streets,
    stamp,
)

FEED = "district_grid_components"
RESOURCE = "grid-components"
OTHERS_PER_DAY = 80
CLASSES = np.array([i for i, p in enumerate(PROBLEMS) if p.grid_kind == "部件"], dtype=np.int64)
OWNERS = np.array(["区城管委", "自来水集团", "产权单位", "街道办事处", "不详"], dtype=object)


def _other_class(wire: Wire, rows: Ints) -> None:
    wire.columns["小类代码"][rows] = "0999"


DEFECTS = (
    Defect("R9", ("required:class_name",), (put("小类名称", None, ""),)),
    Defect("R9", ("required:surveyed_on",), (put("普查日期", None),)),
    Defect("E11", ("pattern:component_id",), (put("部件标识码", "1.10114E+15"),)),
    Defect("R21", ("enum:component_status",), (put("部件状态", "待定损", "报修中"),)),
    Defect("A10", ("range:lat", "range:lon"), (put("经度", "505123.4"), put("纬度", "328456.7"))),
    Defect("A10", ("type:lon",), (put("经度", "116°21'E"),)),
    Defect("A5", ("area:street_code",), (put("街道", "区城管委"),)),
    Defect("A4", ("area:street_code",), (put("街道", "回龙观镇"),)),
    Defect("E11", ("rule:class_agrees_with_id",), (_other_class,)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@lru_cache(maxsize=16)
def snapshot(city: City, clock: datetime) -> Wire:
    """The register as it stands at `clock`, in the order of the surveys."""
    day, parts = city.history_start, []
    while day <= clock.date():
        parts.append(_surveyed(city, day, stamp(clock)))
        day += timedelta(days=1)
    return join(parts)


def _surveyed(city: City, day: date, clock: np.datetime64) -> Wire:
    """The components whose survey was on `day`."""
    cases = grid.cases(city, day)
    named = np.array([value is not None for value in cases.component], dtype=bool)
    ids, first = np.unique(cases.component[named].astype(str), return_index=True)
    others = city.rows_on(day, OTHERS_PER_DAY, FEED)
    dice = city.dice("grid/components", day)
    category = np.concatenate([cases.category[named][first], CLASSES[dice.integers(0, len(CLASSES), others)]])
    code, name = (
        np.array([getattr(p, field) for p in PROBLEMS], dtype=object)[category]
        for field in ("grid_code", "grid_name")
    )
    # Serial numbers of the others lie above all that cases use.
    serial = 999_999 - (day - city.history_start).days * 2000 - np.arange(others)
    component = np.concatenate(
        [ids.astype(object), np.asarray("110114" + code[len(ids) :] + numbered("", serial, 6))]
    )
    street = np.concatenate(
        [COMMUNITY_STREET[cases.community[named][first]], dice.integers(0, len(STREETS), others)]
    )
    count = len(component)
    salt = dice.integers(0, 2**31, count)
    drawn = draw(city, FEED, day, count, DEFECTS)
    updated = np.full(count, midnight(day)) + (600 + salt % 1200).astype("timedelta64[s]")
    repaired = later(updated, dice, 12 * 60, 60 * 60)
    done = (salt % 5 == 0) & (drawn == NONE) & (repaired <= clock)
    updated[done] = repaired[done]
    status = np.where(np.arange(count) < len(ids), "破损", np.where(salt % 11 == 0, "丢失", "完好")).astype(
        object
    )
    status[done] = "完好"
    columns: dict[str, Objects] = {
        "部件标识码": component,
        "更新时间": text_of_times(updated),
        "小类代码": code,
        "小类名称": name,
        "街道": spell_streets(street, salt // 13),
        "普查日期": empty_objects(count, day.isoformat()),
        "权属单位": OWNERS[salt // 3 % len(OWNERS)],
        "养护单位": OWNERS[salt // 19 % len(OWNERS)],
        "部件状态": status,
        "经度": np.round(np.array([s.lon for s in STREETS])[street] + (salt % 5003 - 2501) * 4e-6, 6).astype(object),
        "纬度": np.round(np.array([s.lat for s in STREETS])[street] + (salt // 5003 % 5003 - 2501) * 4e-6, 6).astype(object),
    }  # fmt: skip
    true_id = component.copy()
    wire = Wire("部件标识码", columns, updated, salt, true_id, true_id.copy(), np.arange(count))
    wire = plant(wire, drawn, DEFECTS, put("小类名称", "重复登记部件"))
    return wire.take(np.flatnonzero(wire.updated <= clock))


SOURCE = Source(
    FEED,
    "/api/3/action/datastore_search",
    incremental(snapshot),
    desks.Ckan(RESOURCE, "更新时间"),
    DEFECTS,
)
