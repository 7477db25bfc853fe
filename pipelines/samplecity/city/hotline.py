"""City hotline orders: who called about what, and what became of it.

An order is a row of instants (created, dispatched, …); its state at a clock is whatever has happened by then,
its version the number of things that have. Some orders reach the source days late with their old times:
only a pull that looks back meets them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import spots, words
from pipelines.samplecity.defects import NONE, Defect, change, draw, mendable, put
from pipelines.samplecity.wire import Wire, numbered
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_WEIGHT,
    NEVER,
    PROBLEM_WEIGHT,
    PROBLEMS,
    Bools,
    City,
    Instants,
    Ints,
    Objects,
    later,
    midnight,
    times_of_day,
)

FEED = "city_hotline_orders"
PER_DAY = 610
LOOK_BACK = timedelta(hours=72)
STEPS = 13
(
    CREATED,
    DISPATCHED,
    CONTACTED,
    CLOSED,
    CALLBACK,
    REOPENED,
    RECLOSED,
    RECALLED,
    EXCLUDED,
    CORRECTED,
    MENDED,
    REINSTATED,
    MOVED,
) = range(STEPS)
KINDS = np.array(["诉求", "投诉", "举报", "求助", "建议", "咨询", "控烟"], dtype=object)
KIND_SHARE = (0.45, 0.18, 0.08, 0.1, 0.06, 0.1, 0.03)
DEMAND, ENQUIRY, SMOKING = 0, 5, 6
ROLES = np.array(["主办", "协办", "转办"], dtype=object)
MOVED_BEFORE = np.timedelta64(3, "D")
"""How long before the first demo day the centre moved its table, which touched every row there was."""
BULLETIN_DAY = 19
WITH_POINT = 7
"""Of ten orders, those that come with coordinates."""
SEPARATORS = ("->", "->", "—>", "＞", "/")


def _before_dispatch(column: str) -> Defect:
    def edit(wire: Wire, rows: Ints) -> None:
        starts = wire.columns["派单时间"]
        for row in rows:
            moved = datetime.fromisoformat(starts[row]) - timedelta(minutes=61 + int(wire.salt[row] % 600))
            wire.columns[column][row] = moved.isoformat(sep=" ")

    rule = "rule:close_not_before_dispatch" if column == "办结时间" else "rule:contact_not_before_dispatch"
    return Defect("T5", (rule,), (edit,), needs=("派单时间", column))


def _a_little_early(wire: Wire, rows: Ints) -> None:
    """Two clocks that differ by less than a minute."""
    for row in rows:
        moved = datetime.fromisoformat(wire.columns["派单时间"][row]) - timedelta(
            seconds=20 + int(wire.salt[row] % 41)
        )
        wire.columns["首次联系时间"][row] = moved.isoformat(sep=" ")


def _phone_as_time(wire: Wire, rows: Ints) -> None:
    for row in rows:
        wire.columns["首次联系时间"][row] = words.phone_as_written(words.mobile(int(wire.salt[row])), 2)


DEFECTS = (
    Defect("R9", ("required:work_order_id",), (put("工单编号", "", None),)),
    Defect("R9", ("required:street_code",), (put("被反映街乡镇", "", None),)),
    Defect("R9", ("required:handling_role",), (put("工单性质", "", None),)),
    Defect("T3", ("type:closed_at",), (put("办结时间", "2026-02-30 10:00:00", "2026-11-31 09:15:00"),), ("办结时间",)),
    Defect("R15", ("type:source_version",), (put("版本号", "V2", "第二版"),)),
    Defect("R21", ("enum:order_kind",), (put("工单类型", "表扬", "来访"),), unless=("工单类型", "控烟")),
    Defect("R21", ("enum:satisfied",), (put("是否满意", "一般般", "还行"),), ("是否满意",)),
    Defect("E11", ("pattern:work_order_id",), (change("工单编号", lambda text: text.replace("-", "", 1)),)),
    Defect("R4", ("range:source_version",), (put("版本号", 0, 10000),)),
    Defect("A5", ("area:street_code",), (put("被反映街乡镇", "区城管委", "区住建委"),)),
    Defect("A4", ("area:street_code",), (put("被反映街乡镇", "回龙观镇", "110114006"),)),
    Defect("E11", ("area:street_code",), (put("被反映街乡镇", "1.10114E+08", "1.10114E+11"),)),
    _before_dispatch("办结时间"),
    _before_dispatch("首次联系时间"),
    Defect("T6", ("rule:not_from_the_future",), (change("受理时间", lambda text: f"{int(text[:4]) + 1}{text[4:]}"),)),
    Defect("R20", ("rule:not_a_test_record",), (put("标题", "测试工单请忽略", "演示：系统联调"),)),
    Defect("R9", ("rule:category_unless_smoking",), (put("问题分类", "", None),), unless=("工单类型", "控烟")),
    Defect("E3", ("readable:content_text",), (change("主要内容", lambda text: text[:6] + "\ufffd\ufffd" + text[8:]),)),
    Defect("E3", ("readable:content_text",), (change("主要内容", lambda text: "锟斤拷锟斤拷" + text[4:]),)),
    Defect("A5", ("area:street_code", "rule:not_a_test_record"),
           (put("被反映街乡镇", "区城管委"), put("标题", "测试派单"))),
    Defect("R21", ("enum:handling_role", "range:source_version"), (put("工单性质", "督办"), put("版本号", 0))),
    # A column slipped: a telephone number stands where a time belongs, and must not reach the reason.
    Defect("R14", ("type:contacted_at",), (_phone_as_time,), ("首次联系时间",)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
    Defect("R20", ("test:caller_ref",), (put("来电人电话/账号", "13800138000", "１３８００１３８０００"),)),
    Defect("E9", (), (change("工单编号", lambda text: text.replace("-", "—", 1)),), flags=("work_order_id:look_alike",)),
    Defect("T5", (), (_a_little_early,), needs=("派单时间", "首次联系时间"), flags=("contacted_at:clamped",)),
)  # fmt: skip


@dataclass(frozen=True)
class Orders:
    """The orders of one day, as arrays over the same rows. `problem` is the id of the order it all began with.

    `tie` says what in the records ties an order to that one: first (it is the one), caller, place or text.
    """

    day: date
    ids: Objects
    community: Ints
    category: Ints
    phone: Ints
    kind: Ints
    salt: Ints
    events: Instants
    appears: Instants
    problem: Objects
    drawn: Ints
    spot: Ints
    wording: Ints
    tie: Objects

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_prompt(self) -> Bools:
        """Which orders are in the table from the moment they are created, and sound."""
        return np.asarray((self.appears == self.events[:, CREATED]) & (self.drawn == NONE))


@lru_cache(maxsize=128)
def _calls(city: City, day: date, count: int) -> tuple[Instants, Ints, Ints, Ints, Ints]:
    dice = city.dice("hotline/calls", day)
    times = times_of_day(dice, day, count)
    community = dice.choice(len(COMMUNITIES), size=count, p=COMMUNITY_WEIGHT)
    category = dice.choice(len(PROBLEMS), size=count, p=PROBLEM_WEIGHT)
    return (
        times,
        community,
        category,
        dice.integers(0, 100_000_000, count),
        dice.choice(7, size=count, p=KIND_SHARE),
    )


@lru_cache(maxsize=64)
def orders(city: City, day: date, count: int = 0) -> Orders:
    """Every order reported on `day` with its whole life; `count` overrides the city's size (for the bench)."""
    count = count or city.rows_on(day, PER_DAY, FEED)
    calls = _calls(city, day, count)
    times, community, category = calls[0], calls[1].copy(), calls[2].copy()
    phone, kind = calls[3].copy(), calls[4].copy()
    spot, wording = (column.copy() for column in _said(city, day, count))
    ids = numbered(f"HL-{day:%Y%m%d}-", np.arange(1, count + 1), 6)
    problem = ids.copy()
    dice = city.dice("hotline/lives", day)
    drawn = draw(city, FEED, day, count, DEFECTS)
    kind[drawn != NONE] = DEMAND
    _repeat_calls(city, day, (community, category, phone, kind, problem, spot), ids, drawn, dice)
    tie = np.where(problem == ids, "first", "caller").astype(object)
    _other_callers(city, day, (community, category, phone, spot, wording, problem), tie, kind, drawn)
    salt = dice.integers(0, 2**31, count)
    events = _lives(times, kind, drawn != NONE, dice)
    appears = events[:, CREATED].copy()
    late = is_late(phone) & (drawn == NONE)
    if city.demo_index(day) == 0:
        # Even the smallest city shows one; nobody calls again about it, so no problem begins out of sight.
        late[np.flatnonzero(~_recognised(phone, kind) & (drawn == NONE))[:1]] = True
    appears[late] = (
        midnight(day) + np.timedelta64(48, "h") + dice.integers(3600, 72000, int(late.sum())).astype("m8[s]")
    )
    # One defect in four is found at the source and corrected, a day or two later.
    mended = mendable(drawn, DEFECTS) & (dice.random(count) < 0.25)
    events[mended, MENDED] = later(times[mended], dice, 26 * 60, 60 * 60)
    _appeal(city, day, events, (drawn == NONE) & (kind != ENQUIRY) & (role_of(salt) == 0) & ~late)
    moved_at = midnight(city.first_day) - MOVED_BEFORE + (salt % 3600).astype("m8[s]")
    before = appears < moved_at
    events[before, MOVED] = moved_at[before]
    return Orders(
        day, ids, community, category, phone, kind, salt, events, appears, problem, drawn, spot, wording, tie
    )


