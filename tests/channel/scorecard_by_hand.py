"""The scorecard counted by hand from the orders' truth: what each pull could know, by street, period and revision.

When an order must be closed is walked hour by hour over the calendar.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache

from city_truth import NEWEST_PULL, PULLS, Row, by, newest, reference, rounded, streets

ORDERS, FLOW, BULLETIN = "city_hotline_orders", "city_hotline_flow", "city_hotline_bulletin"
[RULE] = reference("score_rules")
CREDIT = {"yes": Decimal(1), "partly": Decimal(RULE["partial_solve_credit"]), "satisfied": Decimal(1),
          "basically": Decimal(RULE["basic_satisfied_credit"])}  # fmt: skip
COUNTS = (
    "received_count", "excluded_count", "assessed_count", "responded_count", "callback_count",
    "resolved_credit", "satisfied_credit",
)  # fmt: skip
CHANGES = (
    "arrived_count",
    "departed_count",
    "newly_excluded_count",
    "reinstated_count",
    "late_callback_count",
)
RATES = ("response_rate", "resolution_rate", "satisfaction_rate")
DAY = timedelta(days=1)


def period_of(day: date) -> str:
    """The period that a day falls in: it begins on the rule's day and has the name of the month it ends in."""
    month = day.month % 12 + 1 if day.day >= int(RULE["period_start_day"]) else day.month
    return f"{day.year + (month < day.month)}-{month:02d}"


def ends_on(period: str) -> date:
    return date.fromisoformat(f"{period}-01") + (int(RULE["period_start_day"]) - 2) * DAY


def counted(order: Row) -> Row:
    """What an order counts for, as a version tells it."""
    is_counted = order["handling_role"] == "lead" and order["order_kind"] != "enquiry"
    in_time = order["contacted_at"] is not None and order["contacted_at"] <= order[
        "dispatched_at"
    ] + timedelta(hours=int(RULE["response_sla_hours"]))
    is_callback = order["resolved"] is not None and order["satisfied"] not in (None, "not_rated")
    return {
        "place": (period_of(order["reported_at"].date()), order["street_code"]) if is_counted else None,
        "is_excluded": bool(order["is_excluded"]),
        "is_in_time": in_time,
        "is_callback": is_callback,
        "resolved": CREDIT.get(order["resolved"], Decimal(0)),
        "satisfied": CREDIT.get(order["satisfied"], Decimal(0)),
    }


@cache
def standings(at: datetime) -> dict[str, Row]:
    return {order["work_order_id"]: counted(order) for order in newest(ORDERS, at)}


@cache
def counts(at: datetime) -> dict[tuple[str, str], list[Decimal]]:
    """By period and street, in the order of COUNTS."""
    found: dict[tuple[str, str], list[Decimal]] = {}
    for order in standings(at).values():
        if order["place"]:
            assessed = not order["is_excluded"]
            valid = assessed and order["is_callback"]
            row = (1, not assessed, assessed, assessed and order["is_in_time"], valid,
                   order["resolved"] if valid else 0, order["satisfied"] if valid else 0)  # fmt: skip
            old = found.setdefault(order["place"], [Decimal(0)] * len(COUNTS))
            found[order["place"]] = [one + Decimal(other) for one, other in zip(old, row, strict=True)]
    return found


def changes(before: datetime, after: datetime) -> Counter[tuple[str, str, str]]:
    """By period, street and kind, what a pull changed of the orders that counted or count now."""
    old, new = standings(before), standings(after)
    found: Counter[tuple[str, str, str]] = Counter()
    nothing: Row = {"place": None, "is_excluded": False, "is_callback": False}
    for number in old.keys() | new.keys():
        was, now = old.get(number, nothing), new.get(number, nothing)
        if was["place"] != now["place"]:
            if now["place"]:
                found[(*now["place"], "arrived_count")] += 1
            if was["place"]:
                found[(*was["place"], "departed_count")] += 1
        elif now["place"]:
            for kind, is_it in (
                ("newly_excluded_count", now["is_excluded"] and not was["is_excluded"]),
                ("reinstated_count", was["is_excluded"] and not now["is_excluded"]),
                ("late_callback_count", now["is_callback"] and not was["is_callback"]),
            ):
                found[(*now["place"], kind)] += is_it
    return found


def frozen_at(period: str) -> datetime | None:
    """When the bulletin was out, the rule's days had gone by, or the first day that knew anything was over."""
    ended = datetime.combine(ends_on(period) + DAY, time())
    out = [row["published_at"] for row in newest(BULLETIN) if row["period"] == period]
    ripe = min([*out, ended + int(RULE["freeze_after_days"]) * DAY])
    if PULLS[0] > ripe:
        ripe = datetime.combine(PULLS[0].date() + DAY, time())
    return ripe if ripe <= NEWEST_PULL else None


def revisions(period: str) -> list[tuple[datetime, datetime | None]]:
    """Each revision's instant, and the one before's: the freeze, then each pull after it that changes a count."""
    frozen = frozen_at(period)
    if frozen is None:
        return [(NEWEST_PULL, None)]
    found: list[tuple[datetime, datetime | None]] = [(frozen, None)]
    for before, after in zip((datetime.min, *PULLS), PULLS, strict=False):
        if after > frozen:
            old, new = counts(max(before, frozen)), counts(after)
            if any(old.get(key) != new.get(key) for key in old.keys() | new.keys() if key[0] == period):
                found.append((after, found[-1][0]))
    return found


