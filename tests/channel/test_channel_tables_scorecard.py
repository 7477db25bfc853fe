"""The tables of the scorecard against the orders' truth, counted by `scorecard_by_hand`.

The figures of a frozen period and its revisions, the ranks and the bulletin's side are recomputed; population is that
of the area list.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from channel_days import Channel
from city_truth import NEWEST_PULL, by, newest, only, published, rounded
from scorecard_by_hand import (
    CHANGES,
    COUNTS,
    ORDERS,
    RATES,
    RULE,
    became,
    bulletins,
    frozen_at,
    limits,
    period_of,
    returns,
    revisions,
    scorecard,
    standings,
)


def test_the_scorecard_is_what_the_orders_come_to(at_channel: Channel) -> None:
    """Counts, credits, rates, score, rank, base and what a revision changed."""
    found = by(published("governance.street_scorecard"), "street_code", "period", "revision")
    expected = scorecard()
    names = (*COUNTS, *CHANGES, *RATES, "composite_score", "rank_in_scope", "scope_size", "is_latest",
             "is_small_base", "population", "demands_per_10k")  # fmt: skip

    assert {period for _, period, _ in expected} == {"2026-11", "2026-12"}
    assert only(expected, *names) == only(found, *names)


def test_a_period_is_frozen_by_its_bulletin_and_revised_by_what_came_after(at_channel: Channel) -> None:
    found = by(published("governance.street_scorecard"), "street_code", "period", "revision")
    periods = {period for _, period, _ in found}

    assert any(len(revisions(period)) > 1 for period in periods)
    for (_, period, revision), row in found.items():
        assert (frozen_at(period), revisions(period)[revision][0]) == (row["frozen_at"], row["known_at"])
    for kind in ("newly_excluded_count", "reinstated_count", "late_callback_count", "arrived_count"):
        assert any(row[kind] for row in found.values()), kind


def test_the_rank_is_compared_with_that_of_the_period_before(at_channel: Channel) -> None:
    found = by(published("governance.street_scorecard"), "street_code", "period", "revision")
    for (street, period, _), row in found.items():
        before = found.get((street, "2026-11", 0)) if period == "2026-12" else None
        ranks = (before["rank_in_scope"] if before else None, row["rank_in_scope"])
        expected = None if None in ranks else ranks[0] - ranks[1]

        assert expected == row["rank_change"]


OFFICIAL = {"received_count": "official_received_count", "assessed_count": "official_assessed_count",
            "callback_count": "official_callback_count", "response_rate_pct": "official_response_rate_pct",
            "resolution_rate_pct": "official_resolution_rate_pct",
            "satisfaction_rate_pct": "official_satisfaction_rate_pct", "composite_score": "official_composite_score",
            "rank_in_scope": "official_rank", "grade": "official_grade"}  # fmt: skip
MEASURES = {"received_count": "received_count", "assessed_count": "assessed_count",
            "callback_count": "callback_count", "response_rate": "response_rate_pct",
            "resolution_rate": "resolution_rate_pct", "satisfaction_rate": "satisfaction_rate_pct"}  # fmt: skip


def as_number(value: Any) -> Any:
    return float(value) if isinstance(value, int | float | Decimal) else value


def test_the_bulletin_stands_beside_it_as_it_was_published(at_channel: Channel) -> None:
    out = bulletins()
    for row in published("governance.street_scorecard"):
        official = out.get((row["street_code"], row["period"]))
        expected = [as_number(official[name]) if official else None for name in OFFICIAL]

        assert expected == [as_number(row[name]) for name in OFFICIAL.values()]


def test_what_differs_from_the_bulletin_is_said_beside_it(at_channel: Channel) -> None:
    """A revision after the bulletin answers to no edition of it, so it is neither reconciled nor not."""
    out = bulletins()
    alerted = {(row["street_code"], row["period"]) for row in published("governance.scorecard_alerts")}
    for row in published("governance.street_scorecard"):
        key = (row["street_code"], row["period"])
        official = out.get(key)
        for name in ("received", "assessed", "callback"):
            expected = row[f"{name}_count"] - official[f"{name}_count"] if official else None
            assert expected == row[f"{name}_difference"]
        for name in ("response", "resolution", "satisfaction"):
            ours, theirs = row[f"{name}_rate"], official and official[f"{name}_rate_pct"]
            if official and ours is not None:
                assert abs(100 * float(ours) - theirs - float(row[f"{name}_difference_pp"])) < 0.001
            else:
                assert row[f"{name}_difference_pp"] is None
        assert row["is_reconciled"] == (None if not official or row["revision"] else key not in alerted)


def test_alerts_are_the_figures_that_differ_by_more_than_the_rule_lets_pass(at_channel: Channel) -> None:
    """Among them the street whose bulletin the city made wrong on purpose."""
    out, expected = bulletins(), {}
    for (street, period, revision), row in scorecard().items():
        official = out.get((street, period))
        # A later revision answers to a later edition, and there is none.
        if not official or revision:
            continue
        for measure, name in MEASURES.items():
            ours = row[measure] if measure.endswith("count") else row[measure] and 100 * row[measure]
            theirs = Decimal(repr(official[name]))
            allowed = (
                max(Decimal(RULE["count_tolerance"]), Decimal(RULE["count_tolerance_share"]) * theirs)
                if measure.endswith("count")
                else Decimal(RULE["rate_tolerance_pp"])
            )
            if ours is not None and abs(rounded(ours, 3) - theirs) > allowed:
                expected[street, period, revision, measure] = (rounded(ours, 3), rounded(theirs, 3))
    found = by(published("governance.scorecard_alerts"), "street_code", "period", "revision", "measure")

    assert ("110114010", "2026-11", 0, "received_count") in found
    assert expected == only(found, "ours", "official")


def test_orders_behind_the_scorecard_are_those_that_count_or_did(at_channel: Channel) -> None:
    frozen = {period: frozen_at(period) for period in ("2026-11", "2026-12")}
    now = standings(NEWEST_PULL)
    orders = by(newest(ORDERS), "work_order_id")
    expected = {}
    for number, standing in now.items():
        before = None
        for period, at in frozen.items():
            was = standings(at).get(number) if at else None
            if was and was["place"] and was["place"][0] == period:
                before = was
        if standing["place"] or before:
            order = orders[number]
            place = standing["place"] or (period_of(order["reported_at"].date()), order["street_code"])
            expected[number] = (
                *place, standing["place"] is not None, standing["is_excluded"], standing["is_in_time"],
                standing["is_callback"], before["place"][1] if before else None, order["community_name"],
                order["order_status"], order["category_l1"], order["category_l2"], order["reported_at"],
                became(before, standing, frozen[(before or standing)["place"][0]]),
            )  # fmt: skip
    found = by(published("governance.scorecard_orders"), "work_order_id")
    names = ("period", "street_code", "is_counted", "is_excluded", "is_in_time", "is_callback", "frozen_street_code",
             "community_name", "order_status", "category_l1", "category_l2", "reported_at",
             "changed_since_freeze")  # fmt: skip

    assert expected == only(found, *names)


def test_orders_carry_their_limits_and_what_can_still_change(at_channel: Channel) -> None:
    found = by(published("governance.scorecard_orders"), "work_order_id")
    orders = by(newest(ORDERS), "work_order_id")
    expected = {number: limits(orders[number]) for number in found}

    assert {"contact", "callback", "nothing"} == {row["can_change"] for row in expected.values()}
    assert {"clock", "working_hours"} <= {row["limit_calendar"] for row in expected.values()}
    assert only(expected, *limits(newest(ORDERS)[0])) == only(found, *limits(newest(ORDERS)[0]))


def test_orders_tell_who_sent_them_back_and_whether_they_came_again(at_channel: Channel) -> None:
    found = by(published("governance.scorecard_orders"), "work_order_id")
    never = {"returned_count": 0, "last_returned_at": None, "returned_by": None, "came_back_at": None}
    expected = {number: returns().get(number, never) for number in found}

    assert any(row["came_back_at"] for row in expected.values())
    assert only(expected, *never) == only(found, *never)
