"""District dispatch: the hotline orders that reach a street by way of the district, and who was sent them.

A matter of two streets is sent twice: one leads, the other assists. The row names the grid case when there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks
from pipelines.samplecity.city import hotline
from pipelines.samplecity.city.hotline_log import STEP, log
from pipelines.samplecity.defects import NONE, Defect, change, draw, mendable, plant, put
from pipelines.samplecity.district import grid
from pipelines.samplecity.source import Source, incremental
from pipelines.samplecity.wire import Wire, join, numbered, only_where, text_of_times
from pipelines.samplecity.world import (
    COMMUNITY_STREET,
    NEVER,
    STREETS,
    Bools,
    City,
    Instants,
    Ints,
    Objects,
    later,
    spell_streets,
    stamp,
)

FEED = "district_dispatch"
LOOK_BACK = timedelta(hours=72)
STEPS = 5
DISPATCHED, RETURNED, REPLIED, TIED, MENDED = range(STEPS)
ORGS = np.array(["区接诉即办中心", "区接诉即办中心", "区城管委", "区住建委"], dtype=object)


def _replied_first(wire: Wire, rows: Ints) -> None:
    for row in rows:
        sent = datetime.fromisoformat(wire.columns["dispatchedAt"][row])
        wire.columns["repliedAt"][row] = (sent - timedelta(minutes=90)).isoformat(sep=" ")


DEFECTS = (
    Defect("R9", ("required:district_order_no",), (put("districtOrderNo", "", None),)),
    Defect("R9", ("required:city_work_order_id",), (put("cityWorkOrderId", "", None),)),
    Defect("E11", ("pattern:city_work_order_id",), (change("cityWorkOrderId", lambda text: text.replace("-", "", 1)),)),
    Defect("R21", ("enum:dispatch_role",), (put("role", "会办", "牵头"),)),
    Defect("R22", ("rule:assist_only_when_double",), (put("role", "协办"), put("isDoubleDispatch", "否"))),
    Defect("R21", ("type:is_double_dispatch",), (put("isDoubleDispatch", "双派"),)),
    Defect("A5", ("area:street_code",), (put("toStreet", "区城管委"),)),
    Defect("A4", ("area:street_code",), (put("toStreet", "回龙观镇", "110114006"),)),
    Defect("T3", ("type:source_updated_at",), (put("updatedAt", "2026-11-31 08:00:00"),)),
    Defect("T5", ("rule:reply_not_before_dispatch",), (_replied_first,)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)  # fmt: skip


@dataclass(frozen=True)
class Dispatches:
    """The dispatches of one day's orders, as arrays over the same rows."""

    ids: Objects
    order_id: Objects
    case_no: Objects
    street: Ints
    is_assist: Bools
    is_double: Bools
    salt: Ints
    events: Instants
    appears: Instants
    drawn: Ints


