"""Old totals in today's areas, in the plain SQL a street office would write, on the project's own reference files."""

from __future__ import annotations

from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from pipelines import settings

MODEL = Path(settings.project() / "warehouse" / "governance" / "area_translation.sql")
QUESTION = """
select told.told_area_code, round(sum(facts.orders * told.population_share), 2) as orders
from facts
inner join governance.area_translation as told
    on facts.area_code = told.area_code
    and facts.day >= told.valid_from and facts.day < told.valid_to
    and ?::date >= told.told_from and ?::date < told.told_to
group by all
order by all
"""


@pytest.fixture
def ask(tables: DuckDBPyConnection):
    tables.execute("create schema if not exists governance")
    tables.execute(f"create table governance.area_translation as {MODEL.read_text(encoding='utf-8')}")

    def ask(facts: str, day: str) -> list[tuple[str, float]]:
        tables.execute(
            f"create or replace temp table facts as select * from (values {facts}) as facts (area_code, day, orders)"
        )
        return tables.execute(QUESTION, [day, day]).fetchall()

    return ask


def test_a_town_that_was_split_is_told_in_the_streets_of_today(ask) -> None:
    found = ask("('110114006', date '2014-06-01', 10000)", "2024-01-01")

    assert [("110114011", 4022.0), ("110114012", 4406.0), ("110114013", 1572.0)] == found


def test_in_the_areas_of_its_own_day_a_fact_stays_what_it_is(ask) -> None:
    assert [("110114006", 10000.0)] == ask("('110114006', date '2014-06-01', 10000)", "2014-06-01")
    assert [("110114012", 7.0)] == ask("('110114012', date '2024-06-01', 7)", "2024-01-01")


def test_totals_before_and_after_a_split_agree(ask) -> None:
    facts = (
        "('110114006', date '2014-06-01', 10000), ('110114007', date '2010-06-01', 5000), ('110114010', date '2020-06-01', 300), "
        "('110114011', date '2016-06-01', 400), ('110114004', date '2016-06-01', 50), ('110106017', date '2020-06-01', 60)"
    )
    for day in ("1999-01-01", "2013-01-01", "2016-01-01", "2021-10-31", "2024-01-01"):
        found = dict(ask(facts, day))

        assert 15810.0 == round(sum(found.values()), 2), day
        assert "unknown" not in found


def test_streets_are_told_as_the_town_they_were(ask) -> None:
    facts = "('110114011', date '2024-06-01', 4), ('110114012', date '2024-06-01', 5), ('110114008', date '2024-06-01', 6)"

    assert [("110114006", 9.0), ("110114007", 6.0)] == ask(facts, "2010-01-01")
    assert [("110114006", 9.0), ("110114008", 6.0)] == ask(facts, "2014-01-01")
