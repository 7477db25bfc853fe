"""Held batches in a real Airflow: asked about, answered there and on the command line, followed by the warehouse."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import lake, releases, run
from pipelines.airflow_names import WAREHOUSE_DAG, feed_dag
from pipelines.embedded import api
from pipelines.embedded.due import business_day
from pipelines.embedded.interrupts import Interrupts
from pipelines.embedded.scenario import PULLED_AFTER, make_keys
from pipelines.embedded.supervisor import Embedded, free_port
from pipelines.receipt import Receipt

pytestmark = pytest.mark.e2e

FEED = "district_school_places"
PATH = "/education/school-places"
SOUND, *BAD = (date(2026, 11, day) for day in (16, 17, 19, 20, 21))
RUN_SECONDS = 900.0
SETTLED_SECONDS = 4.0
"""Airflow 3.3 fails a task that is answered in the moment it begins to wait."""


@dataclass(frozen=True)
class Running:
    """An Airflow with the sample city, and what a test asks of them."""

    embedded: Embedded
    city: str

    @property
    def airflow(self) -> api.Airflow:
        return self.embedded.airflow

    def trigger(self, day: date) -> None:
        window = business_day(day)
        conf = {
            "window_start": window.start.isoformat(),
            "window_end": window.end.isoformat(),
            "as_of": (business_day(BAD[-1]).end + PULLED_AFTER).isoformat(),
        }
        self.airflow.trigger(feed_dag(FEED), str(day), conf)

    def until(self, what: str, ready: Callable[[], bool]) -> None:
        assert self.embedded.wait_for(ready, seconds=RUN_SECONDS), f"{what}: {self.states()}"

    def states(self) -> dict[str, dict[str, str]]:
        return {
            each["dag_run_id"]: {task["task_id"]: task["state"] for task in self.tasks(each["dag_run_id"])}
            for each in self.airflow.runs(feed_dag(FEED))
        }

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        return self.airflow.tasks(feed_dag(FEED), run_id)

    def state(self, day: date) -> str:
        return next(
            each["state"] for each in self.airflow.runs(feed_dag(FEED)) if each["dag_run_id"] == str(day)
        )

    def question(self, day: date) -> dict[str, Any]:
        """What the run of that day asks, once it waits for the answer."""

        def asked() -> list[dict[str, Any]]:
            return [
                each
                for each in self.airflow.questions(feed_dag(FEED), str(business_day(day).start.date()))
                if each["task_instance"]["dag_run_id"] == str(day)
                and each["task_instance"]["state"] == "awaiting_input"
            ]

        self.until(f"the question about {day}", lambda: bool(asked()))
        time.sleep(SETTLED_SECONDS)
        return asked()[0]

    def events(self, day: date) -> int:
        """How often the run of that day said that there are new rows."""
        return len(self.airflow.events(feed_dag(FEED), str(day)))

    def command(self, *words: str, told: bool = True) -> str:
        """`urbanbrain …` in a process of its own, as a person types it; returns all it says."""
        environment = os.environ | ({"URBANBRAIN_AIRFLOW_URL": self.airflow.url} if told else {})
        answer = subprocess.run(
            [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr


@pytest.fixture
def running(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    for name in ("URBANBRAIN_SECRET_LANDING", "URBANBRAIN_SECRET_CALLER"):
        monkeypatch.delenv(name)
    make_keys()
    port = free_port()
    city = f"http://127.0.0.1:{port}"
    environment = {"URBANBRAIN_SERVER": "sample", "URBANBRAIN_SAMPLE_CITY_URL": city}
    with (
        Interrupts() as interrupts,
        Embedded(interrupts, fresh=True, paused=False, scheduled=False, environment=environment) as embedded,
    ):
        embedded.run(
            "sample-city",
            [sys.executable, "-m", "pipelines.samplecity", "serve", "--port", str(port), "--scale", "0.1"],
        )
        embedded.start({WAREHOUSE_DAG, feed_dag(FEED)})
        assert embedded.wait_for(lambda: api.answers(f"{city}/clock"), seconds=60)
        api.set_clock(city, business_day(BAD[-1]).end + PULLED_AFTER)
        yield Running(embedded, city)


def test_a_feed_with_40_percent_bad_rows_waits_until_somebody_decides(running: Running) -> None:
    airflow = running.airflow
    running.trigger(SOUND)
    running.until("a sound batch", lambda: running.state(SOUND) == "success")
    states = {task["task_id"]: (task["state"], task["pid"]) for task in running.tasks(str(SOUND))}

    assert ("success", "success") == (states["land"][0], states["gate"][0])
    assert {"approval": ("skipped", None), "release": ("skipped", None), "settled": ("success", None)} == {
        name: states[name] for name in ("approval", "release", "settled")
    }
    assert 1 == running.events(SOUND)

    api.call(
        "PUT",
        f"{running.city}/faults",
        {"path": PATH, "kind": "emptied", "times": 999, "column": "schoolName"},
    )
    for day in BAD:
        running.trigger(day)
    by_airflow, by_command, kept_out, told_late = BAD
    batches = {day: running.question(day)["subject"].split(" · ")[-1] for day in BAD}
    assert {"waiting"} == {row["state"] for row in run.held()}
    body = running.question(by_airflow)["body"]
    assert "break the contract, more than the 20% it allows" in body
    assert "不符合数据合同，超过允许的20%" in body
    assert "`required:school_name`" in body

    airflow.answer(running.question(by_airflow), "approve", {"reason": "names follow"})
    said = running.command(
        "held", "approve", batches[by_command], "--by", "data desk", "--reason", "names follow"
    )
    assert "1 waiting run was answered" in said
    airflow.answer(running.question(kept_out), "reject", {"reason": "not this one"})
    running.command(
        "held", "reject", batches[told_late], "--by", "data desk", "--reason", "nor this", told=False
    )
    airflow.answer(running.question(told_late), "approve", {"reason": "I did not know"})
    for day in BAD:
        running.until(f"the end of {day}", lambda day=day: running.state(day) == "success")

    assert {day: 1 if day in (by_airflow, by_command) else 0 for day in BAD} == {
        day: running.events(day) for day in BAD
    }
    assert {by_airflow: "success", by_command: "success", kept_out: "skipped", told_late: "skipped"} == {
        day: next(task["state"] for task in running.tasks(str(day)) if task["task_id"] == "release")
        for day in BAD
    }
    decided = {
        row["batch_id"]: tuple(row[name] for name in ("state", "decided_by", "reason", "via"))
        for row in run.held()
    }
    assert {
        batches[by_airflow]: ("approved", "Anonymous", "names follow", "airflow"),
        batches[by_command]: ("approved", "data desk", "names follow", "command line"),
        batches[kept_out]: ("rejected", "Anonymous", "not this one", "airflow"),
        batches[told_late]: ("rejected", "data desk", "nor this", "command line"),
    } == decided

    running.until(
        "the warehouse",
        lambda: (
            not airflow.has_queued_events(WAREHOUSE_DAG)
            and all(each["state"] in ("success", "failed") for each in airflow.runs(WAREHOUSE_DAG))
        ),
    )
    assert {"success"} == {each["state"] for each in airflow.runs(WAREHOUSE_DAG)}
    run.load()
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        ledger = connection.execute(
            "select batch_id, state, decided_by, reason, via from ops.held"
        ).fetchall()
        refused = connection.execute("select batch_id from ops.batches where is_refused").fetchall()
        loaded = connection.execute(
            "select batch_id, validated from ops.batches where not is_refused"
        ).fetchall()
        rows = connection.execute(
            "select distinct school_id, stage from district.school_places order by all"
        ).fetchall()
    assert decided == {batch: tuple(rest) for batch, *rest in ledger}
    assert {batches[kept_out], batches[told_late]} == {batch for (batch,) in refused}
    validated = {Receipt.read(folder).batch_id: folder for folder in lake.batches("validated", FEED)}
    assert set(validated) == {batch for batch, _ in loaded}
    assert {batches[by_airflow], batches[by_command]} < set(validated)
    files = ", ".join(f"'{folder / lake.ROWS}'" for folder in validated.values())
    assert (
        rows
        == duckdb.sql(
            f"select distinct school_id, stage from read_parquet([{files}]) order by all"
        ).fetchall()
    )
    assert releases.current().manifest["batches"]
