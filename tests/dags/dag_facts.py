"""Reads the DAG files as Airflow's DAG processor does, in a process of its own, and prints what it found as JSON.

Usage: python dag_facts.py <dags folder> <home> <project>...   – one reading of the DAG files for each project
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
import types
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HEAVY = ("duckdb", "great_expectations", "numpy", "pandas", "pyarrow", "requests", "scipy", "sqlglot")
DAY = datetime(2026, 11, 17, tzinfo=UTC)


def timed(read: Callable[[], Any]) -> tuple[Any, float]:
    """What is read, and the processor seconds it took; the best of three readings, for a machine is never quiet."""
    found, seconds = None, float("inf")
    for _ in range(3):
        began = time.process_time()
        found = read()
        seconds = min(seconds, time.process_time() - began)
    return found, seconds


def plain_seconds(project: str) -> float:
    """What the rival takes for the largest contract: PyYAML's `safe_load`, which judges nothing and makes no DAG."""
    import yaml

    text = (Path(project) / "contracts" / "city" / "hotline_orders.odcs.yaml").read_text(encoding="utf-8")
    return timed(lambda: yaml.safe_load(text))[1]


def read(project: str, folder: str) -> dict[str, Any]:
    """Both DAG files for the contracts of one project."""
    os.environ["URBANBRAIN_PROJECT"] = project
    feeds, seconds = timed(lambda: runpy.run_path(f"{folder}/feeds.py"))
    others = [runpy.run_path(f"{folder}/{name}.py") for name in ("warehouse", "monitor")]
    return {"namespaces": [feeds, *others], "seconds": seconds}


def facts(dag: Any) -> dict[str, Any]:
    timetable = dag.timetable
    return {
        "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
        "pools": sorted({task.pool for task in dag.tasks}),
        "outlets": [asset.uri for task in dag.tasks for asset in task.outlets],
        "groups": [asset.group for task in dag.tasks for asset in task.outlets],
        "cron": getattr(timetable, "expression", None),
        "timezone": str(getattr(timetable, "timezone", "")),
        "assets": sorted(
            asset.uri for asset in getattr(getattr(timetable, "asset_condition", None), "objects", [])
        ),
        "condition": type(getattr(timetable, "asset_condition", None)).__name__,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "params": sorted(dag.params),
        "deadlines": [[alert.callback.path, alert.interval.total_seconds()] for alert in dag.deadline or []],
        "policies": {task.task_id: type(task.retry_policy).__name__ for task in dag.tasks},
        "rules": {task.task_id: str(task.trigger_rule.value) for task in dag.tasks},
        "at_once": {
            task.task_id: task.max_active_tis_per_dag for task in dag.tasks if task.max_active_tis_per_dag
        },
        "approval": next((question(task) for task in dag.tasks if task.task_id == "approval"), None),
    }


def question(task: Any) -> dict[str, Any]:
    return {
        "options": task.options,
        "defaults": task.defaults,
        "retries": task.retries,
        "params": sorted(task.params),
    }


def dags(reading: dict[str, Any]) -> dict[str, Any]:
    from airflow.sdk import DAG

    found = [value for namespace in reading["namespaces"] for value in namespace.values()]
    return {value.dag_id: value for value in found if isinstance(value, DAG)}


def decisions(policy: Any) -> dict[str, str]:
    """What the retry policy says to every error of ours, and to one of nobody's."""
    from pipelines import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    raised: list[Exception] = [kind("x") for kind in kinds]
    return {
        type(error).__name__: policy.evaluate(error, 1, 5).action.value
        for error in [*raised, ValueError("x")]
    }


def message_of(call: Callable[[], object]) -> str:
    try:
        return repr(call())
    except Exception as error:  # noqa: BLE001 – the test compares what was raised
        return f"{type(error).__name__}: {error}"


def calls(feed: Any) -> dict[str, Any]:
    """What the bodies of a feed's tasks call, and what they announce."""
    made: list[tuple[str, list[str]]] = []
    fake = types.ModuleType("pipelines.run")

    def note(name: str, answer: object) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            made.append((name, [str(argument) for argument in arguments]))
            return answer

        return call

    for name, answer in {"land": "landed", "gate": "validated", "counts": {"received": 3}}.items():
        setattr(fake, name, note(name, answer))
    import pipelines

    sys.modules["pipelines.run"] = fake
    pipelines.run = fake  # type: ignore[attr-defined]
    outlet = feed.get_task("gate").outlets[0]
    events = {outlet: types.SimpleNamespace(extra={})}
    land, gate = (feed.get_task(name).python_callable for name in ("land", "gate"))
    by_hand = {"window_start": "2026-11-16T00:00:00+08:00", "window_end": "2026-11-17T00:00:00+08:00"}
    result = {
        "interval": land(params={}, data_interval_start=DAY, data_interval_end=DAY.replace(day=18)),
        "by_hand": land(params={**by_hand, "as_of": "2026-11-17T00:40:00+08:00"}, data_interval_start=DAY),
        "days": land(
            params={"window_start": "2026-11-16", "window_end": "2026-11-17"}, data_interval_start=DAY
        ),
        "gate": gate("landed", outlet_events=events),
        "half": message_of(lambda: land(params={"window_start": "2026-11-16"}, data_interval_start=DAY)),
        "none": message_of(land),
    }
    return {"results": result, "made": list(made), "extra": events[outlet].extra}


