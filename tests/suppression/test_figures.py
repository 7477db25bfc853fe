"""Contracts say of every number that anybody may read whether it counts people or calls."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from by_hand import calls, table
from two_streets import column

from pipelines import contract as contracts
from pipelines import suppression
from pipelines.contract.model import Contract, Figure
from pipelines.publication.disclosure import Disclosure, PublicTable


def _public(contract: Contract) -> PublicTable:
    columns = tuple((each.name, each.type) for each in contract.stored_columns)
    return PublicTable(contract.table, columns, contract.key, contract)


def _objections(*tables: Contract) -> list[str]:
    return [
        f"{public.short_name}.{each.name} {text}"
        for public, each, text in suppression.undeclared([_public(one) for one in tables])
    ]


def test_a_number_nobody_says_anything_of_is_refused() -> None:
    days = table("days", ("day",), order_count=calls("orders"))
    forgotten = replace(days, columns=(*days.columns, column("call_count", "bigint"), column("note")))

    assert [] == _objections(days)
    assert [
        "days.call_count anybody may read this number, and nothing says whether it counts people or calls"
    ] == _objections(forgotten)
    assert [] == _objections(replace(forgotten, counts_nobody="Lamps."))


def test_a_total_of_nothing_is_refused() -> None:
    totals = table("totals", ("day",), order_count=calls("orders", total_of="governance.days.order_count"))

    assert [
        "totals.order_count is the total of governance.days.order_count, which is no open column that counts "
        "people or calls"
    ] == _objections(totals)


def test_offices_that_put_their_files_together_learn_nothing_of_another_street() -> None:
    """Nothing that is hidden of one street adds up with figures of others, so theirs tell nothing of it.

    A contract that adds up streets needs an attack by several offices at once first.
    """
    over_streets = [
        f"{each.table}.{column.name}"
        for each in contracts.load_governance()
        for column in each.stored_columns
        if column.figure and (column.figure.total_of or column.figure.rows_of)
    ]

    assert [] == over_streets


_HEAD = """apiVersion: v3.2.0
kind: DataContract
id: governance_days
name: Days
version: 1.0.0
status: active
description: {purpose: Days.}
schema:
  - name: days
    logicalType: object
    description: One row per day.
    properties:
      - {name: day, logicalType: date, required: true, primaryKey: true, description: Day.}
      - {name: whole_count, logicalType: integer, description: All.}
      - name: order_count
        logicalType: integer
        description: Orders.
        customProperties:
          - {property: figure, value: FIGURE}
team: {name: brain-team}
customProperties:
  - {property: level, value: governance}
"""


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("{counts: calls}", ""),
        ("{counts: cals}", "did you mean 'calls'"),
        ("{counts: calls, harmless: Lamps.}", "should say one thing"),
        ("{measure: orders}", "should say one thing"),
        ("{harmless: Lamps., measure: orders}", "says 'measure' and counts nothing"),
        ("{counts: calls, partOf: whole}", "names 'whole', which does not exist"),
        ("{counts: calls, partOf: whole_count}", "counts neither calls nor people"),
        ("{tellsOf: [order_count]}", "is made of it"),
        ("{counts: calls, addsTo: order_count}", "no column says isRevision"),
        ("{counts: calls, base: order_count}", "only a rate has"),
        ("{isRevision: true}", "needs 'primaryKey: true'"),
        ("{counts: calls, totalOf: orders}", "expected a column such as"),
        ("{cuonts: calls}", "unknown key 'cuonts'"),
    ],
)
def test_a_figure_that_does_not_fit_is_told(
    tmp_path_factory: pytest.TempPathFactory, figure: str, expected: str
) -> None:
    folder = tmp_path_factory.mktemp("contracts") / "governance"
    folder.mkdir()
    path = folder / "days.odcs.yaml"
    path.write_text(_HEAD.replace("FIGURE", figure), encoding="utf-8")

    problems = contracts.check_all(folder.parent)

    said = " ".join(str(problem) for problem in problems)
    assert expected in said
    assert bool(expected) == bool(problems)


def test_open_tables_hold_no_free_text_and_no_coordinate() -> None:
    """What may leave is decided from contracts; here they are read the other way round."""
    promised = [*contracts.load_governance(), *contracts.load_operations()]
    built = {
        each.table: {one.name: one.type for one in each.stored_columns}
        for each in (*contracts.load_all(), *promised)
    }
    public = Disclosure(contracts.load_all(), promised, built)

    names = {f"{each.name}.{name}" for each in public.shared for name in each.names}
    assert set() == {name for name in names if re.search(r"_text|(^|[._])(lon|lat|wkt|geometry)(_|$)", name)}
    assert not {"governance.cases", "governance.case_members"} & {each.name for each in public.open}


def test_every_figure_of_the_scorecard_follows_what_it_is_made_of() -> None:
    scorecard = next(each for each in contracts.load_governance() if each.name == "street_scorecard")
    (counted,) = suppression.counted([_public(scorecard)])

    assert {"response_rate", "composite_score", "rank_in_scope", "official_rank", "official_grade"} <= (
        counted.followers("responded_count")
    )
    assert {"received_count", "demands_per_10k", "received_difference"} == counted.followers("received_count")
    assert all(isinstance(each.figure, Figure) for each in scorecard.stored_columns if each.is_numeric)
