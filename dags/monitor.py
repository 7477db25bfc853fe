"""Every ten minutes: how each feed stands by the clock; the owners of its level are told what changed, once a change.

Looks at contracts, business calendar and lake, so it neither waits for the warehouse nor keeps it. It fails when
somebody could not be told, and its next run tells them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task

from pipelines import settings
from pipelines.airflow_names import MONITOR_DAG


@dag(
    dag_id=MONITOR_DAG,
    dag_display_name="monitor 到达监测",
    description="Tells the owners of each level which of their feeds are late, missing, held or well again.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC") if settings.is_scheduled() else None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(minutes=30),
    default_args={"owner": "urbanbrain", "retries": 0},
)
def monitor() -> None:
    @task(multiple_outputs=False)
    def notify() -> dict[str, Any]:
        from pipelines import run

        told = run.notify()
        return {"changes": len(told["changes"]), "sent": told["sent"]}

    notify()


monitor_dag = monitor()
