"""Street volunteers: what volunteers and social organisations did, counted, week by week from Wednesday on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, dialects
from pipelines.samplecity.defects import Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, between
from pipelines.samplecity.wire import Wire, join, numbered, text_of_times
from pipelines.samplecity.world import STREETS, City, Objects, midnight, spell_streets

FEED = "street_volunteer_activities"
PER_WEEK = 60
LOOK_BACK = timedelta(days=7)
_WEEK = timedelta(days=7)
_WEDNESDAY = 2
KINDS = np.array(
    ["环境清洁", "垃圾分类", "助老助残", "文明劝导", "文体活动", "邻里守望", "课后辅导"], dtype=object
)
ORGANISERS = np.array(["社区居委会", "社区居委会", "社会组织", "企业", "学校", "党组织"], dtype=object)

DEFECTS = (
    Defect("R9", ("required:activity_kind",), (put("活动类别", ""),)),
    Defect("R21", ("enum:activity_kind",), (put("活动类别", "团建"),)),
    Defect("R21", ("enum:organiser_kind",), (put("组织方类别", "个人"),)),
    Defect("R12", ("type:person_times",), (put("参与人次", "若干"),)),
    Defect("R12", ("range:service_hours",), (put("服务时长", -6),)),
    Defect("R11", ("rule:hours_of_somebody",), (put("服务时长", 99_999),)),
    Defect("E11", ("pattern:activity_id",), (change("活动编号", lambda text: f"{text[2]}.{text[3:]}E+09"),)),
    Defect("A5", ("area:street_code",), (put("所属街道", "区团委"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)


@lru_cache(maxsize=4)
def rows(city: City, start: datetime | None, end: datetime | None, clock: datetime) -> Wire:
    """The activities of the days in `[start, end)` that are over at `clock`, by day."""
    first = max((start or datetime.min).date(), city.history_start)
    last = min(end or clock, clock)
    week = first - timedelta(days=(first.weekday() - _WEDNESDAY) % 7)
    weeks = [week]
    while weeks[-1] + _WEEK < last.date():
        weeks.append(weeks[-1] + _WEEK)
    today = datetime.combine(last.date(), datetime.min.time())
    return between(join([_of_week(city, week) for week in weeks]), start, today)


@lru_cache(maxsize=16)
def _of_week(city: City, week: date) -> Wire:
    count = max(PER_WEEK, round(PER_WEEK * city.scale))
    dice = city.dice("volunteers", week)
    salt = dice.integers(0, 2**31, count)
    day = np.sort(dice.integers(0, 7, count))
    held = midnight(week) + (day * 86_400).astype("timedelta64[s]")
    people = 3 + salt // 3 % 60
    ids = numbered(f"VA{week:%y%m%d}", np.arange(1, count + 1), 4)
    columns: dict[str, Objects] = {
        "活动编号": ids.copy(),
        "活动日期": np.datetime_as_string(held, unit="D").astype(object),
        "所属街道": spell_streets(salt // 5 % len(STREETS), salt // 17),
        "活动类别": KINDS[salt // 7 % len(KINDS)],
        "组织方类别": ORGANISERS[salt // 11 % len(ORGANISERS)],
        "参与人次": people.astype(object),
        "服务时长": (people * (1 + salt // 13 % 3)).astype(object),
        "更新时间": text_of_times(held + np.timedelta64(20, "h")),
    }
    wire = Wire("活动编号", columns, held, salt, ids, ids.copy(), held)
    drawn = spread(city, f"{FEED}/{week}", count, DEFECTS)
    return plant(wire, drawn, DEFECTS, change("服务时长", lambda hours: float(hours) + 0.5))


SOURCE = Source(
    FEED,
    "/volunteers/activities.csv",
    rows,
    desks.File(
        "activities.csv",
        desks.CSV,
        lambda wire, _, claimed: dialects.counted_csv(wire, claimed, "utf-8-sig"),
        start="from",
        end="to",
    ),
    DEFECTS,
    LOOK_BACK,
)
