"""Street deliberation: what courtyards met about in the last half year, what they decided and what became of it.

A meeting of the last weeks is about a hotline order of its community and names it; some are about a project.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from pipelines.samplecity import desks, words
from pipelines.samplecity.city import hotline
from pipelines.samplecity.defects import NONE, Defect, change, plant, put, spread
from pipelines.samplecity.source import Source, register
from pipelines.samplecity.wire import Wire, empty_objects, only_where
from pipelines.samplecity.world import (
    COMMUNITIES,
    COMMUNITY_ESTATE,
    COMMUNITY_NAME,
    COMMUNITY_STREET,
    COMMUNITY_WEIGHT,
    PROBLEM_WEIGHT,
    PROBLEMS,
    STREETS,
    City,
    Ints,
    Objects,
    spell_streets,
)

FEED = "street_deliberation_meetings"
COUNT = 900
HALF_YEAR = 182
RESOLUTIONS = np.array(["形成决议"] * 15 + ["暂缓再议"] * 3 + ["未达成一致"] * 2, dtype=object)
PROJECTS = 102


def _done_first(wire: Wire, rows: Ints) -> None:
    for row in rows:
        held = date.fromisoformat(wire.columns["heldOn"][row])
        wire.columns["doneOn"][row] = (held - timedelta(days=9)).isoformat()


DEFECTS = (
    Defect("R9", ("required:community_name",), (put("community", "", None),)),
    Defect("R9", ("required:decided_count",), (put("decidedCount", None),)),
    Defect("R21", ("enum:resolution",), (put("resolution", "已报告"),)),
    Defect("R12", ("rule:parts_within_matters",), (put("decidedCount", 40),)),
    Defect("R12", ("rule:votes_of_those_present",), (put("votesFor", 5_000),)),
    Defect("R12", ("range:matter_count", "rule:parts_within_matters"), (put("matterCount", 0), put("decidedCount", 1))),
    Defect("R12", ("type:resident_count",), (put("residentCount", "约三十人"),)),
    Defect("T5", ("rule:done_after_held",), (_done_first,)),
    Defect("R9", ("rule:a_decision_decides",), (put("resolution", "形成决议"), put("decidedCount", 0), put("resolvedCount", 0))),
    Defect("E11", ("pattern:meeting_id",), (change("meetingId", lambda text: text.replace("-", "")),)),
    Defect("E3", ("readable:topic_text",), (change("topic", lambda text: "锟斤拷" + text[3:]),)),
    Defect("A5", ("area:street_code",), (put("street", "区委社会工委"),)),
    Defect("R1", ("unique",), copy="conflict"),
    Defect("R1", (), copy="exact"),
)  # fmt: skip


@lru_cache(maxsize=4)
def snapshot(city: City, as_of: date) -> Wire:
    """All meetings of the half year that were held before `as_of`."""
    count = max(150, round(COUNT * city.scale))
    dice = city.dice("deliberation")
    first = city.first_day - timedelta(days=HALF_YEAR)
    held = [first + timedelta(days=int(day)) for day in np.sort(dice.integers(0, HALF_YEAR + 3, count))]
    community = dice.choice(len(COMMUNITIES), size=count, p=COMMUNITY_WEIGHT)
    category = dice.choice(len(PROBLEMS), size=count, p=PROBLEM_WEIGHT)
    salt = dice.integers(0, 2**31, count)
    phone = dice.integers(0, 100_000_000, count)
    orders = _orders(city, held, community, category, salt)
    matters = 1 + salt // 3 % 3
    resolution = RESOLUTIONS[salt // 5 % len(RESOLUTIONS)]
    decided = np.where(resolution == "形成决议", np.maximum(1, matters - salt // 7 % 2), 0)
    done = [day + timedelta(days=5 + int(s) // 11 % 60) for day, s in zip(held, salt, strict=True)]
    is_done = np.array([day < as_of for day in done]) & (decided > 0) & (salt % 8 > 0)
    residents, others = 8 + salt // 13 % 40, 1 + salt // 17 % 6
    votes = residents * (60 + salt // 19 % 35) // 100
    street = COMMUNITY_STREET[community]
    ids = np.array(
        [
            f"DM{day.year}-{STREETS[at].code}-{number:04d}"
            for number, (day, at) in enumerate(zip(held, street, strict=True), start=1)
        ],
        dtype=object,
    )
    changed = [end if over else day for day, end, over in zip(held, done, is_done, strict=True)]
    topics = np.asarray(
        COMMUNITY_ESTATE[community] + np.array([p.phrases[0] for p in PROBLEMS], dtype=object)[category],
        dtype=object,
    )
    for row in np.flatnonzero(salt % 19 == 2):
        topics[row] += "，联系人电话" + words.mobile(int(phone[row]))
    columns: dict[str, Objects] = {
        "meetingId": ids.copy(),
        "programCode": np.array([s.programme for s in STREETS], dtype=object)[street],
        "heldOn": _days(held),
        "street": spell_streets(street, salt // 23),
        "community": COMMUNITY_NAME[community],
        "topic": topics,
        "topicCategory": np.array([p.l2 for p in PROBLEMS], dtype=object)[category],
        "residentCount": residents.astype(object),
        "organisationCount": (others // 2).astype(object),
        "officialCount": others.astype(object),
        "optionCount": (1 + salt // 29 % 4).astype(object),
        "votesFor": only_where(decided > 0, votes.astype(object)),
        "votesAgainst": only_where(decided > 0, ((residents - votes) // 2).astype(object)),
        "matterCount": matters.astype(object),
        "decidedCount": decided.astype(object),
        "resolvedCount": np.where(is_done, decided, 0).astype(object),
        "resolution": resolution,
        "dueOn": only_where(decided > 0, _days([day + timedelta(days=30) for day in held])),
        "doneOn": only_where(is_done, _days(done)),
        "orderIds": orders,
        "projectId": only_where(salt % 6 == 0, np.array([f"HT2-{1 + s % PROJECTS:03d}" for s in salt], dtype=object)),
        "updatedAt": np.array([f"{day} 20:00:00" for day in changed], dtype=object),
    }  # fmt: skip
    midnight = np.full(count, np.datetime64(as_of.isoformat(), "s"))
    wire = Wire("meetingId", columns, midnight, salt, ids, ids.copy(), np.arange(count))
    there = np.array([day < as_of for day in held])
    # Only old meetings are wrong, so that each kind shows on every day.
    old = sum(day < city.first_day for day in held)
    drawn = np.full(count, NONE, dtype=np.int64)
    drawn[:old] = spread(city, FEED, old, DEFECTS)
    return plant(wire.take(there), drawn[there], DEFECTS, put("topic", "重复报送的会议"))


def _orders(city: City, held: list[date], community: Ints, category: Ints, salt: Ints) -> Objects:
    """The order each recent meeting is about; its community and class are the order's."""
    orders = empty_objects(len(held))
    for row, day in enumerate(held):
        before = day - timedelta(days=2)
        if before < city.history_start or salt[row] % 4 == 0:
            continue
        known = hotline.orders(city, before)
        place = int(salt[row]) // 31 % len(known.ids)
        community[row], category[row] = known.community[place], known.category[place]
        orders[row] = known.ids[place]
    return orders


def _days(days: list[date]) -> Objects:
    return np.array([day.isoformat() for day in days], dtype=object)


SOURCE = Source(FEED, "/deliberation/meetings", register(snapshot), desks.PagedJson(), DEFECTS)
