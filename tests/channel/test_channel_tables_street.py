"""What streets tell of their devices, incidents, meetings and needs, counted anew from the feeds' truth.

Of need_vs_project the counts, the shares, both indices and their difference are recomputed; supply_gap_z is taken from
the published supply, whose own truth is looked at elsewhere. Which case a meeting's order belongs to is taken from
the published cases, too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

from channel_days import DAYS, Channel
from city_truth import (
    AT,
    GONE,
    Row,
    by,
    devices,
    newest,
    only,
    published,
    reference,
    rounded,
    samples,
    streets,
    valid_on,
)
from plan_by_hand import shares
from scorecard_by_hand import ends_on, scorecard

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
INCIDENTS, MEETINGS, SURVEYS = "street_incidents", "street_deliberation_meetings", "street_questionnaires"
VOLUNTEERS, PROJECTS, RIDERS = "street_volunteer_activities", "city_projects", "city_transit_ridership"


@cache
def heard() -> dict[str, list[Row]]:
    """The samples of each device, whatever id it was asked by, in order."""
    found: dict[str, list[Row]] = defaultdict(list)
    for sample in samples():
        found[devices()[sample["device_id"]]["counted_as"]].append(sample)
    return {number: sorted(rows, key=lambda row: row["sampled_at"]) for number, rows in found.items()}


def changes(device: str, day: date) -> int:
    """How often a device changed between answering and not on a day, by each of its ids."""
    found = 0
    for number in {row["device_id"] for row in heard().get(device, [])}:
        rows = [row for row in heard()[device] if row["device_id"] == number]
        found += sum(
            old["device_status"] != new["device_status"]
            and old["sampled_at"].date() == new["sampled_at"].date() == day
            for old, new in pairwise(rows)
        )
    return found


def is_on(sample: Row) -> bool:
    return sample["device_status"] == "online"


def health(device: str, day: date) -> Row:
    """How a device did on a day."""
    rule, rows, end = (
        valid_on("device_rules", day),
        heard().get(device, []),
        datetime.combine(day + DAY, time()),
    )
    today = [row for row in rows if row["sampled_at"].date() == day]
    before = [row for row in rows if row["sampled_at"] < end]
    fresh = [row for row in before if row["sampled_at"] >= end - int(rule["stale_hours"]) * HOUR]
    since = end - int(rule["offline_hours"]) * HOUR
    answered = any(is_on(row) and row["sampled_at"] >= since for row in before)
    return {
        "samples": len(today),
        "share": fmean(map(is_on, today)) if today else None,
        "flapping": changes(device, day) >= int(rule["min_changes"]),
        "stale": not fresh,
        "offline": bool(fresh) and not answered and before[0]["sampled_at"] <= since,
    }


def test_devices_answer_as_often_as_their_samples_say(at_channel: Channel) -> None:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    doubles: Counter[tuple[str, str]] = Counter()
    for number, device in devices().items():
        group = (device["street_code"], device["network_class"])
        if device["counted_as"] == number:
            groups[group].append(number)
        doubles[group] += device["counted_as"] != number
    expected = {}
    for (street, kind), numbers in groups.items():
        for day in DAYS:
            is_small = len(numbers) < int(valid_on("device_rules", day)["min_group"])
            told = [health(number, day) for number in numbers]
            asked = [row["share"] for row in told if row["share"] is not None]
            figures: tuple[Any, ...] = (
                len(asked), sum(row["samples"] for row in told), rounded(fmean(asked), 6) if asked else None,
                *(sum(row[name] for row in told) for name in ("flapping", "stale", "offline")),
            )  # fmt: skip
            figures = (None,) * len(figures) if is_small else figures
            expected[street, day, kind] = (len(numbers), doubles[street, kind], is_small, *figures)
    found = by(published("governance.device_health_daily"), "street_code", "business_date", "network_class")
    names = ("device_total", "duplicate_count", "is_suppressed", "sampled_count", "sample_count", "online_rate",
             "flapping_count", "stale_count", "offline_count")  # fmt: skip

    assert expected == only(found, *names)
    for name in ("duplicate_count", "offline_count"):
        assert any(row[name] for row in found.values()), name


def offline() -> dict[str, tuple[datetime, bool]]:
    """Devices that have been silent for too long at the last sample of all: since when, and whether that is known."""
    last = max(sample["sampled_at"] for sample in samples())
    rule, found = valid_on("device_rules", last.date()), {}
    for number, rows in heard().items():
        answers = [row["sampled_at"] for row in rows if is_on(row)]
        since = answers[-1] if answers else rows[0]["sampled_at"]
        is_asked = rows[-1]["sampled_at"] >= last - int(rule["stale_hours"]) * HOUR
        if is_asked and since <= last - int(rule["offline_hours"]) * HOUR:
            found[number] = (since, bool(answers))
    return found


def test_devices_that_are_offline_are_those_that_have_been_silent_for_too_long(at_channel: Channel) -> None:
    found = by(published("governance.devices_offline"), "device_id")

    assert offline() == only(found, "offline_since", "is_since_known")
    for number, row in found.items():
        assert (row["street_code"], row["community_name"]) == (
            devices()[number]["street_code"], devices()[number]["community_name"])  # fmt: skip
        assert abs((row["newest_sample_at"] - row["offline_since"]) / HOUR - row["offline_hours"]) <= 1


def test_incidents_are_told_hour_by_hour_and_silence_is_no_zero(at_channel: Channel) -> None:
    told = newest(INCIDENTS)
    first, last = min(row["hour_at"] for row in told), max(row["hour_at"] for row in told)
    kinds = {row["incident_type"] for row in told} - {"none"}
    heard_in = {(row["street_code"], row["hour_at"]) for row in told}
    counts = by(told, "street_code", "hour_at", "incident_type")
    names = ("incident_count", "confirmed_count", "to_case_count")
    expected = {}
    for street in {row["street_code"] for row in told}:
        for number in range(int((last - first) / HOUR) + 1):
            hour = first + number * HOUR
            for kind in kinds:
                row = counts.get((street, hour, kind), dict.fromkeys(names, 0))
                is_told = (street, hour) in heard_in
                expected[street, hour, kind] = (
                    is_told,
                    *((row[name] or 0) if is_told else None for name in names),
                )
    found = by(published("governance.incidents_hourly"), "street_code", "hour_at", "incident_type")

    assert any(not row[0] for row in expected.values())
    assert expected == only(found, "is_reported", *names)


def test_riders_are_parted_among_the_streets_of_a_station(at_channel: Channel) -> None:
    sums: dict[tuple[str, date], list[Decimal]] = defaultdict(lambda: [Decimal(), Decimal()])
    stations: dict[tuple[str, date], set[str]] = defaultdict(set)
    for row in newest(RIDERS):
        for share in reference("station_streets"):
            if share["station_id"] == row["station_id"] and share["street_code"]:
                key = (share["street_code"], row["ridden_on"])
                stations[key].add(row["station_id"])
                for place, name in enumerate(("entry_count", "exit_count")):
                    sums[key][place] += row[name] * Decimal(share["rider_share"])
    found = by(published("governance.street_ridership"), "street_code", "ridden_on")

    assert {key: len(known) for key, known in stations.items()} == {
        key: row["station_count"] for key, row in found.items()
    }
    for key, row in found.items():
        assert all(
            abs(row[n] - s) <= Decimal("0.5")
            for n, s in zip(("entry_count", "exit_count"), sums[key], strict=True)
        )


def crosswalk(system: str) -> dict[str, dict[str, str]]:
    return {row["source_category"]: row for row in reference("categories") if row["source_system"] == system}


@cache
def meetings() -> tuple[Row, ...]:
    return tuple(row for row in newest(MEETINGS) if not row[GONE])


def test_meetings_come_to_what_the_register_says(at_channel: Channel) -> None:
    cases = published("governance.cases")
    home = {
        row["source_id"]: row["case_id"]
        for row in published("governance.case_members")
        if row["source_feed"] == "city_hotline_orders"
    }
    today = max(row[AT] for row in meetings()).date() - DAY
    expected = {}
    for row in meetings():
        rule, topic = (
            valid_on("need_rules", row["held_on"]),
            crosswalk("hotline").get(row["topic_category"], {}),
        )
        people = row["resident_count"] + (row["organisation_count"] or 0) + (row["official_count"] or 0)
        fewest, span = int(rule["min_people"]), int(rule["window_days"]) * DAY
        votes = row["votes_for"] is not None and row["votes_against"] is not None
        cast = row["votes_for"] + row["votes_against"] if votes else 0
        orders = re.findall("[A-Z]{2}-[0-9-]+", row["order_ids"] or "")
        around = [
            case["first_reported_at"].date() < row["held_on"]
            for case in cases
            if (case["street_code"], case["community_name"], case["category_code"])
            == (row["street_code"], row["community_name"], topic.get("category_code"))
            and row["held_on"] - span <= case["first_reported_at"].date() < row["held_on"] + span
        ]
        due, done = row["due_on"], row["done_on"]
        is_undone = row["resolved_count"] is not None and row["resolved_count"] < row["decided_count"]
        expected[row["meeting_id"]] = {
            "street_code": row["street_code"],
            "category_code": topic.get("category_code"),
            "package_code": topic.get("package_code") or None,
            "attendee_count": people if people >= fewest else None,
            "approval_share": rounded(Decimal(row["votes_for"]) / cast, 6) if cast >= fewest else None,
            "matter_count": row["matter_count"],
            "decided_count": row["decided_count"],
            "resolved_count": row["resolved_count"],
            "matter_resolution_rate": rounded(Decimal(row["resolved_count"]) / row["decided_count"], 6)
            if row["decided_count"] and row["resolved_count"] is not None
            else None,
            "days_to_resolve": (done - row["held_on"]).days if done else None,
            "is_overdue": bool(due and ((is_undone and due < today) or (done and done > due))),
            "order_count": len(orders),
            "case_ids": sorted({home[number] for number in orders if number in home}),
            "cases_before_count": sum(around),
            "cases_after_count": len(around) - sum(around),
        }
    found = by(published("governance.deliberations"), "meeting_id")
    names = tuple(next(iter(expected.values())))

    assert any(row["case_ids"] for row in expected.values())
    assert any(row["is_overdue"] for row in expected.values())
    assert only(expected, *names) == only(found, *names)


def percent_ranks(values: list[Any]) -> list[float]:
    """The share of the others that each value is above."""
    return [sum(other < value for other in values) / max(1, len(values) - 1) for value in values]


def surveyed(period: str) -> dict[tuple[str, str], Row]:
    """By street and package: how high the newest survey of the period puts it, between two bounds."""
    asked = [
        r
        for r in newest(SURVEYS)
        if not r[GONE] and r["package_code"] and r["surveyed_on"] <= ends_on(period)
    ]
    newest_one = max((r["surveyed_on"], r["survey_id"]) for r in asked)
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in asked:
        if (row["surveyed_on"], row["survey_id"]) == newest_one:
            groups[row["street_code"], row["package_code"]].append(row)
    # Everybody asked, also those of whose answers a count did not arrive.
    bases: dict[str, dict[str, int]] = defaultdict(dict)
    for (street, _), rows in groups.items():
        for row in rows:
            band = row["respondent_age_band"]
            bases[street][band] = max(bases[street].get(band, 0), row["response_base"])
    fewest, found = int(valid_on("need_rules", newest_one[0])["min_people"]), {}
    for (street, package), rows in groups.items():
        known, base = sum(row["answer_count"] or 0 for row in rows), sum(bases[street].values())
        hidden = sum(row["is_withheld"] for row in rows)
        missing = base - sum(bases[street][row["respondent_age_band"]] for row in rows)
        low, high = Decimal(known + hidden) / base, Decimal(known + hidden * (fewest - 1) + missing) / base
        found[street, package] = {"survey_n": base, "withheld_count": hidden, "survey_share_low": rounded(low, 6),
                                  "survey_share_high": rounded(min(Decimal(1), high), 6)}  # fmt: skip
    for street in {street for street, _ in found}:
        own = [key for key in found if key[0] == street]
        sums = [found[key]["survey_share_low"] + found[key]["survey_share_high"] for key in own]
        for key, rank in zip(own, percent_ranks(sums), strict=True):
            found[key]["survey_rank"] = rank
    return found


def effort(street: str, period: str, package: str) -> tuple[Decimal, Decimal]:
    """Projects of a package under way or done lately in a street, and the money in them."""
    months = int(valid_on("need_rules", ends_on(period))["done_months"])
    end = ends_on(period)
    lately = date(end.year - months // 12, end.month - months % 12, end.day)
    count, money = Decimal(), Decimal()
    for project in newest(PROJECTS):
        is_lately = (
            project["stage"] in ("finished", "in_use") and (project["actual_finish"] or date.min) > lately
        )
        if project["package_code"] == package and (project["stage"] == "building" or is_lately):
            share = rounded(shares(project)[street][1], 6) if street in shares(project) else None
            count += share or 0
            money += (share or 0) * Decimal(repr(project["invest_total_wan"]))
    return count, money


def volunteers(street: str, begin: date, end: date, package: str) -> tuple[int | None, Any]:
    kinds = {name for name, row in crosswalk("volunteer").items() if row["package_code"] == package}
    rows = [
        row
        for row in newest(VOLUNTEERS)
        if row["street_code"] == street and begin <= row["held_on"] <= end and row["activity_kind"] in kinds
    ]
    people = sum(row["person_times"] for row in rows)
    is_small = bool(rows) and people < int(valid_on("need_rules", end)["min_people"])
    return (
        (None, None) if is_small else (people, rounded(sum(row["service_hours"] for row in rows) or 0.0, 2))
    )


def test_need_and_effort_are_ranked_street_by_street(at_channel: Channel) -> None:
    found = by(published("governance.need_vs_project"), "street_code", "period", "package_code")
    cases = published("governance.cases")
    expected: dict[tuple[str, str, str], Row] = {}
    periods = {period for _, period, _ in scorecard()}
    for period in periods:
        begin = (ends_on(period).replace(day=1) - DAY).replace(day=ends_on(period).day + 1)
        there = {code: int(area["population"]) for code, area in streets(ends_on(period)).items()}
        survey, weight = surveyed(period), float(valid_on("need_rules", ends_on(period))["survey_weight"])
        for package in (row["package_code"] for row in reference("packages")):
            counts = [
                sum(
                    case["street_code"] == street
                    and case["package_code"] == package
                    and begin <= case["first_reported_at"].date() <= ends_on(period)
                    for case in cases
                )
                for street in there
            ]
            done = [effort(street, period, package) for street in there]
            needs = percent_ranks([Decimal(c) / p for c, p in zip(counts, there.values(), strict=True)])
            efforts = [
                percent_ranks([Decimal(one[place]) / p for one, p in zip(done, there.values(), strict=True)])
                for place in (0, 1)
            ]
            for place, street in enumerate(there):
                asked = survey.get((street, package), {})
                rank = asked.get("survey_rank")
                need = needs[place] if rank is None else (needs[place] + weight * rank) / (1 + weight)
                people, hours = volunteers(street, begin, ends_on(period), package)
                expected[street, period, package] = {
                    "case_count": counts[place],
                    **{n: asked.get(n) for n in ("survey_n", "survey_share_low", "survey_share_high")},
                    "withheld_count": asked.get("withheld_count", 0),
                    "meeting_count": sum(
                        row["street_code"] == street
                        and begin <= row["held_on"] <= ends_on(period)
                        and crosswalk("hotline").get(row["topic_category"], {}).get("package_code") == package
                        for row in meetings()
                    ),
                    "volunteer_person_times": people,
                    "volunteer_hours": hours,
                    "project_weight": rounded(done[place][0], 6),
                    "need_index": rounded(need, 6),
                    "effort_index": rounded((efforts[0][place] + efforts[1][place]) / 2, 6),
                }
    names = tuple(next(iter(expected.values())))

    assert only(expected, *names) == only(found, *names)
    for row in found.values():
        assert 0 <= row["need_index"] <= 1 and 0 <= row["effort_index"] <= 1
        assert row["gap_index"] == row["need_index"] - row["effort_index"]


def test_the_supply_gap_is_how_far_services_lie_below_the_mean(at_channel: Channel) -> None:
    package_of = {row["service_kind"]: row["package_code"] for row in reference("service_kinds")}
    per_1000: dict[str, dict[str, float]] = defaultdict(dict)
    for row in published("governance.service_supply"):
        if row["is_latest"] and row["per_1000"] is not None:
            per_1000[row["service_kind"]][row["street_code"]] = float(row["per_1000"])
    for row in published("governance.need_vs_project"):
        gaps = [
            (fmean(known.values()) - known[row["street_code"]]) / pstdev(known.values())
            for kind, known in per_1000.items()
            if package_of[kind] == row["package_code"]
            and row["street_code"] in known
            and pstdev(known.values())
        ]
        expected = fmean(gaps) if gaps else None

        assert (expected is None) == (row["supply_gap_z"] is None)
        assert expected is None or abs(expected - float(row["supply_gap_z"])) < 0.001
