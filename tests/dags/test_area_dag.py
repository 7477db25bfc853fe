"""The areas DAG shows what an edition changes, loads it when told to, and never drops a code that facts use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines import contract, database, lake
from pipelines.airflow_names import WRITER_POOL
from pipelines.areas import editions

DAGS = Path(__file__).resolve().parents[2] / "dags"
FIRST = "edition_on,code,name,areaCode\n2020-06-30,110117001,滨河街道,110117\n2020-06-30,110117002,兴谷街道,110117\n"
SECOND = "edition_on,code,name,areaCode\n2022-10-31,110117001,滨河街道,110117\n"


def runs(home: Path, *params: dict[str, Any]) -> dict[str, Any]:
    """What the tasks said in runs with these parameters, one run after the other."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    answer = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("area_dag_runs.py")), str(DAGS), str(home / "airflow")]
        + [json.dumps(each) for each in params],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.mark.long
def test_an_edition_is_shown_then_loaded_once_somebody_says_so(home: Path) -> None:
    home.mkdir(exist_ok=True)
    first, second = home / "first.csv", home / "second.csv"
    first.write_text(FIRST, encoding="utf-8")
    second.write_text(SECOND, encoding="utf-8")
    feed = contract.load("district_grid_cases")
    with database.writer(lake.warehouse_file()) as connection:
        connection.execute(f"create schema {feed.level}")
        connection.execute(
            f"create table {feed.table} as select '110117002' as street_code, timestamptz '2022-11-05 02:00:00+00' as reported_at"
        )
    told = runs(
        home,
        {},
        {"edition": str(first)},
        {"edition": str(first), "apply": True},
        {"edition": str(second), "apply": True},
        {"edition": str(second), "apply": True, "in_force": "2023-01-01"},
    )
    nothing, shown, loaded, refused, later = told["answers"]

    assert [] == told["heavy"]
    assert {"register": ["diff"], "diff": ["load"], "load": []} == told["tasks"]
    assert WRITER_POOL == told["pools"]["load"]
    assert ["apply", "edition", "edition_date", "in_force"] == told["params"]
    assert "no edition of city_area_register was validated yet" in nothing["register"]
    assert {"street": 2} == shown["register"]["rows"]
    assert ["new", "new"] == [each["kind"] for each in shown["diff"]]
    assert shown["load"].startswith("AirflowSkipException")
    assert ["new", "new"] == [each["kind"] for each in loaded["load"]]
    assert [("gone", "110117002")] == [(each["kind"], each["area_code"]) for each in refused["diff"]]
    assert refused["load"].startswith("DataError")
    assert "district.grid_cases.street_code: 1 rows use 110117002" in refused["load"]
    assert ["gone"] == [each["kind"] for each in later["load"]]
    assert 2 == len(editions.loaded())