def held(feed: Any) -> dict[str, Any]:
    """What the tasks do when the gate holds a batch, and when a person lets it in or keeps it out."""
    from pipelines.errors import BatchHeld, BatchRejected

    fake = sys.modules["pipelines.run"]
    pushed: list[tuple[str, object]] = []
    ti = types.SimpleNamespace(xcom_push=lambda key, value: pushed.append((key, value)))
    gate, release = (feed.get_task(name).python_callable for name in ("gate", "release"))
    outlet = feed.get_task("gate").outlets[0]

    def raises(error: Exception) -> Callable[..., object]:
        def call(*_: object) -> object:
            raise error

        return call

    setattr(fake, "question", lambda _: {"subject": "s", "body": "b"})  # noqa: B010
    events = [{outlet: types.SimpleNamespace(extra={})} for _ in range(3)]
    setattr(fake, "gate", raises(BatchHeld("too many")))  # noqa: B010
    result = {"gate": message_of(lambda: gate("landed", ti=ti, outlet_events=events[0])), "pushed": pushed}
    setattr(fake, "answer", lambda *_: "validated")  # noqa: B010
    result["approved"] = message_of(lambda: release("landed", {}, outlet_events=events[1]))
    setattr(fake, "answer", raises(BatchRejected("kept out")))  # noqa: B010
    result["rejected"] = message_of(lambda: release("landed", {}, outlet_events=events[2]))
    return {**result, "extra": [event[outlet].extra for event in events]}


def plugins(folder: str) -> dict[str, Any]:
    """What Airflow makes of the plugins folder, as the menu of its pages is told; and without a page to show."""
    from airflow.plugins_manager import get_plugin_info

    found = [
        each for each in get_plugin_info({"source", "external_views"}) if each["name"] == "urban_brain_page"
    ]
    os.environ["URBANBRAIN_PAGE_URL"] = ""
    without = runpy.run_path(f"{folder}/plugins/page_view.py")["PageView"].external_views
    return {"found": [{**each, "source": str(each["source"])} for each in found], "without": without}


def main(folder: str, home: str, projects: list[str]) -> None:
    os.environ.update(
        AIRFLOW_HOME=home,
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__PLUGINS_FOLDER=f"{folder}/plugins",
        URBANBRAIN_PAGE_URL="http://127.0.0.1:8610/",
    )
    sys.path.insert(0, folder)
    readings = [read(project, folder) for project in projects]
    heavy = [name for name in HEAVY if name in sys.modules]
    found = [dags(reading) for reading in readings]
    os.environ["URBANBRAIN_PROJECT"] = projects[0]
    again = dags({"namespaces": [runpy.run_path(f"{folder}/repulls.py")]})
    heavy += [name for name in HEAVY if name in sys.modules and name not in heavy]

    os.environ["URBANBRAIN_POSTGRES"] = "postgresql://loader@db.example/serving"
    served = dags({"namespaces": [runpy.run_path(f"{folder}/warehouse.py")]})
    del os.environ["URBANBRAIN_POSTGRES"]

    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "feed__city_projects"
    within = sorted(dags(read(projects[0], folder)))
    one = next(iter(found[0].values()))
    broken = [dag for dag in found[1].values() if "broken contract" in dag.tags]
    print(
        json.dumps(
            {
                "heavy": heavy,
                "seconds": [reading["seconds"] for reading in readings],
                "plain_seconds": plain_seconds(projects[0]),
                "dags": [{name: facts(dag) for name, dag in reading.items()} for reading in found],
                "within_a_task": within,
                "served": {name: facts(dag) for name, dag in served.items()},
                "again": {name: facts(dag) for name, dag in again.items()},
                "decisions": decisions(one.tasks[0].retry_policy),
                "retries": one.tasks[0].retries,
                "calls": calls(one),
                "held": held(one),
                "plugins": plugins(folder),
                "broken": [message_of(dag.tasks[0].python_callable) for dag in broken],
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [str(Path(project)) for project in sys.argv[3:]])
