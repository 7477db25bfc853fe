"""District grid cases: what inspectors, cameras and calls report, from report to close.

One case in eight is a hotline order seen a second time (its number in its own column or only in the remark);
some are a second report of a component that is already open. `problem` keeps the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.areas import coordinates
from pipelines.samplecity import desks, dialects, spots, words
from pipelines.samplecity.city import hotline
from pipelines.samplecity.defects import NONE, Defect, change, draw, mendable, plant, put
from pipelines.samplecity.source import Source, incremental
from pipelines.samplecity.wire import Wire, empty_objects, join, numbered, only_where, text_of_times
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_ESTATE,
    COMMUNITY_NAME,
    COMMUNITY_RARE,
    COMMUNITY_STREET,
    COMMUNITY_WEIGHT,
    GRID_PROBLEMS,
    NEVER,
    PROBLEM_WEIGHT,
    PROBLEMS,
    Bools,
    City,
    Instants,
    Ints,
    Objects,
    later,
    spell_streets,
    stamp,
    times_of_day,
)

FEED = "district_grid_cases"
PER_DAY = 300
LOOK_BACK = timedelta(hours=24)
STEPS = 7
REPORTED, FILED, DISPATCHED, HANDLED, CLOSED, CORRECTED, MENDED = range(STEPS)
IS_COMPONENT = np.array([p.grid_kind == "部件" for p in PROBLEMS])
_WEIGHT = PROBLEM_WEIGHT[GRID_PROBLEMS] / PROBLEM_WEIGHT[GRID_PROBLEMS].sum()


def _closed_early(wire: Wire, rows: Ints) -> None:
    for row in rows:
        reported = datetime.fromisoformat(wire.columns["上报时间"][row])
        wire.columns["结案时间"][row] = (reported - timedelta(minutes=75)).isoformat(sep=" ")


# Not measured; longitude and latitude swapped; metres of a projection; degrees and minutes in one number.
_NO_PLACE = (
    put("经度", "0", "40.07", "440123.5", "11620.1"),
    put("纬度", "0", "116.33", "4436123.5", "4004.2"),
)
DEFECTS = (
    Defect("R9", ("required:case_no",), (put("案卷号", None),)),
    Defect("R9", ("required:found_by",), (put("问题来源", None),)),
    Defect("T3", ("type:due_at",), (put("处置截止", "2026-13-01 08:00:00", "2026-11-31 08:00:00"),)),
    Defect("R21", ("enum:found_by",), (put("问题来源", "舆情", "领导交办"),)),
    Defect("E11", ("pattern:case_no",), (change("案卷号", lambda text: f"{text[2]}.{text[3:]}E+11"),)),
    Defect("E11", ("pattern:component_id",), (put("部件标识码", "1.10114E+15"),)),
    Defect("A10", ("range:lat", "range:lon"), _NO_PLACE),
    Defect("A5", ("area:street_code",), (put("街道", "区城管委", "市排水集团"),)),
    Defect("A4", ("area:street_code",), (put("街道", "回龙观镇"),)),
    Defect("T5", ("rule:close_not_before_report",), (_closed_early,), needs=("结案时间",)),
    Defect(
        "E3", ("readable:place_text",), (change("地址描述", lambda text: text[:2] + "锟斤拷" + text[4:]),)
    ),
    Defect("R21", ("enum:case_kind",), (put("问题类型", "其他"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
    Defect(
        "T4",
        (),
        (put("处置截止", "0000-00-00 00:00:00", "9999-12-31", "1900-01-01"),),
        flags=("due_at:no_date",),
    ),
    Defect("E7", (), (change("案卷号", words.wide),), flags=("case_no:half_width",)),
)


@dataclass(frozen=True)
class Cases:
    """The cases of one day, as arrays over the same rows."""

    day: date
    ids: Objects
    community: Ints
    category: Ints
    salt: Ints
    events: Instants
    component: Objects
    order_id: Objects
    phone: Ints
    problem: Objects
    drawn: Ints
    spot: Ints
    tie: Objects


@lru_cache(maxsize=128)
def cases(city: City, day: date) -> Cases:
    """Every case reported on `day` with its whole life."""
    count = city.rows_on(day, PER_DAY, FEED)
    dice = city.dice("grid/cases", day)
    times = times_of_day(dice, day, count)
    community = dice.choice(len(COMMUNITIES), size=count, p=COMMUNITY_WEIGHT)
    category = GRID_PROBLEMS[dice.choice(len(GRID_PROBLEMS), size=count, p=_WEIGHT)]
    salt = dice.integers(0, 2**31, count)
    ids = numbered(f"CP{day:%y%m%d}", np.arange(1, count + 1), 6)
    problem = ids.copy()
    drawn = draw(city, FEED, day, count, DEFECTS)
    order_id = empty_objects(count)
    spot = spots.drawn(day, community, category, turn=1)
    tie = empty_objects(count, "first")
    phone = dice.integers(0, 100_000_000, count)
    share = 0.12 if count > 100 else 0.2
    for row in np.flatnonzero((dice.random(count) < share) & (drawn == NONE)):
        found = _order_before(city, day, times[row], dice)
        if found is None:
            continue
        known, place = found
        community[row], category[row] = known.community[place], known.category[place]
        order_id[row], problem[row], phone[row] = known.ids[place], known.problem[place], known.phone[place]
        spot[row], tie[row] = known.spot[place], "order_id"
    events = _lives(times, drawn != NONE, mendable(drawn, DEFECTS), dice)
    late = _is_found_later(order_id, salt)
    events[late, CORRECTED] = later(times[late], city.dice("grid/found later", day), 700, 3000)
    # Numbers of components: division, class and a serial that no other case of the day has, unless planted.
    serial = (day - city.history_start).days * 7919 + np.arange(count) + 100_000 * (1 + salt % 9)
    code = np.array([p.grid_code or "0000" for p in PROBLEMS], dtype=object)[category]
    component = np.asarray("110114" + code + numbered("", serial % 1_000_000, 6), dtype=object)
    component[~IS_COMPONENT[category]] = None
    for row in np.flatnonzero((dice.random(count) < 0.1) & (drawn == NONE)):
        earlier = np.flatnonzero(IS_COMPONENT[category[:row]] & (drawn[:row] == NONE))
        if order_id[row] is not None or not len(earlier):
            continue
        first = int(earlier[dice.integers(0, len(earlier))])
        community[row], category[row], component[row] = community[first], category[first], component[first]
        spot[row] = spot[first]
        still_open = np.flatnonzero((component[:row] == component[row]) & (events[:row, CLOSED] > times[row]))
        if len(still_open):
            problem[row], tie[row] = problem[still_open[0]], "component"
    _seen_again(city, day, (times, community, category, spot, problem, tie), drawn)
    return Cases(
        day, ids, community, category, salt, events, component, order_id, phone, problem, drawn, spot, tie
    )


def _is_in_column(order_id: Objects, salt: Ints) -> Bools:
    """Which cases name their order in the column for it; the others that have one name it in the remark."""
    return np.asarray(_is_named(order_id) & (salt % 5 < 3))


def _is_found_later(order_id: Objects, salt: Ints) -> Bools:
    """Which remarks name the order only once an inspector has found it: two cases then turn out to be one."""
    return np.asarray(_is_named(order_id) & ~_is_in_column(order_id, salt) & (salt % 3 == 0))


def _is_named(order_id: Objects) -> Bools:
    return np.array([value is not None for value in order_id], dtype=bool)


def _seen_again(
    city: City,
    day: date,
    columns: tuple[Instants, Ints, Ints, Ints, Objects, Objects],
    drawn: Ints,
) -> None:
    """Two inspectors report one event, and some see what the hotline was told; no number says so, only the place."""
    times, community, category, spot, problem, tie = columns
    dice = city.dice("grid/seen again", day)
    calls = hotline.orders(city, day)
    told = calls.is_prompt & (calls.tie == "first") & hotline.has_point(calls.wording)
    told &= (
        np.isin(calls.category, GRID_PROBLEMS)
        & ~hotline.is_moved(calls.phone)
        & ~IS_COMPONENT[calls.category]
    )
    free = (tie == "first") & (drawn == NONE) & ~IS_COMPONENT[category]
    sort = dice.choice(3, size=len(tie), p=(0.972, 0.02, 0.008))
    is_begun = free & (sort == 0)
    for row in np.flatnonzero(free & (sort > 0)):
        if sort[row] == 1:
            sources = np.flatnonzero(is_begun[:row])
        else:
            sources = np.flatnonzero(told & (calls.events[:, hotline.CREATED] < times[row]))
        if not len(sources):
            continue
        source = sources[dice.integers(0, len(sources))]
        if sort[row] == 1:
            community[row], category[row], spot[row] = community[source], category[source], spot[source]
            problem[row] = problem[source]
        else:
            community[row], category[row] = calls.community[source], calls.category[source]
            spot[row], problem[row] = calls.spot[source], calls.problem[source]
        tie[row] = "place"


def _order_before(
    city: City, day: date, when: np.datetime64, dice: np.random.Generator
) -> tuple[hotline.Orders, int] | None:
    """A sound hotline order with a grid class, reported up to a day and a bit before `when`."""
    for ago in (0, 1) if dice.random() < 0.6 else (1, 0):
        source_day = day - timedelta(days=ago)
        if source_day < city.history_start:
            continue
        known = hotline.orders(city, source_day)
        before = known.events[:, hotline.CREATED] + np.timedelta64(30, "m") < when
        fit = np.flatnonzero(before & np.isin(known.category, GRID_PROBLEMS) & known.is_prompt)
        if len(fit):
            return known, int(fit[dice.integers(0, len(fit))])
    return None


def _lives(times: Instants, hurried: Bools, mendable: Bools, dice: np.random.Generator) -> Instants:
    count = len(times)
    events = np.full((count, STEPS), NEVER)
    events[:, REPORTED] = times
    events[:, FILED] = later(times, dice, 5, 60)
    events[:, DISPATCHED] = later(events[:, FILED], dice, 5, 90)
    events[:, HANDLED] = later(events[:, DISPATCHED], dice, 40, 2400)
    events[:, CLOSED] = later(events[:, HANDLED], dice, 20, 900)
    for step, minutes in ((FILED, 6), (DISPATCHED, 14), (HANDLED, 90), (CLOSED, 130)):
        events[hurried, step] = times[hurried] + np.timedelta64(minutes, "m")
    corrected = (dice.random(count) < 0.05) & ~hurried
    events[corrected, CORRECTED] = later(times[corrected], dice, 700, 3000)
    mended = mendable & (dice.random(count) < 0.25)
    events[mended, MENDED] = later(times[mended], dice, 26 * 60, 50 * 60)
    return events


@lru_cache(maxsize=16)
def snapshot(city: City, clock: datetime) -> Wire:
    """The whole table as it stands at `clock`, by time of report."""
    day, parts = city.history_start, []
    while day <= clock.date():
        parts.append(wire_of(cases(city, day), stamp(clock)))
        day += timedelta(days=1)
    return join(parts)


def wire_of(known: Cases, clock: np.datetime64) -> Wire:
    """One day's cases as they stand at `clock`, defects planted and labelled."""
    there = np.flatnonzero(known.events[:, REPORTED] <= clock)
    done = (known.events <= clock)[there]
    events = np.where(done, known.events[there], NEVER)
    salt, community, category = known.salt[there], known.community[there], known.category[there]
    plain = known.drawn[there] != NONE
    style = np.where(plain | (salt % 10 < 7), 0, 1 + salt // 10 % 3)
    street = COMMUNITY_STREET[community]
    kind, code, name = (
        np.array([getattr(p, field) for p in PROBLEMS], dtype=object)[category]
        for field in ("grid_kind", "grid_code", "grid_name")
    )
    due = events[:, DISPATCHED] + (4 + salt % 60).astype("timedelta64[h]")
    due = np.where(plain, known.events[there, DISPATCHED] + np.timedelta64(4, "h"), due)
    order_id = known.order_id[there]
    in_column = _is_in_column(order_id, salt)
    is_open_question = _is_found_later(order_id, salt) & ~done[:, CORRECTED]
    component = known.component[there].copy()
    unnamed = np.array([value is None for value in component], dtype=bool)
    component[unnamed] = np.array([None, "无", "/"], dtype=object)[salt[unnamed] % 3]
    found_by = np.array(["监督员上报", "监督员上报", "视频", "公众"], dtype=object)[salt // 3 % 4]
    found_by[in_column] = "热线"
    lon, lat = _points(community, known.spot[there], salt)
    columns: dict[str, Objects] = {
        "案卷号": known.ids[there].copy(),
        "更新时间": text_of_times(np.fmax.reduce(events, axis=1)),
        "问题来源": found_by,
        "问题类型": kind,
        "小类代码": code,
        "小类名称": name,
        "部件标识码": component,
        "单元网格": np.asarray(
            "110114" + numbered("", street + 7, 3) + numbered("", 1 + community, 5), dtype=object
        ),
        "街道": spell_streets(street, salt // 13),
        "社区": np.where(salt // 17 % 31 == 0, "不详", COMMUNITY_NAME[community]),
        "地址描述": _places(community, known.spot[there], done, salt),
        "上报时间": text_of_times(events[:, REPORTED], style),
        "立案时间": text_of_times(events[:, FILED], style),
        "派遣时间": text_of_times(events[:, DISPATCHED], style),
        "处置截止": text_of_times(due),
        "处置完成": text_of_times(events[:, HANDLED], style),
        "结案时间": text_of_times(events[:, CLOSED], style),
        "责任单位": np.array(["街道市容中心", "区环卫中心", "产权单位", "区城管委"], dtype=object)[
            salt // 7 % 4
        ],
        "关联工单号": np.where(in_column, order_id, np.array([None, "无", "-"], dtype=object)[salt // 5 % 3]),
        "经度": lon,
        "纬度": lat,
        "备注": _remarks(known, there, only_where(~is_open_question, order_id), in_column, salt),
    }
    updated = np.fmax.reduce(events, axis=1)
    wire = Wire("案卷号", columns, updated, salt, known.problem[there], known.ids[there], events[:, REPORTED])
    wire.evidence = known.tie[there].copy()
    wire.evidence[(wire.evidence == "order_id") & ~in_column] = "remark"
    wire.evidence[(wire.evidence == "remark") & is_open_question] = "place"
    shown = np.where(done[:, MENDED], NONE, known.drawn[there])
    return plant(wire, shown, DEFECTS, put("备注", "重复推送，内容有出入"))


def _points(community: Ints, spot: Ints, salt: Ints) -> tuple[Objects, Objects]:
    """The spot as the grid centre's maps have it: in GCJ-02."""
    lon, lat = spots.points(community, spot, salt)
    moved = coordinates.from_wgs84(lon, lat, "gcj02")
    east, north = (np.array([f"{value:.6f}" for value in axis], dtype=object) for axis in moved)
    return east, north


def _places(community: Ints, spot: Ints, done: Bools, salt: Ints) -> Objects:
    estate, rare = COMMUNITY_ESTATE[community], COMMUNITY_RARE[community]
    text = np.asarray(rare + estate + numbered("", spots.building(spot), 1) + "号楼", dtype=object)
    room = salt % 6 == 0
    text[room] = (
        text[room]
        + numbered("", 1 + salt[room] % 5, 1)
        + "单元"
        + numbered("", 101 + salt[room] % 700, 3)
        + "室"
    )
    text = text + spots.side(spot)
    text[done[:, CORRECTED]] = text[done[:, CORRECTED]] + "（已核实）"
    return np.asarray(text, dtype=object)


def _remarks(known: Cases, there: Ints, order_id: Objects, in_column: Bools, salt: Ints) -> Objects:
    text = np.array([None, None, "已拍照", '居民称"多次反映"，\n请核实', "与物业,社区沟通"], dtype=object)[
        salt // 19 % 5
    ]
    forms = ("市民热线转办，工单{}", "工单号：{}，请处理", "见{}(热线)", "同一问题已有工单{}\n勿重复派遣")
    for row in range(len(text)):
        if order_id[row] is not None and not in_column[row]:
            text[row] = forms[int(salt[row]) % len(forms)].format(order_id[row])
        elif salt[row] % 9 == 4:
            said = words.mention(
                int(salt[row] // 9),
                words.mobile(int(known.phone[there[row]])),
                int(salt[row]),
                f"{known.day}",
            )
            text[row] = f"{text[row] or ''}{said}"
    return text


SOURCE = Source(
    FEED,
    "/grid/cases.csv",
    incremental(snapshot),
    desks.File(
        "cases.csv",
        desks.GB_CSV,
        lambda wire, _, claimed: dialects.counted_csv(wire, claimed),
        start="from",
        end="to",
        changed=lambda wire, _: wire.updated.max().astype(datetime),
    ),
    DEFECTS,
    LOOK_BACK,
    snapshot,
)
