"""Reads the inbox DAG as Airflow would, lets its watcher look at a folder, runs its task, and prints what came of it.

Usage: python inbox_facts.py <dags folder> <airflow home>
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import sys
import types
from pathlib import Path
from typing import Any

HANG_SECONDS = 300
"""The first look imports what it needs; nothing here is about time."""


async def first_events(trigger: Any, inbox: Path) -> list[Any]:
    """What the trigger says of an empty folder, of a file in it, of the same file still lying there, of the same file
    being taken, and of another one of that name.
    """

    def drop(content: bytes) -> None:
        (inbox / "sheet.xlsx").write_bytes(content)
        os.utime(inbox / "sheet.xlsx", (1, 1))

    events = trigger.run()
    waited = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.3)
    told: list[Any] = [waited.done()]
    drop(b"no workbook")
    told.append((await asyncio.wait_for(waited, HANG_SECONDS)).payload)
    again = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.3)
    told.append(again.done())
    (inbox / "taking").mkdir()
    (inbox / "sheet.xlsx").rename(inbox / "taking" / "sheet.xlsx")
    await asyncio.sleep(0.3)
    told.append(again.done())
    drop(b"no workbook either")
    told.append((await asyncio.wait_for(again, HANG_SECONDS)).payload)
    return told


def main(folder: str, home: str) -> None:
    os.environ.update(AIRFLOW_HOME=home, AIRFLOW__CORE__LOAD_EXAMPLES="False")
    sys.path.insert(0, folder)
    dag = runpy.run_path(f"{folder}/inbox.py")["inbox_dag"]
    heavy = [
        name
        for name in ("duckdb", "numpy", "pyarrow", "openpyxl", "requests", "smtplib", "sqlglot")
        if name in sys.modules
    ]
    from inbox_trigger import InboxTrigger

    from pipelines import settings

    classpath, arguments = InboxTrigger(0.05, 0.1).serialize()
    inbox = settings.inbox()
    inbox.mkdir(parents=True)
    events = asyncio.run(first_events(InboxTrigger(**arguments), inbox))
    task = dag.get_task("take")
    outlets = {task.outlets[0]: types.SimpleNamespace(extra={})}
    try:
        answer = task.python_callable(outlet_events=outlets)
    except Exception as error:  # noqa: BLE001 – the test compares what was raised
        answer = type(error).__name__
    print(
        json.dumps(
            {
                "heavy": heavy,
                "classpath": classpath,
                "watchers": [
                    watcher.name
                    for asset in dag.timetable.asset_condition.objects
                    for watcher in getattr(asset, "watchers", ())
                ],
                "events": events,
                "answer": answer,
                "folders": {
                    path.name: len(list(path.iterdir())) for path in inbox.iterdir() if path.is_dir()
                },
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
