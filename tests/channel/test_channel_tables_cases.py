"""Cases against the true problems of the city, and what is told of each record against the record's own truth.

Which records are one problem is judged by `answerkey.links`, as precision and recall over pairs: rules that see no
more than an office does may miss a pair. What a case says of itself is recomputed from its members' truth. Why a link
was drawn is checked for numbers that a record names, which leave nothing to chance; merges are checked for sense.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

from cases_by_hand import (
    ASKED,
    DISPATCH,
    FLOW,
    LEVEL,
    ORDERS,
    Record,
    case_of,
    evidence,
    grouped,
    members,
    own_id,
    pairs,
    steps,
    true_problems,
)
from channel_days import Channel
from city_truth import AT, NEWEST_PULL, PULLS, by, newest, only, published, reference, valid_on, versions

from pipelines.samplecity.catalogue import BY_FEED


def test_every_sound_record_is_a_member_and_says_what_its_source_says(at_channel: Channel) -> None:
    found = by(published("governance.case_members"), "source_feed", "source_id")
    names = ("source_level", "street_code", "community_name", "category_code", "reported_at", "closed_at", "is_open",
             "due_at", "counts_in_scorecard")  # fmt: skip

    assert only(members(), *names) == only(found, *names)


def test_cases_are_the_true_problems(at_channel: Channel) -> None:
    """Nearly all that is joined is one problem, and nearly all that a number or a caller ties together is joined.

    What only the place tells is left out of the second: without a point an office could not tell, either.
    """
    joined, true = pairs(grouped()), pairs(true_problems())
    told = {pair for pair in true if not {"place", "text"} & {evidence()[record] for record in pair}}

    assert len(true) > 100
    assert len(joined & true) / len(joined) >= 0.98
    assert len(joined & told) / len(told) >= 0.95
    assert len(joined & true) / len(true) >= 0.85


def test_problems_that_several_levels_saw_are_as_many_as_there_are(at_channel: Channel) -> None:
    """Case counts by the levels that have a record of the problem, within what precision and recall allow."""

    def seen(groups: dict[str, list[Record]]) -> Counter[tuple[str, ...]]:
        return Counter(tuple(sorted({LEVEL[feed] for feed, _ in records})) for records in groups.values())

    true, found = seen(true_problems()), seen(grouped())

    assert found == Counter(tuple(row["levels_seen"]) for row in published("governance.cases", "levels_seen"))
    for levels, count in true.items():
        assert abs(found[levels] - count) <= max(2, 0.1 * count), levels


def test_what_a_record_names_is_linked_for_that_reason(at_channel: Channel) -> None:
    named = {
        tuple(sorted((record, (ORDERS, number))))
        for record, row in members().items()
        for number in row["names"]
        if (ORDERS, number) in members()
    }
    links = [
        (tuple(sorted(((row["one_feed"], row["one_id"]), (row["other_feed"], row["other_id"])))), row)
        for row in published("governance.case_links")
    ]

    assert len(links) == len({pair for pair, _ in links})
    assert named == {pair for pair, row in links if row["link_method"] == "explicit_ref"}


def test_links_stay_within_their_case_and_street_and_tie_it_together(at_channel: Channel) -> None:
    tied: dict[Record, Record] = {}

    def root(record: Record) -> Record:
        while tied.get(record, record) != record:
            record = tied[record]
        return record

    home = {record: case for case, records in grouped().items() for record in records}
    for row in published("governance.case_links"):
        one, other = (row["one_feed"], row["one_id"]), (row["other_feed"], row["other_id"])

        assert row["case_id"] == home[one] == home[other]
        if row["link_method"] != "explicit_ref":
            assert members()[one]["street_code"] == members()[other]["street_code"]
        tied[root(one)] = root(other)

    for records in grouped().values():
        assert 1 == len({root(record) for record in records})


def test_a_case_says_what_its_members_come_to(at_channel: Channel) -> None:
    found = by(published("governance.cases"), "case_id")
    groups = grouped()
    expected = {own_id(records[0]): case_of(records) for records in groups.values()}
    names = tuple(next(iter(expected.values())))

    assert only(expected, *names) == only(found, *names)
    packages = {
        row["category_code"]: (row["category_name"], row["package_code"]) for row in reference("categories")
    }
    for case, row in found.items():
        places = {members()[record]["street_code"] for record in groups[case]}

        assert row["street_code"] in places
        assert (row["category_name"], row["package_code"] or "") == packages.get(
            row["category_code"], (None, "")
        )


def test_overlaps_count_the_cases_of_each_street_month_and_combination_of_levels(at_channel: Channel) -> None:
    places = {
        row["case_id"]: row["street_code"] for row in published("governance.cases", "case_id, street_code")
    }
    expected: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for case, records in grouped().items():
        said = case_of(records)
        cell = expected[places[case], f"{said['first_reported_at']:%Y-%m}", "+".join(said["levels_seen"])]
        for place, count in enumerate((1, said["case_status"] == "open", len(records))):
            cell[place] += count
    found = by(published("governance.case_overlaps"), "street_code", "reported_month", "level_combination")

    assert {cell: tuple(counts) for cell, counts in expected.items()} == only(
        found, "case_count", "open_count", "member_count"
    )
    assert {"city", "district", "street"} == {level for _, _, levels in found for level in levels.split("+")}
    for (*_, levels), row in found.items():
        assert len(levels.split("+")) == row["level_count"]


def test_merges_lead_from_ids_that_are_gone_to_the_case_of_today(at_channel: Channel) -> None:
    now = {own_id(record): case for case, records in grouped().items() for record in records}
    merges = published("governance.case_merges")

    assert merges
    for row in merges:
        assert row["old_case_id"] != row["new_case_id"]
        assert row["merged_at"] in PULLS
        if row["unmerged_at"] is None:
            assert row["old_case_id"] not in now.values()
            assert now[row["old_case_id"]] == now[row["new_case_id"]]


def test_what_is_doubtful_is_asked_about_and_not_joined(at_channel: Channel) -> None:
    home = {record: case for case, records in grouped().items() for record in records}
    asked = published("governance.link_review")

    assert asked
    for row in asked:
        one, other = (row["one_feed"], row["one_id"]), (row["other_feed"], row["other_id"])
        rule = valid_on("link_rules", NEWEST_PULL.date(), link_method=row["link_method"])

        assert "pending" == row["review_status"]
        assert float(rule["review_score"]) <= row["link_score"] < float(rule["auto_score"])
        assert home[one] != home[other]
        assert members()[one]["street_code"] == members()[other]["street_code"]


def test_events_are_the_steps_that_records_went_through(at_channel: Channel) -> None:
    """Each step once, dated and first seen as the sources tell it; joinings of cases are those of the merges."""
    found = published("governance.case_events")
    told = {
        (row["told_by"], row["source_id"], row["event_type"], row["event_at"], row["event_no"]): (
            row["observed_at"],
            row["is_inferred"],
        )
        for row in found
        if row["told_by"] in BY_FEED
    }
    merges = published("governance.case_merges")

    assert steps() == told
    assert len(found) - len(told) == len(merges) + sum(row["unmerged_at"] is not None for row in merges)
    assert len({row["event_id"] for row in found}) == len(found)
    assert {"returned", "redispatched", "excluded", "reinstated", "escalated", "corrected", "linked"} <= {
        row["event_type"] for row in found
    }


def test_every_event_belongs_to_the_case_of_its_record(at_channel: Channel) -> None:
    home = {record: case for case, records in grouped().items() for record in records}
    order_of = {row["district_order_no"]: row["city_work_order_id"] for row in newest(DISPATCH)}
    for row in published("governance.case_events"):
        if row["told_by"] in BY_FEED:
            number = order_of.get(row["source_id"], row["source_id"])
            feed_id = ORDERS if row["told_by"] in (FLOW, DISPATCH) else row["told_by"]

            assert home.get((feed_id, number)) == row["case_id"]


def test_an_event_is_late_when_its_day_should_have_been_in_before(at_channel: Channel) -> None:
    """When a day should have been in is that of channel_health, which is held against the contracts elsewhere."""
    due = {
        (row["feed_id"], row["business_date"]): row["expected_by"]
        for row in published("governance.channel_health")
        if row["expected_by"]
    }
    found = published("governance.case_events")
    for row in found:
        limit = due.get((row["told_by"], row["event_at"].date()))

        assert row["is_late"] == (limit is not None and row["observed_at"] > limit)
    assert any(row["is_late"] for row in found)


def test_a_number_of_an_earlier_day_that_became_another_is_told(at_channel: Channel) -> None:
    """Which records a street had on a day, as known after each pull but those of the first two nights of the day."""
    known: list[dict[tuple[Any, ...], set[str]]] = []
    for at in PULLS:
        known.append(defaultdict(set))
        for feed_id in LEVEL:
            for (number,), told in versions(feed_id).items():
                if so_far := [row for row in told if row[AT] <= at]:
                    cell = feed_id, so_far[-1]["street_code"], so_far[-1][ASKED[feed_id]].date()
                    known[-1][cell].add(number)
    expected = {
        (*cell, at.date()): (len(before[cell]), len(after[cell]))
        for at, before, after in zip(PULLS[1:], known, known[1:], strict=False)
        for cell in before.keys() | after.keys()
        if PULLS[0].date() - timedelta(days=1) <= cell[2] < at.date() - timedelta(days=1)
        and before[cell] != after[cell]
    }
    found = published("governance.day_revisions")

    assert expected
    assert expected == {
        (row["source_feed"], row["street_code"], row["business_date"], row["known_on"]): (
            row["record_count_before"],
            row["record_count"],
        )
        for row in found
    }
