"""`airflow backfill` of a feed's DAG asks for the very windows `urbanbrain backfill` does, a year of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines import run

PROJECT = Path(__file__).resolve().parents[2]
FEED = "street_steward_requests"


@pytest.mark.long
def test_a_year_of_windows_is_the_same_to_airflow(tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "URBANBRAIN"))
    } | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(PROJECT / "dags"),
        "URBANBRAIN_HOME": str(tmp_path / "home"),
    }

    def airflow(*words: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("airflow")), *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stderr[-2000:]
        return done.stdout

    airflow("db", "migrate")
    airflow("dags", "reserialize")
    # Instants in UTC: a first instant with another offset that is the very start of a window loses that window.
    said = airflow(
        *("backfill", "create", "--dag-id", f"feed__{FEED}", "--dry-run"),
        *("--from-date", "2025-11-17T16:00:00Z", "--to-date", "2026-11-16T16:00:00Z"),
    )
    found = [
        datetime.fromisoformat(each).astimezone(UTC)
        for each in re.findall(r"\| (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00)", said)
    ]
    plan = run.backfill_plan(FEED, "2025-11-18", "2026-11-17", as_of="2026-11-19T00:40:00+08:00")

    assert 365 == len(found)
    assert [step.window.start for step in plan.steps] == found
