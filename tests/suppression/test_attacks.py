"""What a mask of the small counts alone lets everybody reckon, and what ours does not."""

from __future__ import annotations

from typing import Any

import pytest
from by_hand import A, B, C, D, Rows, Town, calls, shown, table, told

from pipelines import suppression
from pipelines.contract.model import Contract, Figure

DAYS = table("street_days", ("street_code", "day"), order_count=calls("orders"))
TOTALS = table(
    "town_days", ("day",), order_count=calls("all_orders", total_of="governance.street_days.order_count")
)
SCORES = table(
    "scores",
    ("street_code", "period", "revision"),
    received_count=calls("received", sum_of=("excluded_count", "assessed_count")),
    excluded_count=calls("excluded"),
    assessed_count=calls("assessed"),
    callback_count=calls("called_back", up_to="assessed_count"),
    satisfied_count=calls("satisfied", part_of="callback_count"),
    satisfaction_rate=Figure(tells_of=("satisfied_count", "callback_count"), base="callback_count"),
    rank_in_scope=Figure(place_by="satisfaction_rate"),
)

CHANGES = table(
    "changes",
    ("street_code", "revision"),
    received_count=calls("received"),
    arrived_count=calls("arrived", adds_to="received_count"),
    departed_count=calls("departed", takes_from="received_count"),
)

CASES_CLOSED = table("cases", ("case_id", "street_code"))
OVERLAPS = table("overlaps", ("street_code",), case_count=calls("cases", rows_of="governance.cases"))


def days(**counts: int) -> dict[Contract, Rows]:
    """One day of streets A to D, and what they come to."""
    streets = dict(zip("abcd", (A, B, C, D), strict=True))
    rows = [{"street_code": streets[name], "day": "1", "order_count": n} for name, n in counts.items()]
    return {DAYS: rows, TOTALS: [{"day": "1", "order_count": sum(counts.values())}]}


def score(street: str, *numbers: Any, period: str = "2026-11", revision: int = 0) -> dict[str, Any]:
    """A row of SCORES: received, excluded, assessed, called back, satisfied, rank."""
    received, excluded, assessed, called, satisfied, rank = numbers
    return {
        "street_code": street,
        "period": period,
        "revision": revision,
        "received_count": received,
        "excluded_count": excluded,
        "assessed_count": assessed,
        "callback_count": called,
        "satisfied_count": satisfied,
        "satisfaction_rate": round(satisfied / called, 6) if called else None,
        "rank_in_scope": rank,
    }


CASES: dict[str, tuple[list[dict[Contract, Rows]], str, str]] = {
    "a total less the shown streets": ([days(a=100, b=72, c=3)], C, "order_count"),
    "what adds up in a row": ([{SCORES: [score(A, 60, 3, 57, 40, 30, 1)]}], A, "excluded_count"),
    "what is left of a column": ([{SCORES: [score(A, 60, 0, 60, 40, 38, 1)]}], A, "rest of satisfied_count"),
    "two revisions of a figure": (
        [
            {
                CHANGES: [
                    {
                        "street_code": A,
                        "revision": 0,
                        "received_count": 40,
                        "arrived_count": 0,
                        "departed_count": 0,
                    },
                    {
                        "street_code": A,
                        "revision": 1,
                        "received_count": 43,
                        "arrived_count": 3,
                        "departed_count": 0,
                    },
                ]
            }
        ],
        A,
        "arrived_count",
    ),
    "what the manifest says of a closed table": (
        [
            {
                OVERLAPS: [{"street_code": A, "case_count": 9}, {"street_code": B, "case_count": 2}],
                CASES_CLOSED: [{"case_id": f"{n}", "street_code": A if n < 9 else B} for n in range(11)],
            }
        ],
        B,
        "case_count",
    ),
    "an office that knows its own part of a total": ([days(a=100, b=2, c=3)], C, "order_count"),
    "a later release that shows what the first one hid": (
        [days(a=100, b=12, c=3), days(a=100, b=12, c=3, d=0)],
        C,
        "order_count",
    ),
    "a street that had more calls the day before": (
        [days(a=100, b=12, c=7), days(a=100, b=12, c=3)],
        C,
        "order_count",
    ),
}


def _offices(case: str) -> tuple[str, ...]:
    return (B,) if case.startswith("an office") else ()


@pytest.mark.parametrize("case", CASES)
def test_the_attack_tells_what_hiding_small_counts_alone_gives_away(town: Town, case: str) -> None:
    """If it could not, it would prove nothing that it fails elsewhere."""
    days_in_turn, street, what = CASES[case]
    town.hide_only_small()
    for tables in days_in_turn:
        town.publish(tables, *_offices(case))

    found = {(key.split()[0], name) for _, key, name in told(town.attack(tables))}

    assert (street, what) in found


@pytest.mark.parametrize("case", CASES)
def test_nobody_tells_what_is_hidden(town: Town, case: str) -> None:
    days_in_turn, _, _ = CASES[case]
    for tables in days_in_turn:
        town.publish(tables, *_offices(case))

    assert set() == told(town.attack(tables))


