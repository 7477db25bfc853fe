"""Cases and what happened in them, told by hand from the truth of the records that make them up."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import combinations
from typing import Any

from channel_days import CITY
from city_truth import AT, Row, published, reference, versions

from pipelines.samplecity import answerkey

ORDERS, CASES, REQUESTS = "city_hotline_orders", "district_grid_cases", "street_steward_requests"
FLOW, DISPATCH = "city_hotline_flow", "district_dispatch"
LEVEL = {ORDERS: "city", CASES: "district", REQUESTS: "street"}
IDS = {ORDERS: "work_order_id", CASES: "case_no", REQUESTS: "request_id"}
ASKED = {ORDERS: "reported_at", CASES: "reported_at", REQUESTS: "requested_at"}
CROSSWALK = {ORDERS: "hotline", CASES: "grid", REQUESTS: "steward"}
DONE = ("closed", "evaluated")
NUMBER = re.compile(r"[A-Z]{2,}-?[0-9][-0-9]{7,}")
Record = tuple[str, str]


def category(feed_id: str, *names: str | None) -> str | None:
    """The class in the common vocabulary: that of the first name the crosswalk knows."""
    known = {(row["source_system"], row["source_category"]): row for row in reference("categories")}
    for name in names:
        if (CROSSWALK[feed_id], name) in known:
            return known[CROSSWALK[feed_id], str(name)]["category_code"]
    return None


def as_member(feed_id: str, row: Row) -> Row:
    """What a record says as a member of a case."""
    if feed_id == ORDERS:
        rule = reference("score_rules")[0]
        waits = row["contacted_at"] is None and row["dispatched_at"] is not None
        is_open, closed = row["order_status"] not in DONE, row["closed_at"]
        due = row["dispatched_at"] + timedelta(hours=int(rule["response_sla_hours"])) if waits else None
        is_lead = row["handling_role"] == "lead"
        counts = is_lead and row["order_kind"] != "enquiry" and not row["is_excluded"]
        code = category(feed_id, row["category_l2"], row["category_l1"])
        text = f"{row['title_text']} {row['content_text']} {row['result_text']}"
        named = None
    elif feed_id == CASES:
        is_open, closed = row["closed_at"] is None, row["closed_at"]
        due = row["due_at"] if row["handled_at"] is None and is_open else None
        is_lead, counts = True, False
        code = category(feed_id, row["class_name"], row["class_code"])
        named, text = row["city_work_order_id"], row["remark_text"]
    else:
        is_open, closed = row["request_status"] != "closed", row["closed_at"]
        due, is_lead, counts = None, True, False
        code = category(feed_id, row["category_local"])
        named, text = row["escalated_to_order_id"], row["content_text"]
    return {
        "source_feed": feed_id,
        "source_id": row[IDS[feed_id]],
        "source_level": LEVEL[feed_id],
        "street_code": row["street_code"],
        "community_name": row["community_name"],
        "category_code": code,
        "reported_at": row[ASKED[feed_id]],
        "closed_at": None if is_open else closed,
        "is_open": is_open,
        "due_at": due,
        "counts_in_scorecard": counts,
        "is_lead": is_lead,
        "changed_at": row["source_updated_at"],
        "names": {named, *NUMBER.findall(text or "")} - {None, row[IDS[feed_id]]},
    }


@cache
def members() -> dict[Record, Row]:
    """Every record of a problem as it is known at the last pull, with when it was first known and reported."""
    found = {}
    for feed_id in LEVEL:
        for (number,), told in versions(feed_id).items():
            first = {"known_at": told[0][AT], "first_reported_at": told[0][ASKED[feed_id]]}
            found[feed_id, number] = as_member(feed_id, told[-1]) | first
    return found


def own_id(record: Record) -> str:
    """The id a record lends."""
    digest = sha256("|".join(record).encode()).hexdigest()
    return f"GC{members()[record]['first_reported_at']:%y%m}-{digest[:12]}"


def seniority(record: Record) -> tuple[Any, ...]:
    row = members()[record]
    return (row["known_at"], row["first_reported_at"], *record)


def grouped() -> dict[str, list[Record]]:
    """The records of each published case, the one known longest first."""
    found: dict[str, list[Record]] = defaultdict(list)
    for row in published("governance.case_members"):
        found[row["case_id"]].append((row["source_feed"], row["source_id"]))
    return {case: sorted(records, key=seniority) for case, records in found.items()}


def pairs(groups: dict[Any, list[Record]]) -> set[tuple[Record, Record]]:
    return {pair for records in groups.values() for pair in combinations(sorted(records), 2)}


def true_problems() -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for row in answerkey.links(CITY).to_pylist():
        record = (row["feed_id"], row["record_id"])
        if record in members():
            found[row["problem_id"]].append(record)
    return found


@cache
def evidence() -> dict[Record, str]:
    """What ties each record to its problem."""
    return {(row["feed_id"], row["record_id"]): row["evidence"] for row in answerkey.links(CITY).to_pylist()}


def case_of(records: list[Record]) -> Row:
    """What a case says of itself, from its members."""
    rows = [members()[record] for record in records]
    leads = [row for row in rows if row["source_level"] == "city" and row["is_lead"]]
    is_open = any(row["is_open"] for row in leads or rows)
    first = min(rows, key=lambda row: (row["reported_at"], seniority((row["source_feed"], row["source_id"]))))
    classes = [
        row["category_code"]
        for row in sorted(rows, key=lambda row: row["source_level"])
        if row["category_code"]
    ]
    return {
        "case_status": "open" if is_open else "closed",
        "category_code": classes[0] if classes else None,
        "first_reported_at": first["reported_at"],
        "first_level": first["source_level"],
        "last_activity_at": max(max(row["changed_at"], row["reported_at"]) for row in rows),
        "closed_at": None if is_open else max((r["closed_at"] for r in rows if r["closed_at"]), default=None),
        "due_at": min((r["due_at"] for r in rows if r["is_open"] and r["due_at"]), default=None)
        if is_open
        else None,
        "levels_seen": sorted({row["source_level"] for row in rows}),
        "member_count": len(rows),
        "hotline_member_count": sum(row["source_feed"] == ORDERS for row in rows),
    }


TOLD = {
    ORDERS: {"reported": "reported_at", "dispatched": "dispatched_at", "contacted": "contacted_at",
             "closed": "closed_at", "callback_valid": "callback_at"},
    CASES: {"reported": "reported_at", "filed": "filed_at", "dispatched": "dispatched_at", "handling": "handled_at",
            "closed": "closed_at"},
    REQUESTS: {"reported": "requested_at", "closed": "closed_at"},
}  # fmt: skip
CORRECTED = {
    ORDERS: ("street_code", "community_name", "category_l1", "category_l2", "reported_at"),
    CASES: ("street_code", "community_name", "class_code", "place_text", "reported_at"),
}


def inferred(feed_id: str, old: Row | None, new: Row) -> set[str]:
    """What two versions of a record that follow each other show."""
    found: set[str] = set()
    if feed_id == ORDERS:
        was, now = bool(old and old["is_excluded"]), bool(new["is_excluded"])
        found |= {"excluded"} if now and not was else {"reinstated"} if was and not now else set()
        found |= {"reopened"} if old and "reopened" == new["order_status"] != old["order_status"] else set()
    if feed_id == CASES and old and old["closed_at"] and not new["closed_at"]:
        found.add("reopened")
    if feed_id == REQUESTS:
        if new["escalated_to_order_id"] and not (old and old["escalated_to_order_id"]):
            found.add("escalated")
        if old and old["request_status"] == "closed" != new["request_status"]:
            found.add("reopened")
    if old and any(old[name] != new[name] for name in CORRECTED.get(feed_id, ())):
        found.add("corrected")
    return found


def steps() -> dict[tuple[str, str, str, datetime, int], tuple[datetime, bool]]:
    """Every step by who tells it, record, type, instant and number: when it was first told, and whether inferred."""
    found: dict[tuple[str, str, str, datetime, int], tuple[datetime, bool]] = {}

    def add(
        teller: str,
        number: str,
        kind: str,
        at: datetime | None,
        told: datetime,
        is_inferred: bool,
        no: int = 1,
    ) -> None:
        if at is not None:
            old = found.get((teller, number, kind, at, no), (told, True))
            found[teller, number, kind, at, no] = (min(told, old[0]), is_inferred and old[1])

    logged: set[tuple[str, str]] = set()
    for told in versions(FLOW).values():
        row = told[-1]
        logged.add((row["work_order_id"], row["event_type"]))
        add(
            FLOW,
            row["work_order_id"],
            row["event_type"],
            row["event_at"],
            told[0][AT],
            False,
            row["event_no"],
        )
    for (number,), told in versions(DISPATCH).items():
        for kind, name in (
            ("dispatched", "dispatched_at"),
            ("returned", "returned_at"),
            ("replied", "replied_at"),
        ):
            add(DISPATCH, number, kind, told[-1][name], told[0][AT], False)
    for feed_id, times in TOLD.items():
        for (number,), told in versions(feed_id).items():
            for old, new in zip((None, *told), told, strict=False):
                kinds = [(kind, new[name], False) for kind, name in times.items()]
                kinds += [(kind, new["source_updated_at"], True) for kind in inferred(feed_id, old, new)]
                for kind, at, is_inferred in kinds:
                    if feed_id != ORDERS or (number, kind) not in logged:
                        add(feed_id, number, kind, at, new[AT], is_inferred)
    return found
