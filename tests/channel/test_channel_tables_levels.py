"""How feeds did, what levels count of the same thing, and areas told in another day's: against what the city knows.

The health of a day is recomputed but for what loading did with its rows (inserted, updated, unchanged, stale), which
must only add up to the rows that were validated. Weights of areas are followed through the lineage one change at a
time; backwards, where what came together must be parted, only sums and the lists of parts are checked.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from channel_days import CITY, DAYS, Channel, feeds_by_id, owed, pulled_at
from city_truth import (
    PULLS,
    Row,
    by,
    devices,
    newest,
    only,
    published,
    reference,
    rounded,
    samples,
    valid_on,
)  # fmt: skip
from samplecity_judge import area_of, arriving, custom, read

from pipelines import contract
from pipelines.samplecity import answerkey
from pipelines.samplecity.district import schools
from pipelines.samplecity.wire import CLEAN, DUPLICATE, QUARANTINED, REFUSED, Wire
from pipelines.samplecity.world import local

pytestmark = pytest.mark.long

ORDERS, CASES, REQUESTS = "city_hotline_orders", "district_grid_cases", "street_steward_requests"
DISPATCH, INCIDENTS = "district_dispatch", "street_incidents"
DAY = timedelta(days=1)


@cache
def wires() -> dict[tuple[str, date], Wire]:
    """What each pull met, wrong rows and all."""
    return {
        (pull.feed_id, day): answerkey.served(
            CITY, pull.feed_id, pull.window.start, pull.window.end, pulled_at(day)
        )
        for day in DAYS
        for pull in owed(day)
    }


def health(feed_id: str, day: date) -> Row:
    """How a feed did on a day it was pulled for."""
    outcomes = Counter(wires()[feed_id, day].outcome.tolist())
    received, rule = sum(outcomes.values()), valid_on("health_rules", day)
    judged = received - outcomes[DUPLICATE] - outcomes[REFUSED]
    due = datetime.combine(day + DAY, time()) + feeds_by_id()[feed_id].latency
    in_time = local(pulled_at(day)) <= due
    share = Decimal(outcomes[CLEAN]) / judged if judged else None
    scores = [
        Decimal(rule["w_completeness"]) if received else Decimal(),
        rounded(Decimal(rule["w_content"]) * (share or 0), 2) or Decimal(),
        Decimal(rule["w_timeliness"]) if received and in_time else Decimal(),
        Decimal(rule["w_stability"]),
    ]
    return {
        # Nobody knows yet what is usual: three days are fewer than the rule asks for.
        "status": "learning" if received and in_time else "late" if received else "missing",
        "expected_by": due,
        "landed_at": local(pulled_at(day)),
        "batch_count": 1,
        "received_count": received,
        "validated_count": outcomes[CLEAN],
        "quarantined_count": outcomes[QUARANTINED],
        "duplicate_count": outcomes[DUPLICATE],
        "refused_count": outcomes[REFUSED],
        "content_valid_share": rounded(share, 6),
        "total_score": sum(scores),
    }


def test_the_health_of_every_feed_and_day_is_what_the_pull_met(at_channel: Channel) -> None:
    found = by(published("governance.channel_health"), "feed_id", "business_date")
    expected = {(feed_id, day): health(feed_id, day) for feed_id, day in wires()}

    assert only(expected, *next(iter(expected.values()))) == only(found, *next(iter(expected.values())))
    for row in found.values():
        loaded = sum(row[f"{what}_count"] for what in ("inserted", "updated", "unchanged", "stale"))
        assert row["validated_count"] == loaded


def test_a_level_is_worth_its_worst_feed_of_the_day(at_channel: Channel) -> None:
    of_level: defaultdict[tuple[str, date], list[tuple[Decimal, str]]] = defaultdict(list)
    for feed_id, day in wires():
        score = health(feed_id, day)["total_score"]
        of_level[feeds_by_id()[feed_id].level, day].append((Decimal(score), feed_id))

    found = by(published("governance.channel_levels"), "level", "business_date")
    assert {key: (len(feeds), len(feeds), *min(feeds), None) for key, feeds in of_level.items()} == {
        key: tuple(
            row[name]
            for name in (
                "feed_count",
                "mandatory_count",
                "mandatory_score",
                "worst_feed_id",
                "optional_score",
            )
        )
        for key, row in found.items()
    }


def test_the_planted_silence_is_the_only_one(at_channel: Channel) -> None:
    silent = [
        (row["feed_id"], row["business_date"])
        for row in published("governance.channel_health")
        if row["status"] == "missing"
    ]

    assert [(schools.FEED, DAYS[schools.OUTAGE_DAY])] == silent


def test_every_bad_row_waits_for_the_street_it_names(at_channel: Channel) -> None:
    """Counted by feed and street; nobody has corrected anything yet."""
    expected: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for (feed_id, day), wire in wires().items():
        [column, *_] = [each for each in arriving(feed_id) if custom(each, "area")] or [None]
        for facts, _ in read(feed_id, wire.take(wire.outcome == QUARANTINED), day):
            named = column and facts[column["name"]] is not None and area_of(column, facts, day)
            expected[feed_id, named or "unassigned"].append(local(pulled_at(day)))
    found = by(published("governance.quarantine_by_street"), "source_feed", "street_code")

    assert {
        key: (len(landed), len(landed), 0, 0, 0, min(landed), (max(PULLS).date() - min(landed).date()).days)
        for key, landed in expected.items()
    } == only(
        found,
        *(f"{what}_count" for what in ("quarantined", "open", "corrected", "returned", "discarded")),
        "oldest_open_at",
        "oldest_open_days",
    )
    for (feed_id, street), row in found.items():
        assert (feeds_by_id()[feed_id].level, feeds_by_id()[feed_id].owner) == (row["level"], row["owner"])
        assert (street == "unassigned") == (row["street_name"] is None)


def test_reasons_of_quarantine_are_the_planted_ones(at_channel: Channel) -> None:
    """Rows under each rule as the answer key plants them; nothing was corrected, so all of them still wait."""
    expected: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for (feed_id, day), wire in wires().items():
        for rules in wire.rules[wire.outcome == QUARANTINED]:
            for rule in rules:
                expected[feed_id, rule].append(local(pulled_at(day)))
    found = by(published("governance.quarantine_reasons"), "source_feed", "broken_rule")

    assert {key: (len(at), len(at), min(at)) for key, at in expected.items()} == only(
        found, "quarantined_count", "open_count", "oldest_open_at"
    )
    for (feed_id, rule), row in found.items():
        feed = feeds_by_id()[feed_id]
        [promise] = [each for each in feed.rules if each.rule_id == rule]

        assert (promise.column or None, promise.severity) == (row["column_name"], row["severity"])
        assert (feed.level, feed.owner) == (row["level"], row["owner"])


@cache
def sides() -> dict[str, tuple[dict[tuple[str, date, str], Row], dict[tuple[str, date, str], Row]]]:
    """What the two levels tell of each thing, by street, day and record, before days are compared at all."""
    orders = by(newest(ORDERS), "work_order_id")
    found: dict[str, Any] = {name: ({}, {}) for name in (row["thing"] for row in reference("level_rules"))}

    def tell(
        thing: str, side: int, street: str, at: datetime, record: str, names: str | None, of: Row
    ) -> None:
        rows = found[thing][side]
        row = rows.setdefault(
            (street, at.date(), record), {"count": 0, "names": names, "excluded": False, "back": []}
        )
        row["count"] += of.get("count", 1)
        row["excluded"] = bool(of.get("is_excluded"))
        row["back"].append(of.get("returned_at") is not None)

    for number, order in orders.items():
        if order["handling_role"] == "lead" and order["dispatched_at"]:
            tell("order_dispatch", 0, order["street_code"], order["dispatched_at"], number, number, order)
    seen: set[tuple[str, date, str]] = set()
    for sent in newest(DISPATCH):
        if sent["dispatch_role"] == "lead":
            number = sent["city_work_order_id"]
            place = (sent["street_code"], sent["dispatched_at"].date(), number)
            tell("order_dispatch", 1, place[0], sent["dispatched_at"], number, number,
                 {"count": 0 if place in seen else 1, "returned_at": sent["returned_at"]})  # fmt: skip
            seen.add(place)
    for request in newest(REQUESTS):
        if request["handled_in"] == "escalated":
            number, named, at = (
                request["request_id"],
                request["escalated_to_order_id"],
                request["requested_at"],
            )
            tell("order_escalation", 0, request["street_code"], at, number, named, {})
            if named in orders:
                tell("order_escalation", 1, orders[named]["street_code"], at, number, number, orders[named])
    for case in newest(CASES):
        number, named, at = case["case_no"], case["city_work_order_id"], case["reported_at"]
        if case["found_by"] == "hotline":
            tell("hotline_case", 0, case["street_code"], at, number, named, {})
            if named in orders:
                tell("hotline_case", 1, orders[named]["street_code"], at, number, number, orders[named])
        if case["found_by"] == "video":
            tell("incident_case", 1, case["street_code"], at, "*", None, {})
    for hour in newest(INCIDENTS):
        tell(
            "incident_case",
            0,
            hour["street_code"],
            hour["hour_at"],
            "*",
            None,
            {"count": hour["to_case_count"]},
        )
    for number in {device["counted_as"] for device in devices().values()}:
        for day in DAYS:
            at = datetime.combine(day, time())
            tell("device_status", 0, devices()[number]["street_code"], at, number, number, {})
    for number, day in {(devices()[s["device_id"]]["counted_as"], s["sampled_at"].date()) for s in samples()}:
        at = datetime.combine(day, time())
        tell("device_status", 1, devices()[number]["street_code"], at, number, number, {})
    return found


def covered(feed_id: str) -> tuple[date, date]:
    """The first day a feed was pulled for and the day after its last."""
    windows = [pull.window for day in DAYS for pull in owed(day, [feed_id])]
    return local(min(w.start for w in windows)).date(), local(max(w.end for w in windows)).date()


@cache
def compared() -> dict[str, Row]:
    """Each thing with its rule and the days on which it is compared."""
    found = {}
    for rule in reference("level_rules"):
        first, second = covered(rule["first_feed"]), covered(rule["second_feed"])
        end = max(first[1], second[1])
        begin = max(first[0], second[0], end - int(rule["compared_days"]) * DAY)
        found[rule["thing"]] = {**rule, "begin": begin, "end": end, "until": (first[1], second[1])}
    return found


def on_days(thing: str, side: int) -> dict[tuple[str, date, str], Row]:
    days = compared()[thing]
    return {key: row for key, row in sides()[thing][side].items() if days["begin"] <= key[1] < days["end"]}


@cache
def set_aside() -> dict[str, set[str]]:
    """Letters and digits of every value of each feed's rows in quarantine."""
    found: dict[str, set[str]] = defaultdict(set)
    for (feed_id, _), wire in wires().items():
        bad = wire.take(wire.outcome == QUARANTINED)
        for column in bad.columns.values():
            found[feed_id] |= {
                re.sub("[^0-9A-Za-z]", "", str(value)) for value in column if value is not None
            }
    return found


