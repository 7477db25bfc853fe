"""Somebody adds a feed: one contract and one recorded answer, and no line of Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from recorded import COUNTS, counts, expected, replay

from pipelines import checking, contract, lake, run
from pipelines.contract import Contract
from pipelines.receipt import Receipt

pytestmark = pytest.mark.long

PROJECT = Path(__file__).resolve().parents[2]
ADDED = Path(__file__).parent / "eighth"
FEED = "district_heat_outages"
ANSWER = ADDED / FEED
_PARSE = """
import json, runpy, sys
from airflow.sdk import DAG
sys.path.insert(0, sys.argv[1])
made = [value for name in ("feeds", "warehouse") for value in runpy.run_path(f"{sys.argv[1]}/{name}.py").values()]
dags = {dag.dag_id: dag for dag in made if isinstance(dag, DAG)}
feed, warehouse = dags["feed__" + sys.argv[2]], dags["warehouse"]
print(json.dumps({
    "dags": sorted(dags),
    "tasks": sorted(feed.task_ids),
    "tags": sorted(feed.tags),
    "owner": feed.owner,
    "cron": feed.timetable.expression,
    "page": feed.doc_md,
    "outlets": [asset.uri for task in feed.tasks for asset in task.outlets],
    "wakes": [asset.uri for asset in warehouse.timetable.asset_condition.objects],
}))
"""


@dataclass(frozen=True)
class Added:
    """What the project became with the eighth feed."""

    contract: Contract
    feeds: list[str]
    checks: list[str]
    receipt: Receipt
    warehouse: Path
    dags: dict[str, Any]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Added:
    project = tmp_path_factory.mktemp("project")
    for room in ("contracts", "warehouse"):
        shutil.copytree(PROJECT / room, project / room)
    shutil.copy(ADDED / "heat_outages.odcs.yaml", project / "contracts" / "district")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("URBANBRAIN_HOME", str(project / "home"))
        environment.setenv("URBANBRAIN_PROJECT", str(project))
        answer = subprocess.run(
            [sys.executable, "-c", _PARSE, str(PROJECT / "dags"), FEED],
            env={**os.environ, "AIRFLOW_HOME": str(project / "airflow")},
            capture_output=True,
            text=True,
            check=False,
        )

        assert answer.returncode == 0, answer.stderr
        receipt = replay(ANSWER, environment)
        run.load()
        return Added(
            contract.load(FEED),
            [feed.feed_id for feed in contract.load_all()],
            list(checking.check_all()),
            receipt,
            lake.warehouse_file(),
            json.loads(answer.stdout.splitlines()[-1]),
        )


def test_nothing_but_a_contract_and_an_answer_is_added() -> None:
    added = {path.suffix for path in ADDED.rglob("*") if path.is_file()}

    assert {".yaml", ".json"} == added


def test_the_project_with_it_is_right(added: Added) -> None:
    assert len(added.feeds) == len(contract.load_all()) + 1
    assert FEED in added.feeds
    assert added.checks


def test_its_dag_appears_and_starts_the_warehouse(added: Added) -> None:
    assert {f"feed__{feed}" for feed in added.feeds} <= set(added.dags["dags"])
    assert {"land", "gate", "approval", "release"} <= set(added.dags["tasks"])
    assert added.contract.schedule == added.dags["cron"]
    assert added.contract.owner == added.dags["owner"]
    assert "district" in added.dags["tags"]
    assert {f"urbanbrain://validated/{FEED}"} == set(added.dags["outlets"])
    assert added.dags["outlets"][0] in added.dags["wakes"]
    assert "| `home_count` | 影响户数 | BIGINT | Homes without heat. |" in added.dags["page"]


def test_its_rules_fire(added: Added) -> None:
    assert {name: expected(ANSWER)[name] for name in COUNTS} == counts(added.receipt)


def test_its_rows_are_in_a_table_of_its_own(added: Added) -> None:
    rows = added.ask(
        "select outage_id, street_code, outage_kind, home_count, epoch(started_at)::bigint, _dq_flags "
        "from district.heat_outages order by outage_id"
    )

    assert [
        ("HO-0001", "110114010", "planned", 420, 1_794_866_400, []),
        ("HO-0002", "110114011", "burst", 1250, 1_794_530_400, ["home_count:thousands", "rule:long_outage"]),
    ] == rows


def test_its_table_and_every_column_carry_comments(added: Added) -> None:
    [(comment,)] = added.ask(
        "select comment from duckdb_tables() where schema_name = 'district' and table_name = 'heat_outages'"
    )
    columns = dict(
        added.ask(
            "select column_name, comment from duckdb_columns() "
            "where schema_name = 'district' and table_name = 'heat_outages'"
        )
    )

    assert "One row per outage." in comment
    assert "供热中断" in comment
    for column in added.contract.stored_columns:
        assert f"{column.description} {column.business_name}" == columns[column.name]
    assert [] == [name for name, words in columns.items() if not words]


def test_each_reason_is_told_in_both_languages(added: Added) -> None:
    reasons = added.ask(
        "select reason.rule, reason.expected_en, reason.expected_zh "
        "from (select unnest(reasons) as reason from ops.quarantine) order by all"
    )

    assert (
        "rule:end_not_before_start",
        "Heat comes back after it stopped.",
        "恢复时间不应早于开始时间。",
    ) in reasons
    assert ("type:home_count", "a whole number", "应为整数") in reasons