@lru_cache(maxsize=128)
def dispatches(city: City, day: date) -> Dispatches:
    """Every dispatch of an order reported on `day` with its whole life."""
    known = log(city, day)
    orders, dice = known.orders, city.dice("dispatch", day)
    fit = (orders.drawn == NONE) & (hotline.role_of(orders.salt) == 0) & (dice.random(len(orders)) < 0.4)
    double = dice.random(len(orders)) < 0.2
    lead, assist = np.flatnonzero(fit), np.flatnonzero(fit & double)
    rows = np.concatenate([lead, assist])
    is_assist = np.arange(len(rows)) >= len(lead)
    order = np.argsort(rows, kind="stable")
    rows, is_assist = rows[order], is_assist[order]
    street = np.where(
        is_assist,
        (COMMUNITY_STREET[orders.community[rows]] + 2) % len(STREETS),
        np.where(known.is_returned[rows], known.first_street[rows], COMMUNITY_STREET[orders.community[rows]]),
    )
    events = np.full((len(rows), STEPS), NEVER)
    for step, label in ((DISPATCHED, "派单"), (RETURNED, "退单"), (REPLIED, "回复")):
        events[:, step] = known.steps[rows, STEP[label]]
    events[is_assist, RETURNED] = NEVER
    # A dispatch that was sent back is answered by the street it was sent to next, in the hotline's log.
    events[~np.isnat(events[:, RETURNED]), REPLIED] = NEVER
    case_no, seen = _grid_cases(city, day, orders.ids[rows])
    case_no[is_assist] = None
    events[:, TIED] = np.where(is_assist, NEVER, np.maximum(seen, events[:, DISPATCHED]))
    drawn = draw(city, FEED, day, len(rows), DEFECTS)
    mended = mendable(drawn, DEFECTS) & (dice.random(len(rows)) < 0.25)
    events[mended, MENDED] = later(events[mended, DISPATCHED], dice, 26 * 60, 50 * 60)
    ids = numbered(f"QD{day:%y%m%d}", np.arange(1, len(rows) + 1), 6)
    salt = (orders.salt[rows] // 11 + 7919 * is_assist) % 2**31
    return Dispatches(
        ids,
        orders.ids[rows],
        case_no,
        street,
        is_assist,
        double[rows],
        salt,
        events,
        orders.appears[rows],
        drawn,
    )


def _grid_cases(city: City, day: date, order_ids: Objects) -> tuple[Objects, Instants]:
    """The grid case that is about each order, where the district's own centre has one, and since when."""
    cases: dict[str, tuple[str, np.datetime64]] = {}
    for later_day in (day, day + timedelta(days=1)):
        known = grid.cases(city, later_day)
        for row in np.flatnonzero([value is not None for value in known.order_id]):
            reported = known.events[row, grid.REPORTED] + np.timedelta64(10, "m")
            cases.setdefault(known.order_id[row], (known.ids[row], reported))
    found = [cases.get(order, (None, NEVER)) for order in order_ids]
    return (
        np.array([case for case, _ in found] + [None], dtype=object)[:-1],
        np.array([since for _, since in found], dtype="M8[s]"),
    )


@lru_cache(maxsize=16)
def snapshot(city: City, clock: datetime) -> Wire:
    """All dispatches as they stand at `clock`, by number."""
    day, parts = city.history_start, []
    while day <= clock.date():
        parts.append(wire_of(dispatches(city, day), stamp(clock)))
        day += timedelta(days=1)
    return join(parts)


def wire_of(known: Dispatches, clock: np.datetime64) -> Wire:
    """One day's dispatches as they stand at `clock`, defects planted and labelled."""
    # An order that reaches the hotline's table late reaches the district late, too.
    there = np.flatnonzero((known.events[:, DISPATCHED] <= clock) & (known.appears <= clock))
    done = (known.events <= clock)[there]
    events = np.where(done, known.events[there], NEVER)
    salt = known.salt[there]
    updated = np.fmax(np.fmax.reduce(events, axis=1), known.appears[there])
    columns: dict[str, Objects] = {
        "districtOrderNo": known.ids[there].copy(),
        "cityWorkOrderId": known.order_id[there].copy(),
        "gridCaseNo": only_where(done[:, TIED], known.case_no[there]),
        "fromOrg": ORGS[salt % len(ORGS)],
        "toStreet": spell_streets(known.street[there], salt // 13),
        "role": np.array(["主办", "协办"], dtype=object)[known.is_assist[there].astype(int)],
        "isDoubleDispatch": np.array(["否", "是"], dtype=object)[known.is_double[there].astype(int)],
        "dispatchedAt": text_of_times(events[:, DISPATCHED]),
        "returnedAt": text_of_times(events[:, RETURNED]),
        "repliedAt": text_of_times(events[:, REPLIED]),
        "updatedAt": text_of_times(updated),
    }
    wire = Wire("districtOrderNo", columns, updated, salt, known.ids[there], known.ids[there], updated)
    shown = np.where(done[:, MENDED], NONE, known.drawn[there])
    return plant(wire, shown, DEFECTS, put("fromOrg", "区信访办"))


SOURCE = Source(
    FEED,
    "/dispatch/orders",
    incremental(snapshot),
    desks.PagedJson(start="updatedFrom", end="updatedTo"),
    DEFECTS,
    LOOK_BACK,
)