def differences() -> dict[tuple[str, str, date, str, str], tuple[int, str, str | None]]:
    """What one level tells and the other lacks: how many, why, and where else it is."""
    assisting = {
        (r["city_work_order_id"], r["street_code"])
        for r in newest(DISPATCH)
        if r["dispatch_role"] == "assist"
    }
    found = {}
    for thing, rule in compared().items():
        both = [on_days(thing, side) for side in (0, 1)]
        for key in both[0].keys() | both[1].keys():
            street, day, record = key
            first, second = (side.get(key) for side in both)
            surplus = (first["count"] if first else 0) - (second["count"] if second else 0)
            if not surplus:
                continue
            lacking = 1 if surplus > 0 else 0
            teller = first or second or {}
            names, feed = teller["names"], rule["second_feed" if lacking else "first_feed"]
            places = [(abs((other[1] - day).days), other[0]) for other in both[lacking] if other[2] == record]
            elsewhere = min(places)[1] if places and record != "*" else None
            waits = day + int(rule["wait_days"]) * DAY >= rule["until"][lacking]
            letters = re.sub("[^0-9A-Za-z]", "", names or "-")
            reasons = {
                "not_yet_due ": record == "*" and waits,
                "counts_only": record == "*",
                "quarantined": bool(letters) and letters in set_aside()[feed],
                "returned": bool(teller["back"]) and all(teller["back"]),
                "other_street": elsewhere not in (None, street),
                "other_day": elsewhere is not None,
                "other_role": thing == "order_dispatch" and lacking == 1 and (record, street) in assisting,
                "no_reference": names is None,
                "not_yet_due": waits,
                "excluded": teller["excluded"],
                "not_by_district": thing == "order_dispatch" and lacking == 1,
                "unknown": True,
            }
            reason = next(reason for reason, holds in reasons.items() if holds).strip()
            found[thing, street, day, feed, record] = (
                abs(surplus), reason, elsewhere if elsewhere not in (None, street) else None,
            )  # fmt: skip
    return found


