"""`urbanbrain up`, a corrected sheet in its drop folder, and nobody who triggers anything: the rows reach a release."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from desk_sheets import BAD_ORDERS, KEYS, asked, corrected, judge_orders
from started import said_by

from pipelines import releases, settings
from pipelines.airflow_names import INBOX_DAG, WAREHOUSE_DAG
from pipelines.embedded.api import Airflow

pytestmark = pytest.mark.e2e

HANG_SECONDS = 900.0
"""Nothing here is about time; this ends a wait that would last for ever."""


@pytest.fixture
def airflow(home: Path) -> Iterator[Airflow]:
    """What `urbanbrain up` started, on a home that has bad rows, until the test is over."""
    judge_orders(*BAD_ORDERS)
    up = subprocess.Popen(
        [sys.executable, "-m", "pipelines.embedded", "up", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    said = said_by(up)
    try:
        assert re.search(rf"^drop folder +{re.escape(str(settings.inbox()))}$", said, re.MULTILINE), said
        started = Airflow(re.findall(r"^Airflow +(http\S+)$", said, re.MULTILINE)[0])
        started.sign_in()
        yield started
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate()


def until(what: str, found: Callable[[], Any]) -> Any:
    """What is found, once something is."""
    deadline = time.monotonic() + HANG_SECONDS
    while not (answer := found()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.5)
    return answer


def ended(airflow: Airflow, dag_id: str, kind: str) -> list[dict[str, Any]]:
    """Runs of a DAG that something started and that are over."""
    return [
        each
        for each in airflow.runs(dag_id)
        if each["run_type"] == kind and each["state"] in ("success", "failed")
    ]


def test_a_dropped_sheet_is_taken_in_and_its_rows_are_in_the_next_release(
    airflow: Airflow, home: Path, tmp_path: Path
) -> None:
    until("the run of the last hour", lambda: ended(airflow, INBOX_DAG, "scheduled"))

    assert [] == ended(airflow, INBOX_DAG, "asset_triggered")

    corrected(tmp_path).save().rename(settings.inbox() / "霍营 更正表.xlsx")
    until("the watcher", lambda: ended(airflow, INBOX_DAG, "asset_triggered"))
    runs = airflow.runs(INBOX_DAG)
    told = [airflow.announced(INBOX_DAG, run["dag_run_id"]) for run in runs]

    assert {"success"} == {run["state"] for run in runs}
    assert [{"sheets": 1, "failed": 0, "accepted": 3, "returned": 1}] == list(filter(None, told))
    assert [] == [path.name for path in settings.inbox().iterdir() if path.is_file()]
    assert [".sealed", ".txt"] == sorted(path.suffix for path in (settings.inbox() / "done").iterdir())

    until("the warehouse", lambda: ended(airflow, WAREHOUSE_DAG, "asset_triggered"))
    assert ["success"] == [run["state"] for run in ended(airflow, WAREHOUSE_DAG, "asset_triggered")]
    assert 3 == len(asked("select * from ops.corrections where outcome = 'accepted'"))
    members = releases.current().detail["governance.case_members"].files[0]
    assert [KEYS[0], KEYS[1], KEYS[2], "HL-20261117-000004"] == [
        key for (key,) in duckdb.sql(f"select source_id from '{members}' order by all").fetchall()
    ]
