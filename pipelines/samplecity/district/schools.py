"""District school places: schools, campuses and stages with their places and pupils.

A register names the street of today: a school may rightly be older than its street, and a school in a town that
has since been split up is wrong.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks
from pipelines.samplecity.defects import Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import Wire, empty_objects, numbered, only_where
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_ESTATE,
    COMMUNITY_STREET,
    COMMUNITY_WEIGHT,
    City,
    Ints,
    Objects,
    spell_streets,
)

FEED = "district_school_places"
SCHOOLS = 200
STAGES = np.array(["幼儿园", "小学", "初中", "高中"], dtype=object)
SUFFIX = np.array(["幼儿园", "小学", "中学", "实验学校"], dtype=object)
OUTAGE_DAY = 1


def _overfull(wire: Wire, rows: Ints) -> None:
    for row in rows:
        wire.columns["enrolled"][row] = wire.columns["placesOpen"][row] * 10


DEFECTS = (
    Defect("R9", ("required:school_name",), (put("schoolName", "", None),)),
    Defect("R9", ("required:places_open",), (put("placesOpen", None),)),
    Defect("R12", ("type:enrolled",), (put("enrolled", "满员", "见附件"),)),
    Defect("R21", ("enum:stage",), (change("stage", lambda text: text + "部"),)),
    Defect("E11", ("pattern:school_id",), (change("schoolId", lambda text: f"{text[0]}.{text[1:]}E+09"),)),
    Defect("R12", ("range:places_planned",), (put("placesPlanned", -30, 99999),)),
    Defect("A5", ("area:street_code",), (put("street", "区教委"),)),
    Defect("A4", ("area:street_code",), (put("street", "回龙观镇", "110114006"),)),
    Defect("R12", ("rule:not_overfull",), (_overfull,)),
    Defect(
        "T3", ("pattern:school_year", "range:campus_no"), (put("schoolYear", "26/27"), put("campusNo", 0))
    ),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
    Defect("R12", (), (change("enrolled", lambda count: f"约{count}"),), flags=("enrolled:approximate",)),
)


@lru_cache(maxsize=8)
def snapshot(city: City, as_of: date) -> Wire:
    """The register at the first instant of `as_of`.

    At the end of the second demo day it is empty, as if somebody had cleared a table: a silence that must show.
    """
    everything = _register(city, as_of)
    if city.demo_index(as_of - timedelta(days=1)) == OUTAGE_DAY:
        return everything.take(np.empty(0, dtype=np.int64))
    return everything


def _register(city: City, as_of: date) -> Wire:
    schools = max(100, round(SCHOOLS * city.scale))
    dice = city.dice("schools")
    community = dice.choice(len(COMMUNITIES), size=schools, p=COMMUNITY_WEIGHT)
    both = dice.random(schools) < 0.25
    of = np.repeat(np.arange(schools), np.where(both, 2, 1))
    second = np.concatenate([[False], of[1:] == of[:-1]])
    first_stage = dice.choice(3, size=schools, p=(0.5, 0.3, 0.2))
    stage = np.minimum(first_stage[of] + second, 3)
    salt = dice.integers(0, 2**31, len(of))
    street = COMMUNITY_STREET[community][of]
    year = 2016 + salt // 3 % 10
    places = 60 + 30 * (salt // 7 % 40)
    # Pupils move with the months, not with the days, so that most daily pulls bring nothing new.
    share = 60 + (salt // 11 + as_of.toordinal() // 28) % 50
    names = np.asarray(
        COMMUNITY_ESTATE[community] + SUFFIX[first_stage] + numbered("", np.arange(1, schools + 1), 3),
        dtype=object,
    )
    opened = np.array([f"{y}-09-01" for y in year], dtype=object)
    written = spell_streets(street, salt // 13)
    # Older than their street: still right, because a register names the street of today.
    opened[(street == 4) & (salt % 8 == 0)] = "1998-09-01"
    columns: dict[str, Objects] = {
        "schoolId": numbered("3111", of + 140_001, 6),
        "campusNo": np.ones(len(of), dtype=np.int64).astype(object),
        "schoolYear": empty_objects(len(of), "2026-2027"),
        "stage": STAGES[stage],
        "schoolName": names[of],
        "street": written,
        "placesPlanned": (places + 30 * (salt % 3)).astype(object),
        "placesOpen": places.astype(object),
        "enrolled": (places * share // 100).astype(object),
        "isInclusive": only_where(stage == 0, (salt % 4 > 0).astype(object)),
        "openedOn": opened,
    }
    true_id = np.asarray(columns["schoolId"] + "/" + columns["stage"], dtype=object)
    midnight = np.full(len(of), np.datetime64(as_of.isoformat(), "s"))
    wire = Wire("schoolId", columns, midnight, salt, true_id, true_id.copy(), np.arange(len(of)))
    return plant(wire, spread(city, FEED, len(of), DEFECTS), DEFECTS, put("schoolName", "重复上报学校"))


SOURCE = Source(FEED, "/education/school-places", register(snapshot), desks.PagedJson(), DEFECTS)