def test_every_record_that_one_level_lacks_is_listed_with_its_reason(at_channel: Channel) -> None:
    found = by(
        published("governance.level_differences"),
        "thing",
        "street_code",
        "business_date",
        "lacking_feed",
        "record_id",
    )
    expected = differences()

    assert {"quarantined", "returned", "other_street", "not_by_district", "counts_only"} <= {
        reason for _, reason, _ in expected.values()
    }
    assert expected == only(found, "record_count", "reason", "found_street_code")


def test_levels_are_counted_side_by_side_and_differences_add_up(at_channel: Channel) -> None:
    found = by(published("governance.level_reconciliation"), "thing", "street_code", "business_date")
    expected: dict[tuple[str, str, date], list[int]] = {}
    for thing in compared():
        for side in (0, 1):
            for (street, day, _), row in on_days(thing, side).items():
                expected.setdefault((thing, street, day), [0, 0, 0, 0, 0, 0])[side] += row["count"]
    for (thing, street, day, feed, _), (count, reason, _) in differences().items():
        row = expected[thing, street, day]
        lacking_second = compared()[thing]["second_feed"] == feed
        row[2 if lacking_second else 3] += count
        row[4] += count * (reason == "not_yet_due")
        row[5] += count * (reason == "unknown")
    names = ("first_count", "second_count", "only_first_count", "only_second_count", "waiting_count",
             "unexplained_count")  # fmt: skip

    assert {key: tuple(row) for key, row in expected.items()} == only(found, *names)
    for row in found.values():
        assert row["count_difference"] == row["only_first_count"] - row["only_second_count"]