def _appeal(city: City, day: date, events: Instants, fit: Bools) -> None:
    """Two exclusions in five are taken back; some of both come on the very day the bulletin is out."""
    dice = city.dice("hotline/appeals", day)
    excluded = ~np.isnat(events[:, EXCLUDED])
    back = excluded & (dice.random(len(events)) < 0.4)
    events[back, REINSTATED] = later(events[back, EXCLUDED], dice, 600, 5000)
    days_to_bulletin = BULLETIN_DAY - day.day
    free = np.flatnonzero(fit & ~excluded)[:2]
    if days_to_bulletin not in (1, 2, 4):
        return
    on_the_day = later(
        np.repeat(midnight(day + timedelta(days=days_to_bulletin)), len(free)), dice, 600, 1200
    )
    if days_to_bulletin == 4:
        events[free, EXCLUDED] = on_the_day - np.timedelta64(3, "D")
        events[free, REINSTATED] = on_the_day
    else:
        events[free, EXCLUDED] = on_the_day


def role_of(salt: Ints) -> Ints:
    """The street's part in the order, an index into ROLES."""
    return np.asarray(np.where(salt // 23 % 20 < 17, 0, np.where(salt // 23 % 20 < 19, 1, 2)))


def is_withheld(phone: Ints) -> Bools:
    """Whether the caller asked for secrecy; a habit of the caller, so the same in every call."""
    return np.asarray(phone % 23 == 0)


def is_vague(phone: Ints) -> Bools:
    """Whether the caller does not name the community."""
    return np.asarray(phone // 23 % 29 == 0)


def is_moved(phone: Ints) -> Bools:
    """Whether a correction of the order moves it to another community."""
    return np.asarray(phone // 667 % 4 == 0)


def has_point(wording: Ints) -> Bools:
    """Whether the order came with the coordinates of its place."""
    return np.asarray(wording % 10 < WITH_POINT)


def is_late(phone: Ints) -> Bools:
    """Whether the order reaches the table days after the call, with its old times."""
    return np.asarray(phone // 3001 % 61 == 0)


def _repeat_calls(
    city: City,
    day: date,
    columns: tuple[Ints, Ints, Ints, Ints, Objects, Ints],
    ids: Objects,
    drawn: Ints,
    dice: np.random.Generator,
) -> None:
    """Some people call again about the same thing, on the same day or the next.

    Only calls that can be recognised are repeated: not withheld, with a community that stays.
    """
    yesterday = day - timedelta(days=1)
    size = city.rows_on(yesterday, PER_DAY, FEED)
    _, *old = _calls(city, yesterday, size)
    old_ids = numbered(f"HL-{yesterday:%Y%m%d}-", np.arange(1, size + 1), 6)
    old_fit = _recognised(old[2], old[3]) & (draw(city, FEED, yesterday, size, DEFECTS) == NONE)
    fit = _recognised(columns[2], columns[3]) & (drawn == NONE)
    old_fit &= _is_first(city, yesterday, size)
    repeat = _is_repeat(city, day, len(ids))
    fit &= _is_first(city, day, len(ids))
    old_spot = _said(city, yesterday, size)[0]
    again = np.flatnonzero(repeat & (drawn == NONE))
    for row, of_yesterday in zip(again, dice.random(len(again)) < 0.5, strict=True):
        today = (*columns[:4], ids, columns[5])
        source, sound = ((*old, old_ids, old_spot), old_fit) if of_yesterday else (today, fit[:row])
        known = np.flatnonzero(sound) if len(sound) < 5000 else np.flatnonzero(sound[:5000])
        if not len(known) or (of_yesterday and yesterday < city.history_start):
            continue
        first = known[dice.integers(0, len(known))]
        for column, values in zip(columns, source, strict=True):
            column[row] = values[first]


@lru_cache(maxsize=128)
def _said(city: City, day: date, count: int) -> tuple[Ints, Ints]:
    """The spot each call is about, and a number that picks its words."""
    _, community, category, _, _ = _calls(city, day, count)
    wording = city.dice("hotline/words", day).integers(0, 2**31, count)
    return spots.drawn(day, community, category, turn=0), wording


def _other_callers(
    city: City,
    day: date,
    columns: tuple[Ints, Ints, Ints, Ints, Ints, Objects],
    tie: Objects,
    kind: Ints,
    drawn: Ints,
) -> None:
    """Others report a problem of the same day: at the same spot in their own words, or in the very same words.

    And some callers report a second thing of the same class at another building: a problem of its own, though
    everything but the place says otherwise.
    """
    community, category, phone, spot, wording, problem = columns
    sort = _other_caller(city, day, len(tie))
    dice = city.dice("hotline/others", day)
    recognised = _recognised(phone, kind) & (drawn == NONE) & ~_is_repeat(city, day, len(tie))
    is_source = recognised & (sort == FIRST) & (tie == "first")
    for row in np.flatnonzero(recognised & (sort != FIRST)):
        pointed = has_point(wording[:row])
        fit = is_source[:row] & (
            pointed if sort[row] == BY_PLACE else ~pointed if sort[row] == BY_TEXT else True
        )
        sources = np.flatnonzero(fit)
        if not len(sources):
            continue
        source = sources[dice.integers(0, len(sources))]
        community[row], category[row] = community[source], category[source]
        if sort[row] == RESTLESS:
            phone[row] = phone[source]
            spot[row] = (spot[source] + 4 + spot[row] % (spots.SPOTS - 8)) % spots.SPOTS
            continue
        spot[row], problem[row] = spot[source], problem[source]
        if sort[row] == BY_PLACE:
            wording[row] -= wording[row] % 10
            tie[row] = "place"
        else:
            wording[row] = wording[source]
            tie[row] = "text"


FIRST, BY_PLACE, BY_TEXT, RESTLESS = range(4)


def _other_caller(city: City, day: date, count: int) -> Ints:
    """Which calls are about what somebody else called about before, and how that shows."""
    dice = city.dice("hotline/other callers", day)
    return dice.choice(4, size=count, p=(0.967, 0.018, 0.013, 0.002))


def _is_first(city: City, day: date, count: int) -> Bools:
    """Which calls begin a problem of which others may be told."""
    return np.asarray(~_is_repeat(city, day, count) & (_other_caller(city, day, count) == FIRST))


def _is_repeat(city: City, day: date, count: int) -> Bools:
    """Which calls of the day are somebody calling again; nobody calls again about such a call."""
    return np.asarray(city.dice("hotline/again", day).random(count) < 0.06)


def _recognised(phone: Ints, kind: Ints) -> Bools:
    odd = is_withheld(phone) | is_vague(phone) | is_moved(phone) | is_late(phone) | (kind == SMOKING)
    return np.asarray(~odd)


def _lives(times: Instants, kind: Ints, hurried: np.ndarray, dice: np.random.Generator) -> Instants:
    """What happens to each order and when, NaT for what never does. Columns are CREATED … MENDED."""
    count = len(times)
    events = np.full((count, STEPS), NEVER)
    events[:, CREATED] = times
    events[:, DISPATCHED] = later(times, dice, 4, 90)
    events[:, CONTACTED] = later(events[:, DISPATCHED], dice, 10, 900)
    events[:, CLOSED] = later(events[:, CONTACTED], dice, 60, 7200)
    events[:, CALLBACK] = later(events[:, CLOSED], dice, 300, 4000)
    # Rows with a defect live fast, so that there is something to be wrong before the day is pulled.
    fast = np.flatnonzero(hurried)
    for step, minutes in ((DISPATCHED, 6), (CONTACTED, 25), (CLOSED, 70), (CALLBACK, 150)):
        events[fast, step] = times[fast] + np.timedelta64(minutes, "m")
    # Two clocks that disagree by half a minute are no defect.
    skewed = (dice.random(count) < 0.01) & ~hurried
    events[skewed, CONTACTED] = events[skewed, DISPATCHED] - np.timedelta64(30, "s")
    at_midnight = (dice.random(count) < 0.02) & ~hurried
    closing = events[at_midnight, CLOSED].astype("M8[D]") + np.timedelta64(1, "D")
    events[at_midnight, CLOSED] = closing.astype("M8[s]")
    events[at_midnight, CALLBACK] = closing.astype("M8[s]") + np.timedelta64(10, "h")
    events[(kind == ENQUIRY) & ~hurried, CALLBACK] = NEVER
    reopened = (dice.random(count) < 0.05) & ~np.isnat(events[:, CALLBACK]) & ~hurried
    for step, before, low, high in (
        (REOPENED, CALLBACK, 30, 600),
        (RECLOSED, REOPENED, 300, 3000),
        (RECALLED, RECLOSED, 300, 2000),
    ):
        events[reopened, step] = later(events[reopened, before], dice, low, high)
    for step, share, low, high in ((EXCLUDED, 0.02, 1440, 12000), (CORRECTED, 0.06, 700, 6000)):
        rows = (dice.random(count) < share) & ~hurried
        events[rows, step] = later(times[rows], dice, low, high)
    return events
