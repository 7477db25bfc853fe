"""The DAG files: what they make of contracts, and what reading them costs. Airflow runs in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines import contract as contracts
from pipelines import errors
from pipelines.airflow_names import WRITER_POOL
from pipelines.contract import Contract

PROJECT = Path(__file__).resolve().parents[2]
BROKEN = "feed__city_air_quality"
MANY = 50


@dataclass(frozen=True)
class Facts:
    """What was found in this project, in one with a broken contract, and in one with many contracts."""

    feeds: list[Contract]
    project: dict[str, Any]
    broken: dict[str, Any]
    many: dict[str, Any]
    told: dict[str, Any]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("dags")
    broken, many = folder / "broken", folder / "many"
    for project in (broken, many):
        shutil.copytree(PROJECT / "contracts", project / "contracts")
    damage(broken / "contracts" / "city" / "air_quality.odcs.yaml")
    multiply(many / "contracts" / "street", MANY - len(contracts.load_all(folder=PROJECT / "contracts")))
    answer = subprocess.run(
        [
            *[sys.executable, str(Path(__file__).with_name("dag_facts.py")), str(PROJECT / "dags")],
            *[str(folder / "airflow"), str(PROJECT), str(broken), str(many)],
        ],
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW", "URBANBRAIN"))
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])
    return Facts(contracts.load_all(folder=PROJECT / "contracts"), *told["dags"], told)


def damage(path: Path) -> None:
    path.write_text(
        path.read_text(encoding="utf-8").replace("required: true", "requird: true", 1), encoding="utf-8"
    )


def multiply(folder: Path, count: int) -> None:
    """More feeds of the largest kind, by contract files alone."""
    text = (PROJECT / "contracts" / "city" / "hotline_orders.odcs.yaml").read_text(encoding="utf-8")
    for number in range(count):
        name = f"orders_{number:02}"
        copy = text.replace("id: city_hotline_orders", f"id: street_{name}")
        copy = copy.replace("  - name: hotline_orders", f"  - name: {name}").replace(
            "value: city", "value: street"
        )
        (folder / f"{name}.odcs.yaml").write_text(copy, encoding="utf-8")


def test_reading_the_dag_files_loads_nothing_heavy(facts: Facts) -> None:
    assert facts.told["heavy"] == []


def test_fifty_contracts_become_dags_before_plain_yaml_is_read(facts: Facts) -> None:
    """The scheduler reads the DAG file every half minute: it may not cost what `yaml.safe_load` alone would."""
    assert len(facts.many) == MANY + 2
    assert facts.told["seconds"][2] < MANY * facts.told["plain_seconds"]


def test_every_contract_becomes_one_dag_and_one_dag_writes_the_warehouse(facts: Facts) -> None:
    assert set(facts.project) == {f"feed__{feed.feed_id}" for feed in facts.feeds} | {"warehouse", "monitor"}


def test_a_feed_is_landed_then_judged_on_the_contracts_schedule(facts: Facts) -> None:
    for feed in facts.feeds:
        dag = facts.project[f"feed__{feed.feed_id}"]

        assert dag["tasks"] == {
            "land": ["gate", "release"],
            "gate": ["approval", "settled"],
            "approval": ["release"],
            "release": ["settled"],
            "settled": [],
        }
        assert (dag["cron"], dag["timezone"]) == (feed.schedule, feed.timezone)
        assert dag["catchup"] is False
        assert dag["outlets"] == 2 * [f"urbanbrain://validated/{feed.feed_id}"]
        assert dag["groups"] == 2 * [feed.level]
        assert feed.level in dag["tags"]
        assert dag["params"] == ["as_of", "window_end", "window_start"]


def test_a_run_that_is_not_over_when_its_delivery_is_due_tells_somebody(facts: Facts) -> None:
    for feed in facts.feeds:
        expected = [["pipelines.deadlines.missed", feed.latency.total_seconds()]]

        assert expected == facts.project[f"feed__{feed.feed_id}"]["deadlines"]
    assert facts.project["monitor"]["tasks"] == {"notify": []}
    assert facts.project["monitor"]["max_active_runs"] == 1


def test_a_dags_page_shows_the_contract_in_both_languages(facts: Facts) -> None:
    for feed in facts.feeds:
        page = facts.project[f"feed__{feed.feed_id}"]["doc"]

        assert feed.owner in page
        assert f"urbanbrain run {feed.feed_id}" in page
        for column in feed.stored_columns:
            assert f"| `{column.name}` | {column.business_name} |" in page


def test_a_column_that_is_dropped_is_not_on_the_page(facts: Facts) -> None:
    dropped = [(feed, column) for feed in facts.feeds for column in feed.columns if not column.is_stored]

    assert dropped
    for feed, column in dropped:
        assert f"`{column.name}`" not in facts.project[f"feed__{feed.feed_id}"]["doc"]


def test_any_feed_starts_the_warehouse_and_one_run_writes_at_a_time(facts: Facts) -> None:
    dag = facts.project["warehouse"]

    assert dag["condition"] == "AssetAny"
    announced = [*(feed.feed_id for feed in facts.feeds), "corrections"]

    assert dag["assets"] == sorted(f"urbanbrain://validated/{name}" for name in announced)
    assert dag["tasks"] == {"load": ["build"], "build": ["check"], "check": ["publish"], "publish": []}
    assert dag["pools"] == [WRITER_POOL]
    assert dag["max_active_runs"] == 1


def test_what_is_published_is_copied_where_a_database_is_named(facts: Facts) -> None:
    tasks = facts.told["served"]["warehouse"]["tasks"]

    assert {"publish": ["serve"], "serve": []} == {name: tasks[name] for name in ("publish", "serve")}
    assert "default_pool" in facts.told["served"]["warehouse"]["pools"], (
        "the copy keeps nobody from the warehouse"
    )


def test_a_broken_contract_harms_no_other_feed(facts: Facts) -> None:
    untouched = set(facts.project) - {BROKEN, "warehouse"}

    assert set(facts.broken) == set(facts.project)
    assert all(facts.broken[name] == facts.project[name] for name in untouched)
    assert "urbanbrain://validated/city_air_quality" not in facts.broken["warehouse"]["assets"]


def test_a_broken_contract_tells_file_line_and_remedy_on_its_dags_page(facts: Facts) -> None:
    page = facts.broken[BROKEN]["doc"]

    assert "contracts/city/air_quality.odcs.yaml:" in page
    assert "did you mean 'required'?" in page
    assert [error.split(":")[0] for error in facts.told["broken"]] == ["ContractError"]


def test_a_running_task_builds_only_its_own_dag(facts: Facts) -> None:
    assert facts.told["within_a_task"] == ["feed__city_projects", "monitor", "warehouse"]


def test_only_what_waiting_cures_is_retried(facts: Facts) -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    expected = {kind.__name__: "retry" if kind.retry else "fail" for kind in kinds} | {"ValueError": "fail"}

    assert expected == facts.told["decisions"]
    assert {"FeedUnavailable", "ServingUnavailable", "StorageUnavailable", "WarehouseBusy"} == {
        name for name, said in expected.items() if said == "retry"
    }
    assert facts.told["retries"] > 1
    policies = {name: policy for dag in facts.project.values() for name, policy in dag["policies"].items()}
    assert {"approval": "NoneType", "notify": "NoneType"} == {
        name: policy for name, policy in policies.items() if policy != "ExceptionRetryPolicy"
    }


def test_a_person_is_asked_only_about_a_held_batch_and_a_failed_gate_fails_the_run(facts: Facts) -> None:
    rules = {
        "land": "all_success",
        "gate": "all_success",
        "approval": "all_skipped",
        "release": "all_success",
    }
    for feed in facts.feeds:
        dag = facts.project[f"feed__{feed.feed_id}"]

        assert dag["rules"] == {**rules, "settled": "none_failed"}
        assert dag["at_once"] == {"land": 2, "gate": 2}
        assert dag["approval"] == {
            "options": ["approve", "reject", "later"],
            "defaults": ["later"],
            "retries": 1,
            "params": ["reason"],
        }


def test_a_held_batch_skips_the_gate_and_what_was_decided_follows(facts: Facts) -> None:
    told = facts.told["held"]

    assert told["gate"] == "AirflowSkipException: too many"
    assert told["pushed"] == [["question", {"subject": "s", "body": "b"}]]
    assert told["approved"] == "'validated'"
    assert told["rejected"] == "AirflowSkipException: kept out"
    assert told["extra"] == [{}, {"received": 3}, {}]


def test_a_task_makes_one_call_and_hands_on_a_path(facts: Facts) -> None:
    results, made = facts.told["calls"]["results"], facts.told["calls"]["made"]
    feed_id = facts.feeds[0].feed_id

    assert results["interval"] == "landed"
    assert results["gate"] == "validated"
    assert made == [
        ["land", [feed_id, "2026-11-17 00:00:00+00:00", "2026-11-18 00:00:00+00:00", "None"]],
        [
            "land",
            [feed_id, "2026-11-16T00:00:00+08:00", "2026-11-17T00:00:00+08:00", "2026-11-17T00:40:00+08:00"],
        ],
        ["land", [feed_id, "2026-11-16", "2026-11-17", "None"]],
        ["gate", ["landed"]],
        ["counts", ["validated"]],
    ]


def test_validated_data_is_announced_with_its_counts(facts: Facts) -> None:
    assert facts.told["calls"]["extra"] == {"received": 3}


@pytest.mark.parametrize("case", ["half", "none"])
def test_a_run_without_a_whole_window_says_what_to_give(facts: Facts, case: str) -> None:
    said = facts.told["calls"]["results"][case]

    assert said.startswith("SettingError: ")
    assert "window_start and window_end" in said


def test_sources_are_asked_again_as_contracts_say(facts: Facts) -> None:
    expected = {
        **{f"re_pull__{feed.feed_id}": feed.re_pull.schedule for feed in facts.feeds if feed.re_pull},
        **{f"census__{feed.feed_id}": feed.census.schedule for feed in facts.feeds if feed.census},
    }

    assert expected == {name: dag["cron"] for name, dag in facts.told["again"].items()}
    for dag in facts.told["again"].values():
        assert {"land": ["gate"], "gate": []} == dag["tasks"]
        assert ("Asia/Shanghai", False, 1) == (dag["timezone"], dag["catchup"], dag["max_active_runs"])
        assert 1 == len(dag["outlets"])


def test_the_page_is_a_view_in_airflows_menu_where_somebody_serves_it(facts: Facts) -> None:
    view = {
        "name": "城市大脑",
        "href": "http://127.0.0.1:8610/",
        "url_route": "urban-brain",
        "destination": "nav",
        "nav_top_level": True,
    }

    assert {
        "found": [
            {"name": "urban_brain_page", "source": "$PLUGINS_FOLDER/page_view.py", "external_views": [view]}
        ],
        "without": [],
    } == facts.told["plugins"]
