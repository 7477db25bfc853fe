"""The demo's scorecard: frozen by the bulletin, revised by what came after, held against what was published."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from channel_days import CITY, Channel

from pipelines import contract, run
from pipelines.samplecity.city import hotline_bulletin
from pipelines.samplecity.world import STREETS

PERIOD = f"{CITY.first_day:%Y-%m}"
OFF = STREETS[hotline_bulletin.WRONG_STREET].code


@pytest.fixture
def warehouse(at_channel: Channel) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(
        str(at_channel.home / "warehouse" / "urbanbrain.duckdb"), read_only=True
    ) as connection:
        yield connection


def test_the_bulletin_froze_the_period_and_what_came_after_revised_it(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    found = warehouse.execute(
        "select revision, any_value(frozen_by), count(*), sum(newly_excluded_count) > 0, sum(reinstated_count) > 0, "
        f"sum(late_callback_count) > 0 from governance.street_scorecard where period = '{PERIOD}' group by revision "
        "order by revision"
    ).fetchall()

    assert found == [(0, "bulletin", 7, False, False, False), (1, "bulletin", 7, True, True, True)]


def test_the_street_whose_published_figures_are_off_is_told_and_counts_of_others_agree(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    told = warehouse.execute(
        "select distinct street_code from governance.scorecard_alerts where measure like '%_count'"
    ).fetchall()
    others = warehouse.execute(
        "select max(abs(received_difference)) from governance.street_scorecard "
        f"where period = '{PERIOD}' and revision = 0 and street_code <> '{OFF}'"
    ).fetchone()

    assert told == [(OFF,)]
    assert others is not None and others[0] <= 2


def test_linking_changes_no_denominator(warehouse: duckdb.DuckDBPyConnection) -> None:
    scorecard, members = (
        warehouse.execute(query).fetchone()
        for query in (
            "select sum(assessed_count) from governance.street_scorecard where is_latest",
            "select count(*) from governance.case_members where counts_in_scorecard",
        )
    )

    assert scorecard == members


def test_a_period_comes_out_again_from_what_was_known(warehouse: duckdb.DuckDBPyConnection) -> None:
    columns = "street_code, assessed_count, callback_count, composite_score::varchar, rank_in_scope"
    kept = warehouse.execute(
        f"select {columns} from governance.street_scorecard where period = '{PERIOD}' and is_latest order by all"
    ).fetchall()
    warehouse.close()
    again = [
        (
            row["street_code"], row["assessed_count"], row["callback_count"],
            str(row["composite_score"]), row["rank_in_scope"],
        )
        for row in run.scorecard(PERIOD)
    ]  # fmt: skip

    assert kept == again


def test_every_kind_of_step_the_flow_log_knows_becomes_an_event(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    kinds = {value.value for value in contract.load("city_hotline_flow").column("event_type").enum}
    seen = {
        kind
        for (kind,) in warehouse.execute("select distinct event_type from governance.case_events").fetchall()
    }

    assert set() == kinds - seen
    assert {"reported", "filed", "corrected"} <= seen


def test_an_order_that_came_back_is_told_to_the_street_that_had_returned_it(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    came_back, changed = warehouse.execute(
        "select count(came_back_at), count(distinct changed_since_freeze) from governance.scorecard_orders"
    ).fetchone()

    assert came_back > 0
    assert changed >= 4