def followed(code: str, day: date, told: date) -> dict[str, float]:
    """Where an area of a day lies on a later one, one day of changes after another."""
    parts = {code: 1.0}
    changes = sorted({date.fromisoformat(row["change_on"]) for row in reference("area_lineage")})
    for change in (one for one in changes if day < one <= told):
        after: dict[str, float] = defaultdict(float)
        for area, share in parts.items():
            steps = [
                row
                for row in reference("area_lineage")
                if row["from_area_code"] == area
                and row["change_on"] == change.isoformat()
                and (float(row["weight_population"]) > 0 or float(row["weight_area"] or 0) > 0)
            ]
            for step in steps:
                after[step["to_area_code"]] += share * float(step["weight_population"])
            if not steps:
                lives = any(
                    row["area_code"] == area and row["valid_from"] <= change.isoformat() < row["valid_to"]
                    for row in reference("areas")
                )
                after[area if lives or area == "unknown" else "unknown"] += share
        parts = after
    return parts


def test_areas_are_told_in_later_areas_by_the_weights_of_what_became_of_them(at_channel: Channel) -> None:
    rows = published("governance.area_translation")
    told: dict[tuple[str, date, date], dict[str, float]] = defaultdict(dict)
    for row in rows:
        told[row["area_code"], row["valid_from"], row["told_from"]][row["told_area_code"]] = row[
            "population_share"
        ]
    split = [key for key, parts in told.items() if key[1] < key[2] and len(parts) > 1]

    assert split
    for (code, day, other_day), parts in told.items():
        if day <= other_day:
            expected = followed(code, day, other_day)
            assert {area: round(share, 6) for area, share in expected.items()} == {
                area: round(share, 6) for area, share in parts.items()
            }, (code, day, other_day)


def test_a_total_stays_the_same_whichever_areas_it_is_told_in(at_channel: Channel) -> None:
    """Within the weights of the lineage, which are published with four decimals."""
    sums: dict[tuple[str, date, date], float] = defaultdict(float)
    for row in published("governance.area_translation"):
        sums[row["area_code"], row["valid_from"], row["told_from"]] += row["population_share"]

    assert all(abs(total - 1) < 0.0005 for total in sums.values())


def test_areas_count_for_a_use_from_the_first_of_its_days_that_is_known(at_channel: Channel) -> None:
    expected = []
    for use in reference("area_uses"):
        for area in reference("areas"):
            bases = [use[name] for name in ("first_basis", "second_basis", "third_basis")]
            basis = next((one for one in bases if area[f"{one}_on"]), "unknown")
            begins = area[f"{basis}_on"] if basis != "unknown" else area["valid_from"]
            if begins < area["valid_to"]:
                expected.append((use["area_use"], area["area_code"], basis, begins, area["valid_to"]))
    found = published("governance.area_days", "area_use, area_code, date_basis, valid_from, valid_to")

    assert sorted(expected) == sorted(
        (row["area_use"], row["area_code"], row["date_basis"], str(row["valid_from"]), str(row["valid_to"]))
        for row in found
    )


def test_no_promised_table_is_empty_or_held_against_nothing(at_channel: Channel) -> None:
    """Every table of contracts/governance has rows, and is named in one of the tests of this kind."""
    tables = [each.table for each in contract.load_governance()]
    tests = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_channel_tables_*.py")
    )

    assert [] == [table for table in tables if not published(table)]
    assert [] == [table for table in tables if f'"{table}"' not in tests]
