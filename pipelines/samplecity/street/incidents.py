"""Street incidents: how many of each kind a street counted in each hour. Counts only, nothing of what was seen.

A street whose hour was quiet says so with one row of kind 无; a street that says nothing was not listening.
Each day's counts are looked through by people the next morning, so some of them change.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks
from pipelines.samplecity.defects import NONE, Defect, change, draw, plant, put
from pipelines.samplecity.source import Source, incremental
from pipelines.samplecity.wire import Wire, empty_objects, join, text_of_instants
from pipelines.samplecity.world import (
    HOUR_SHARE,
    STREETS,
    City,
    Objects,
    midnight,
    spell_streets,
    stamp,
)

FEED = "street_incidents"
PER_DAY = 900
LOOK_BACK = timedelta(hours=48)
TYPES = np.array(
    ["暴露垃圾", "占道经营", "井盖缺失", "道路积水", "违规户外广告", "施工围挡破损", "共享单车淤积", "消防通道占用"],
    dtype=object,
)  # fmt: skip
QUIET = "无"
_TYPE_SHARE = np.array([22, 18, 3, 4, 9, 6, 26, 12], dtype=float) / 100
_PEOPLE = np.array([street.population for street in STREETS], dtype=float)
_PUBLISHED = np.timedelta64(3900, "s")
_LOOKED_THROUGH = np.timedelta64(33 * 3600, "s")
SILENT_STREET, SILENT_DAY, SILENT_HOURS = 5, 1, range(8, 14)
"""On the second demo day one street's platform stands still for six hours."""

DEFECTS = (
    Defect("R9", ("required:street_code",), (put("street.value", "", None),)),
    Defect("R9", ("required:incident_count",), (put("incidentCount.value", None),)),
    Defect("R21", ("enum:incident_type",), (put("incidentType.value", "人员聚集", "其他"),)),
    Defect("R12", ("type:incident_count",), (put("incidentCount.value", "多起", "若干"),)),
    Defect("R12", ("range:incident_count", "rule:parts_within_whole"), (put("incidentCount.value", -1),)),
    Defect("R12", ("rule:parts_within_whole",), (put("confirmedCount.value", 999),)),
    Defect("R9", ("rule:none_counts_nothing",), (put("incidentType.value", QUIET),)),
    Defect("T3", ("rule:on_the_hour",), (change("hourAt.value", lambda text: text[:14] + "30:00Z"),)),
    Defect("T3", ("type:source_updated_at",), (put("incidentCount.observedAt", "2026-11-31T09:00:00Z"),)),
    Defect("A5", ("area:street_code",), (put("street.value", "区城管委", "综合执法队"),)),
    Defect("A4", ("area:street_code",), (put("street.value", "回龙观镇"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)  # fmt: skip


@lru_cache(maxsize=16)
def snapshot(city: City, clock: datetime) -> Wire:
    """Every hour counted so far, as it stands at `clock`, by hour."""
    day, parts = city.history_start, []
    while day <= clock.date():
        parts.append(_of_day(city, day, stamp(clock)))
        day += timedelta(days=1)
    return join(parts)


def _of_day(city: City, day: date, clock: np.datetime64) -> Wire:
    dice = city.dice("incidents", day)
    streets, types = len(STREETS), len(TYPES)
    expected = city.rows_on(day, PER_DAY, FEED) * (_PEOPLE / _PEOPLE.sum())
    counts = dice.poisson(
        HOUR_SHARE[:, None, None] * expected[None, :, None] * _TYPE_SHARE[None, None, :],
        size=(24, streets, types),
    )
    listening = np.ones((24, streets), dtype=bool)
    if city.demo_index(day) == SILENT_DAY:
        listening[list(SILENT_HOURS), SILENT_STREET] = False
    quiet = (counts.sum(axis=2) == 0) & listening
    told = np.concatenate([(counts > 0) & listening[:, :, None], quiet[:, :, None]], axis=2)
    hour, street, kind = np.nonzero(told)
    count = np.concatenate([counts, np.zeros((24, streets, 1), dtype=counts.dtype)], axis=2)[told]
    salt = dice.integers(0, 2**31, len(hour))
    confirmed = (count * (60 + salt % 41) + 50) // 100
    to_case = confirmed * (salt // 7 % 101) // 200
    drawn = np.full(len(hour), NONE, dtype=np.int64)
    drawn[count > 0] = draw(city, FEED, day, int((count > 0).sum()), DEFECTS)
    hours = midnight(day) + (hour * 3600).astype("timedelta64[s]")
    # A tenth of the counts turns out to hold one that was none.
    revised = (salt % 10 == 3) & (count > 0) & (drawn == NONE) & (midnight(day) + _LOOKED_THROUGH <= clock)
    confirmed = confirmed - (revised & (confirmed > to_case))
    updated = np.where(revised, midnight(day) + _LOOKED_THROUGH, hours + _PUBLISHED)
    columns: dict[str, Objects] = {
        "street.value": spell_streets(street, salt // 11),
        "hourAt.value": text_of_instants(hours),
        "incidentType.value": np.append(TYPES, QUIET)[kind],
        "incidentCount.value": count.astype(object),
        "incidentCount.observedAt": text_of_instants(updated),
        "confirmedCount.value": confirmed.astype(object),
        "toCaseCount.value": to_case.astype(object),
    }
    true_id = np.array(
        [f"{day:%Y%m%d}{h:02d}:{STREETS[s].code}:{k}" for h, s, k in zip(hour, street, kind, strict=True)]
        or empty_objects(0),
        dtype=object,
    )
    wire = Wire("hourAt.value", columns, hours, salt, true_id, true_id.copy(), hours)
    there = np.flatnonzero(hours + _PUBLISHED <= clock)
    return plant(
        wire.take(there), drawn[there], DEFECTS, change("incidentCount.value", lambda count: int(count) + 7)
    )


SOURCE = Source(
    FEED,
    "/incidents/ngsi-ld/v1/entities",
    incremental(snapshot),
    desks.NgsiLd("UrbanIncidentCount", changed="hourAt"),
    DEFECTS,
    LOOK_BACK,
)
