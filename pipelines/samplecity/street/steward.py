"""Street steward requests: small matters brought to stewards and courtyard heads, some passed on to the hotline.

An escalated request names the hotline order it became from the moment that order exists; one of the first demo day
only from the day after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, spots, words
from pipelines.samplecity.city import hotline
from pipelines.samplecity.defects import NONE, Defect, change, draw, mendable, plant, put
from pipelines.samplecity.source import Source, cleaned, incremental
from pipelines.samplecity.wire import Wire, empty_objects, join, numbered, only_where, text_of_instants
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_ESTATE,
    COMMUNITY_NAME,
    COMMUNITY_STREET,
    COMMUNITY_WEIGHT,
    NEVER,
    PROBLEM_WEIGHT,
    PROBLEMS,
    STEWARD_PROBLEMS,
    STREETS,
    Bools,
    City,
    Instants,
    Ints,
    Objects,
    later,
    midnight,
    spell_streets,
    stamp,
    times_of_day,
)

FEED = "street_steward_requests"
PER_DAY = 200
LOOK_BACK = timedelta(days=14)
STEPS = 5
REQUESTED, TAKEN, ESCALATED, CLOSED, MENDED = range(STEPS)
CHANNELS = np.array(["微信群", "微信群", "小程序", "上门", "巡查"], dtype=object)
STEWARDS = np.array(["小巷管家", "楼门长", "网格员"], dtype=object)
SETTLED_IN = np.array(["楼门院", "社区", "社区", "街道"], dtype=object)
SERVICES = sorted({p.service for p in PROBLEMS if p.service})
_WEIGHT = PROBLEM_WEIGHT[STEWARD_PROBLEMS] / PROBLEM_WEIGHT[STEWARD_PROBLEMS].sum()
_EXTENDED = "extended_attributes."


def _closed_early(wire: Wire, rows: Ints) -> None:
    for row in rows:
        asked = datetime.fromisoformat(wire.columns["requested_datetime"][row])
        wire.columns[_EXTENDED + "closed_datetime"][row] = f"{asked - timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"


DEFECTS = (
    Defect("R9", ("required:request_id",), (put("service_request_id", None, ""),)),
    Defect("R9", ("required:channel",), (put(_EXTENDED + "channel", None, ""),)),
    Defect("R21", ("enum:request_status",), (put("status", "pending", "挂起"),)),
    Defect("R21", ("enum:channel",), (put(_EXTENDED + "channel", "抖音"),)),
    Defect("E11", ("pattern:request_id",), (change("service_request_id", lambda text: f"{text[2]}.{text[3:]}E+09"),)),
    Defect("T3", ("type:source_updated_at",), (put("updated_datetime", "2026-11-31T09:00:00Z"),)),
    Defect("A10", ("range:lat", "range:lon"), (put("long", 0), put("lat", 0))),
    Defect("A5", ("area:street_code",), (put(_EXTENDED + "street", "区城管委"),)),
    Defect("A4", ("area:street_code",), (put(_EXTENDED + "street", "回龙观镇"),)),
    Defect("R3", ("rule:escalated_names_its_order",),
           (put(_EXTENDED + "handled_in", "上报"), put(_EXTENDED + "escalated_to_order_id", None, ""))),
    Defect("T5", ("rule:close_not_before_request",), (_closed_early,), needs=(_EXTENDED + "closed_datetime",)),
    Defect("E3", ("readable:content_text",), (change("description", lambda text: "\ufffd\ufffd" + text[2:]),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)  # fmt: skip


@dataclass(frozen=True)
class Requests:
    """The requests of one day, as arrays over the same rows."""

    day: date
    ids: Objects
    community: Ints
    category: Ints
    salt: Ints
    events: Instants
    order_id: Objects
    phone: Ints
    problem: Objects
    drawn: Ints
    spot: Ints
    tie: Objects


@lru_cache(maxsize=128)
def requests(city: City, day: date) -> Requests:
    """Every request brought on `day` with its whole life."""
    count = city.rows_on(day, PER_DAY, FEED)
    dice = city.dice("steward/requests", day)
    times = times_of_day(dice, day, count)
    community = dice.choice(len(COMMUNITIES), size=count, p=COMMUNITY_WEIGHT)
    category = STEWARD_PROBLEMS[dice.choice(len(STEWARD_PROBLEMS), size=count, p=_WEIGHT)]
    salt = dice.integers(0, 2**31, count)
    phone = dice.integers(0, 100_000_000, count)
    drawn = draw(city, FEED, day, count, DEFECTS)
    order_id = empty_objects(count)
    spot = spots.drawn(day, community, category, turn=2)
    events = np.full((count, STEPS), NEVER)
    known = hotline.orders(city, day)
    serious = np.isin(known.category, STEWARD_PROBLEMS) & known.is_prompt
    # Only an order that began its problem: a caller who repeats himself does not go through a steward.
    fit = np.flatnonzero(serious & (known.problem == known.ids))
    chosen = dice.permutation(fit)[: max(2, round(0.09 * count))]
    rows = dice.permutation(np.flatnonzero(drawn == NONE))[: len(chosen)]
    for row, place in zip(rows, chosen, strict=False):
        opened = known.events[place, hotline.CREATED]
        before = np.timedelta64(int(dice.integers(600, 10800)), "s")
        times[row] = max(opened - before, midnight(day) + np.timedelta64(int(dice.integers(0, 60)), "s"))
        events[row, ESCALATED] = opened + np.timedelta64(300, "s")
        community[row], category[row] = known.community[place], known.category[place]
        order_id[row], spot[row] = known.ids[place], known.spot[place]
        if city.demo_index(day) == 0 and place == chosen[0]:
            # Written down a day late, about a corner far from where the caller stood: two cases that become one.
            events[row, ESCALATED] = midnight(day) + np.timedelta64(30, "h")
            spot[row] = (spot[row] + spots.SPOTS // 2) % spots.SPOTS
        elif salt[row] % 2:
            phone[row] = known.phone[place]
    ids = numbered(f"ST{day.toordinal() - date(2020, 1, 1).toordinal():04d}", np.arange(1, count + 1), 6)
    problem = np.where([value is None for value in order_id], ids, order_id)
    tie = np.where([value is None for value in order_id], "first", "order_id").astype(object)
    _called_too(
        city,
        known,
        (times, community, category, phone, spot, problem, tie),
        (drawn == NONE) & (tie == "first"),
    )
    events[:, REQUESTED] = times
    events[:, TAKEN] = later(times, dice, 2, 90)
    events[:, CLOSED] = later(np.fmax(events[:, TAKEN], events[:, ESCALATED]), dice, 30, 5000)
    hurried = drawn != NONE
    events[hurried, TAKEN] = times[hurried] + np.timedelta64(4, "m")
    events[hurried, CLOSED] = times[hurried] + np.timedelta64(80, "m")
    mended = mendable(drawn, DEFECTS) & (dice.random(count) < 0.25)
    events[mended, MENDED] = later(times[mended], dice, 26 * 60, 50 * 60)
    return Requests(day, ids, community, category, salt, events, order_id, phone, problem, drawn, spot, tie)


def _called_too(
    city: City,
    known: hotline.Orders,
    columns: tuple[Instants, Ints, Ints, Ints, Ints, Objects, Objects],
    fit: Bools,
) -> None:
    """Some who called the hotline tell their steward the same day, and nobody passes it on."""
    times, community, category, phone, spot, problem, tie = columns
    dice = city.dice("steward/callers", known.day)
    begun = np.isin(known.category, STEWARD_PROBLEMS) & known.is_prompt & (known.tie == "first")
    begun &= (
        ~hotline.is_withheld(known.phone) & ~hotline.is_vague(known.phone) & ~hotline.is_moved(known.phone)
    )
    sources = np.flatnonzero(begun)
    if not len(sources):
        return
    for row in np.flatnonzero(fit & (dice.random(len(fit)) < 0.03)):
        source = sources[dice.integers(0, len(sources))]
        after = times[row] > known.events[source, hotline.CREATED]
        if not after:
            continue
        community[row], category[row] = known.community[source], known.category[source]
        phone[row], spot[row] = known.phone[source], known.spot[source]
        problem[row], tie[row] = known.problem[source], "caller"


@lru_cache(maxsize=16)
def snapshot(city: City, clock: datetime) -> Wire:
    """All requests as they stand at `clock`, by time of request."""
    day, parts = city.history_start, []
    while day <= clock.date():
        parts.append(wire_of(requests(city, day), stamp(clock)))
        day += timedelta(days=1)
    joined = join(parts)
    return cleaned(city, joined.take(np.argsort(joined.order, kind="stable")), clock)


def wire_of(known: Requests, clock: np.datetime64) -> Wire:
    """One day's requests as they stand at `clock`, defects planted and labelled."""
    there = np.flatnonzero(known.events[:, REQUESTED] <= clock)
    done = (known.events <= clock)[there]
    events = np.where(done, known.events[there], NEVER)
    salt, community, category = known.salt[there], known.community[there], known.category[there]
    street = COMMUNITY_STREET[community]
    service = np.array([p.service for p in PROBLEMS], dtype=object)[category]
    phrase = np.array([p.phrases for p in PROBLEMS], dtype=object)[category, salt % 2]
    phones = words.mobiles(known.phone[there])
    contact = words.phones_as_written(phones, np.where(salt % 5 == 4, salt // 5 % 5, 0))
    contact[salt // 7 % 19 == 0] = "保密"
    contact[salt // 7 % 19 == 1] = None
    handled_in = SETTLED_IN[salt // 3 % len(SETTLED_IN)]
    handled_in[done[:, ESCALATED]] = "上报"
    spot = known.spot[there]
    lon, lat = spots.points(community, spot, salt)
    text = np.asarray(COMMUNITY_ESTATE[community] + spots.words(spot) + phrase, dtype=object)
    for row in np.flatnonzero(salt % 6 == 1):
        text[row] += "，" + words.mention(int(salt[row] // 6), phones[row], int(salt[row]), f"{known.day}")
    columns: dict[str, Objects] = {
        "service_request_id": known.ids[there].copy(),
        "status": np.array(["open", "closed"], dtype=object)[done[:, CLOSED].astype(int)],
        "service_name": service,
        "service_code": np.array([f"S{SERVICES.index(name) + 1:02d}" for name in service], dtype=object),
        "description": text,
        "requested_datetime": text_of_instants(events[:, REQUESTED]),
        "updated_datetime": text_of_instants(np.fmax.reduce(events, axis=1)),
        "address": np.asarray(
            COMMUNITY_ESTATE[community] + numbered("", spots.building(spot), 1) + "号楼" + numbered("", 1 + salt % 5, 1) + "单元"
            + numbered("", 101 + salt % 700, 3) + "室", dtype=object),
        "lat": np.round(lat, 6).astype(object),
        "long": np.round(lon, 6).astype(object),
        _EXTENDED + "program_code": np.array([s.programme for s in STREETS], dtype=object)[street],
        _EXTENDED + "contact": contact,
        _EXTENDED + "channel": CHANNELS[salt // 11 % len(CHANNELS)],
        _EXTENDED + "steward_role": STEWARDS[salt // 13 % len(STEWARDS)],
        _EXTENDED + "street": spell_streets(street, salt // 17),
        _EXTENDED + "community": COMMUNITY_NAME[community],
        _EXTENDED + "handled_in": handled_in,
        _EXTENDED + "escalated_to_order_id": only_where(done[:, ESCALATED], known.order_id[there]),
        _EXTENDED + "closed_datetime": text_of_instants(events[:, CLOSED]),
    }  # fmt: skip
    requested = events[:, REQUESTED]
    wire = Wire(
        "service_request_id", columns, requested, salt, known.problem[there], known.ids[there], requested
    )
    wire.evidence = known.tie[there]
    shown = np.where(done[:, MENDED], NONE, known.drawn[there])
    return plant(wire, shown, DEFECTS, put("description", "重复推送，内容有出入"))


SOURCE = Source(
    FEED,
    "/open311/v2/requests.json",
    incremental(snapshot),
    desks.Open311(),
    DEFECTS,
    LOOK_BACK,
    snapshot,
)