@cache
def scorecard() -> dict[tuple[str, str, int], Row]:
    """Every street, period and revision, from the orders."""
    periods = {place[0] for place in counts(NEWEST_PULL)}
    found: dict[tuple[str, str, int], Row] = {}
    for period in periods:
        rows: dict[tuple[int, str], Row] = {}
        for revision, (known, before) in enumerate(revisions(period)):
            sums = counts(known)
            moved = changes(before, known) if before else Counter()
            for street, area in streets(ends_on(period)).items():
                row: Row = dict(zip(COUNTS, sums.get((period, street), [Decimal(0)] * 7), strict=True))
                row |= {kind: moved[(period, street, kind)] for kind in CHANGES}
                shares = [
                    row[part] / row[whole] if row[whole] else None
                    for part, whole in (("responded_count", "assessed_count"), ("resolved_credit", "callback_count"),
                                        ("satisfied_credit", "callback_count"))
                ]  # fmt: skip
                weights = [Decimal(RULE[name]) for name in ("w_response", "w_resolution", "w_satisfaction")]
                row |= {name: rounded(share, 6) for name, share in zip(RATES, shares, strict=True)}
                row["composite_score"] = (
                    None
                    if None in shares
                    else rounded(
                        100 * sum(w * s for w, s in zip(weights, shares, strict=True) if s is not None), 2
                    )
                )
                row["is_small_base"] = row["callback_count"] < int(RULE["min_callbacks"])
                row["population"] = int(area["population"])
                row["demands_per_10k"] = rounded(10000 * row["received_count"] / row["population"], 2)
                rows[revision, street] = row
        for (revision, street), row in rows.items():
            scores = [other["composite_score"] for (number, _), other in rows.items() if number == revision]
            own = row["composite_score"]
            row["rank_in_scope"] = None if own is None else 1 + sum(s is not None and s > own for s in scores)
            row["scope_size"] = len(scores)
            row["is_latest"] = revision == max(number for number, _ in rows)
            found[street, period, revision] = row
    return found


def bulletins() -> dict[tuple[str, str], Row]:
    return by((row for row in newest(BULLETIN) if row["edition_no"] == 1), "street_code", "period")


def narrowest(order: Row) -> dict[str, str]:
    """The limit that an order's class is under."""
    fit = [
        row
        for row in reference("sla_rules")
        if row["category_l1"] in ("*", order["category_l1"])
        and row["category_l2"] in ("*", order["category_l2"])
    ]
    return min(fit, key=lambda row: (row["category_l1"] == "*", row["category_l2"] == "*"))


def due(order: Row) -> datetime | None:
    """When the order must be closed by the narrowest limit of its class; working hours are walked one by one."""
    limit = narrowest(order)
    left = timedelta(hours=int(limit["hours"]))
    at: datetime = order["dispatched_at"]
    if limit["calendar"] == "clock":
        return at + left
    [hours] = reference("working_hours")
    days = {row["day"]: row["day_kind"] == "workday" for row in reference("calendar_days")}
    while True:
        midnight = datetime.combine(at.date(), time())
        opens, closes = (
            midnight + timedelta(minutes=int(hours[f"{name}_minute"])) for name in ("opens", "closes")
        )
        if days.get(f"{at.date()}", at.weekday() < 5):
            begins = max(at, opens)
            if begins + left <= closes:
                return begins + left
            left -= max(timedelta(), closes - begins)
        at = midnight + DAY


def became(before: Row | None, now: Row, frozen: datetime | None) -> str | None:
    """What has become of an order since its period was frozen."""
    if frozen is None:
        return None
    if before is None:
        return "arrived"
    if now["place"] is None:
        return "left"
    if now["place"] != before["place"]:
        return "moved"
    if now["is_excluded"] != before["is_excluded"]:
        return "excluded" if now["is_excluded"] else "reinstated"
    if now["is_callback"] and not before["is_callback"]:
        return "late_callback"
    return "answered_otherwise" if before != now else None


def limits(order: Row) -> Row:
    """What is due on an order, what is still open of it, and what may still change its street's figures."""
    standing, sent = counted(order), order["dispatched_at"]
    contact = sent and sent + timedelta(hours=int(RULE["response_sla_hours"]))
    can_change = "nothing"
    if standing["place"] and not standing["is_excluded"]:
        if order["contacted_at"] is None and contact and contact > NEWEST_PULL:
            can_change = "contact"
        elif not standing["is_callback"]:
            can_change = "callback"
    return {
        "contact_due_at": contact,
        "close_due_at": sent and due(order),
        "limit_calendar": narrowest(order)["calendar"] if sent else None,
        "can_change": can_change,
        "is_contact_open": order["contacted_at"] is None,
        "is_open": order["order_status"] not in ("closed", "evaluated"),
    }


@cache
def returns() -> dict[str, Row]:
    """By order: how often it was sent back, when and by whom last, and when one who had sent it back got it again."""
    steps: dict[str, list[Row]] = {}
    for step in sorted(newest(FLOW), key=lambda row: row["event_at"]):
        steps.setdefault(step["work_order_id"], []).append(step)
    found = {}
    for number, told in steps.items():
        back = [step for step in told if step["event_type"] == "returned"]
        again = [
            step["event_at"]
            for step in told
            for old in back
            if step["event_type"] == "redispatched"
            and step["street_code"] == old["street_code"]
            and step["event_at"] > old["event_at"]
        ]
        last = back[-1] if back else {"event_at": None, "street_code": None}
        found[number] = {"returned_count": len(back), "last_returned_at": last["event_at"],
                         "returned_by": last["street_code"], "came_back_at": max(again, default=None)}  # fmt: skip
    return found
