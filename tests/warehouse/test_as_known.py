"""A scorecard computed anew for an earlier day equals the revision that was kept of that day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from pipelines import as_known, contract, database, lake, run, settings
from pipelines.errors import ContractError, DataError
from pipelines.stages import governance, loading

SCORECARD = "governance.street_scorecard"
FIGURES = (
    "street_code, period, revision, known_at, received_count, excluded_count, assessed_count, responded_count, "
    "callback_count, resolved_credit, satisfied_credit, response_rate, resolution_rate, satisfaction_rate, "
    "composite_score, rank_in_scope, arrived_count, newly_excluded_count, reinstated_count, late_callback_count"
)
# Two hundred orders of two periods, each known in up to five versions, three days apart; numbers stand for dice.
VERSIONS = """
insert into city.hotline_orders_history by name
select
    format('HL-20261117-{:06d}', number) as work_order_id, version as source_version, 'demand' as order_kind,
    known_from as source_updated_at, 'evaluated' as order_status,
    case when number % 17 = 0 then 'assist' else 'lead' end as handling_role,
    (110114007 + (number + case when number % 11 = version then 1 else 0 end) % 7)::varchar as street_code,
    timestamptz '2026-11-01 08:00:00+08' + to_hours((number * 5)::integer) as reported_at,
    reported_at + interval 1 hour as dispatched_at,
    case when (number + version) % 9 > 0 then reported_at + to_hours((number % 30)::integer) end as contacted_at,
    case when number % 4 < version then ['yes', 'no', 'partly'][1 + (number * 7 + version) % 3] end as resolved,
    case when number % 4 < version then ['satisfied', 'basically', 'dissatisfied', 'not_rated'][1 + (number + version * 3) % 4]
    end as satisfied,
    (number * 3 + version) % 13 = 0 as is_excluded,
    known_from as _known_from,
    case when version < 5 then known_from + interval 3 day end as _known_to,
    min(known_from) over (partition by number) as _first_landed_at, known_from as _landed_at
from (
    select number, version, timestamptz '2026-11-14 00:40:00+08' + to_days((number % 5)::integer + 3 * version) as known_from
    from range(200) as numbers (number), range(6) as versions (version)
    where version >= number % 3
)
"""
NEWEST = "insert into city.hotline_orders by name select * exclude (_known_from, _known_to) from city.hotline_orders_history where _known_to is null"
BULLETIN = """
insert into city.hotline_bulletin by name
select area_code as street_code, '2026-11' as period, 1 as edition_no, timestamptz '2026-11-19 09:00:00+08' as published_at,
    20 as received_count, 1 as excluded_count, 19 as assessed_count, timestamptz '2026-11-20 00:40:00+08' as _first_landed_at
from ref.areas where is_in_scope and area_level = 'street' and valid_to > date '2026-11-19'
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A warehouse with a frozen period that was revised on many days, and an open one."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("URBANBRAIN_HOME", str(tmp_path_factory.mktemp("home")))
        with database.writer(lake.warehouse_file()) as connection:
            loading.load(connection, contract.load_all())
            connection.execute(VERSIONS)
            connection.execute(NEWEST)
            governance.build(connection, settings.project())
            connection.execute(BULLETIN)
            connection.execute(
                "insert into city.hotline_bulletin_history by name "
                "select *, _first_landed_at as _known_from from city.hotline_bulletin"
            )
            governance.build(connection, settings.project())
        yield lake.warehouse_file()


@pytest.fixture
def at_kept(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("URBANBRAIN_HOME", str(kept.parent.parent))
    return kept


def figures(connection: DuckDBPyConnection, condition: str) -> list[tuple[object, ...]]:
    return connection.execute(f"select {FIGURES} from {SCORECARD} where {condition} order by all").fetchall()


@pytest.mark.long
def test_every_kept_revision_comes_out_again_from_what_was_known_then(kept: Path) -> None:
    with database.writer(kept) as connection:
        revisions = connection.execute(
            f"select distinct period, revision, known_at from {SCORECARD} order by all"
        ).fetchall()
        stored = {
            (period, revision): figures(connection, f"period = '{period}' and revision = {revision}")
            for period, revision, _ in revisions
        }
    assert len(revisions) > 10

    for period, revision, known_at in revisions:
        if revision == 0 and period == "2026-11":
            continue  # when it was frozen, the bulletin that froze it had not been landed
        with as_known.rebuilt(settings.project(), kept, SCORECARD, known_at) as connection:
            again = figures(connection, f"is_latest and period = '{period}'")

        assert stored[period, revision] == again, (period, revision)


def test_what_was_known_at_the_freeze_is_revision_0(kept: Path) -> None:
    counts = "street_code, assessed_count, callback_count, composite_score, rank_in_scope"
    frozen_at = datetime.fromisoformat("2026-11-19T09:00:00+08:00")
    with database.writer(kept) as connection:
        stored = connection.execute(
            f"select {counts} from {SCORECARD} where revision = 0 and period = '2026-11' order by all"
        ).fetchall()
    with as_known.rebuilt(settings.project(), kept, SCORECARD, frozen_at) as connection:
        again = connection.execute(
            f"select {counts} from {SCORECARD} where is_latest and period = '2026-11' order by all"
        ).fetchall()

    assert stored == again


def test_a_day_means_its_end_in_the_citys_time(at_kept: Path) -> None:
    rows = run.scorecard("2026-11", "2026-11-21")

    assert {"2026-11-21 00:40:00+08:00"} == {str(row["known_at"]) for row in rows}
    assert rows == run.scorecard("2026-11", "2026-11-21T12:00:00+08:00")


def test_another_rule_can_be_tried(at_kept: Path) -> None:
    assert run.scorecard("2026-11") == run.scorecard("2026-11", rule="example_30_35_35")
    with pytest.raises(ContractError, match="no score rule 'none'"):
        run.scorecard("2026-11", rule="none")


def test_a_period_nothing_was_known_of_says_which_are_known(at_kept: Path) -> None:
    with pytest.raises(DataError, match="2019-01"):
        run.scorecard("2019-01")
    with pytest.raises(ContractError):
        run.scorecard("2026-11", "last week")
