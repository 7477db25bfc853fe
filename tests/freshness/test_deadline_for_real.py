"""A run that has not ended by its deadline, in a real Airflow without the monitor: the owners of the level are told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sinks
from arriving import arrive_daily

from pipelines import contract
from pipelines.airflow_names import feed_dag
from pipelines.embedded.interrupts import Interrupts
from pipelines.embedded.supervisor import Embedded, free_port

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).resolve().parents[2]
FEED = "street_steward_requests"
CONTRACT = Path("contracts/street/steward_requests.odcs.yaml")
HANG_SECONDS = 600.0
"""Nothing here is about time; this ends a wait that would last for ever."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A city of one feed whose runs have a second to end, and no DAG but those of feeds."""
    folder = tmp_path / "project"
    for room in ("operations", "reference"):
        shutil.copytree(PROJECT / "contracts" / room, folder / "contracts" / room)
    (folder / CONTRACT).parent.mkdir()
    text = (PROJECT / CONTRACT).read_text(encoding="utf-8")
    sooner = text.replace(
        "property: latency\n    value: 6\n    unit: h", "property: latency\n    value: 0.02\n    unit: min"
    )

    assert sooner != text

    (folder / CONTRACT).write_text(sooner, encoding="utf-8")
    (folder / "dags" / "plugins").mkdir(parents=True)
    for name in ("feeds.py", "retries.py", "validated.py"):
        shutil.copy(PROJECT / "dags" / name, folder / "dags" / name)
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(folder))
    return folder


@pytest.fixture
def hook() -> Iterator[tuple[sinks.Hook, str]]:
    with sinks.web() as web:
        yield web


def test_a_run_that_misses_its_deadline_tells_the_owners_of_its_level(
    project: Path, home: Path, hook: tuple[sinks.Hook, str]
) -> None:
    """The source does not answer, so the run waits for its next try when its second is over."""
    posts, url = hook
    arrive_daily(contract.load(FEED), "2026-11-16")
    environment = {
        "URBANBRAIN_SERVER": "sample",
        "URBANBRAIN_SAMPLE_CITY_URL": f"http://127.0.0.1:{free_port()}",
        "URBANBRAIN_NOTIFY_STREET": url,
    }
    with (
        Interrupts() as interrupts,
        Embedded(interrupts, fresh=True, paused=False, scheduled=True, environment=environment) as embedded,
    ):
        embedded.start({feed_dag(FEED)})
        told = embedded.wait_for(lambda: bool(posts.posts), seconds=HANG_SECONDS)
        runs = embedded.airflow.runs(feed_dag(FEED))
        said = [path.read_text(encoding="utf-8") for path in embedded.logs.glob("executor_callbacks/*/*/*")]

    assert told, (runs, said)
    assert [[("street", FEED, "ok", "missing")]] == [
        [
            tuple(change[name] for name in ("level", "feed_id", "before", "after"))
            for change in body["changes"]
        ]
        for body in posts.bodies()
    ]
    assert [("scheduled", "running")] == [(run["run_type"], run["state"]) for run in runs]
