"""Runs the tasks of the areas DAG as Airflow would, one after the other, and prints what each said as JSON.

Usage: python area_dag_runs.py <dags folder> <airflow home> <params as JSON>...
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import Any


def said(task: Any, params: dict[str, Any]) -> Any:
    try:
        return task.python_callable(params=params)
    except Exception as error:  # noqa: BLE001 – the test compares what was raised
        return f"{type(error).__name__}: {error}"


def main(folder: str, home: str, *runs: str) -> None:
    os.environ.update(AIRFLOW_HOME=home, AIRFLOW__CORE__LOAD_EXAMPLES="False")
    sys.path.insert(0, folder)
    dag = runpy.run_path(f"{folder}/areas.py")["areas_dag"]
    heavy = [name for name in ("duckdb", "numpy", "pyarrow", "shapely") if name in sys.modules]
    answers = [
        {task.task_id: said(task, json.loads(params)) for task in dag.topological_sort()} for params in runs
    ]
    print(
        json.dumps(
            {
                "heavy": heavy,
                "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
                "pools": {task.task_id: task.pool for task in dag.tasks},
                "params": sorted(dag.params),
                "answers": answers,
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