@pytest.mark.parametrize(("assessed_before", "narrowest"), [(55, 3), (58, 18)], ids=["right", "wrong"])
def test_the_attack_takes_it_that_counts_grow_from_one_release_to_the_next(
    town: Town, assessed_before: int, narrowest: int
) -> None:
    town.publish({SCORES: [score(A, assessed_before + 5, 5, assessed_before, 40, 30, 1)]})
    tables = {SCORES: [score(A, 57, 1, 56, 40, 30, 1)]}
    release = town.publish(tables)

    audit = town.attack(tables)

    assert ["excluded_count", "assessed_count"] == shown(release, SCORES)[0]["suppressed_columns"]
    assert (narrowest, ()) == (audit.narrowest, audit.findings)


def test_a_hidden_number_is_empty_and_named(town: Town) -> None:
    release = town.publish({SCORES: [score(A, 60, 3, 57, 40, 30, 1), score(B, 80, 0, 80, 50, 40, 2)]})

    hidden, whole = shown(release, SCORES)
    assert (60, None, None) == (
        hidden["received_count"],
        hidden["excluded_count"],
        hidden["assessed_count"],
    )
    assert ["excluded_count", "assessed_count"] == hidden["suppressed_columns"]
    assert [] == whole["suppressed_columns"]
    assert 0 == whole["excluded_count"]


def test_places_are_hidden_together_and_a_rate_of_fewer_than_ten_is_not_shown(town: Town) -> None:
    rows = [score(A, 60, 0, 60, 40, 30, 2), score(B, 50, 0, 50, 9, 9, 1), score(C, 50, 0, 50, 0, 0, None)]

    release = town.publish({SCORES: rows})

    a, b, c = shown(release, SCORES)
    assert (0.75, None) == (a["satisfaction_rate"], a["rank_in_scope"])
    assert (9, 9, None, None) == (
        b["callback_count"],
        b["satisfied_count"],
        b["satisfaction_rate"],
        b["rank_in_scope"],
    )
    assert [] == c["suppressed_columns"], "what nobody knows is not hidden"


def test_before_anything_is_counted_a_release_has_nothing_to_hide(town: Town) -> None:
    days = table("days", ("day",), order_count=calls("orders"))

    assert [] == shown(town.publish({days: []}), days)
    assert [("1", 9)] == [
        (row["day"], row["order_count"])
        for row in shown(town.publish({days: [{"day": "1", "order_count": 9}]}), days)
    ]


def test_what_is_hidden_in_one_revision_is_hidden_in_all(town: Town) -> None:
    rows = [score(A, 60, 3, 57, 40, 30, 1), score(A, 70, 8, 62, 45, 35, 1, revision=1)]

    release = town.publish({SCORES: rows})

    assert [["excluded_count", "assessed_count"]] * 2 == [
        row["suppressed_columns"] for row in shown(release, SCORES)
    ]


def test_a_number_stays_hidden_until_it_has_moved(town: Town) -> None:
    hidden = []
    for c in (3, 5, 6):
        release = town.publish({DAYS: days(a=100, b=12, c=c)[DAYS]})
        hidden.append([row["order_count"] for row in shown(release, DAYS)])

    assert [[100, 12, None], [100, 12, None], [100, 12, 6]] == hidden


def test_what_was_hidden_beside_a_small_count_is_not_shown_once_that_has_grown(town: Town) -> None:
    """The release before has the total: who kept it would subtract."""
    for c in (3, 30):
        release = town.publish(days(a=100, b=12, c=c))

    assert shown(release, DAYS)[1]["order_count"] is None
    assert set() == told(town.attack(days(a=100, b=12, c=3)))


def test_the_office_has_its_own_street_in_full_and_of_others_what_anybody_has(town: Town) -> None:
    tables = days(a=100, b=72, c=3)
    release = town.publish(tables, B, C)

    own = {}
    for street in (B, C):
        with _office(release, street) as connection:
            rows = connection.execute(
                "select street_code, order_count, suppressed_columns from governance.street_days order by 1"
            ).fetchall()
            own[street] = {code: (count, gone) for code, count, gone in rows}
    everybody = {row["street_code"]: row["order_count"] for row in shown(release, DAYS)}
    assert (3, []) == own[C][C]
    assert (72, []) == own[B][B]
    assert (None, ["order_count"]) == own[B][C]
    assert everybody[A] == own[B][A][0] == own[C][A][0]


PLACED = [score(A, 60, 0, 60, 40, 30, 2), score(B, 50, 0, 50, 9, 9, 1), score(C, 70, 0, 70, 20, 12, 3)]


def test_a_place_that_tells_of_others_is_hidden_from_the_office_whose_it_is(town: Town) -> None:
    release = town.publish({SCORES: PLACED}, A)

    with _office(release, A) as connection:
        [own] = connection.execute(
            "select satisfied_count, satisfaction_rate, rank_in_scope, suppressed_columns from governance.scores "
            f"where street_code = '{A}'"
        ).fetchall()
    assert (30, 0.75, None, ["rank_in_scope"]) == own


def test_the_attack_sees_an_office_that_is_told_its_place(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression, "placed", lambda _: ())
    town.publish({SCORES: PLACED}, A)

    assert {(A, f"{A} 2026-11 0", "rank_in_scope")} == told(town.attack({SCORES: PLACED}))


def _office(release: Any, street: str) -> Any:
    import duckdb

    return duckdb.connect(str(release.office_file(street)), read_only=True)
