"""Once a night, what is over goes.

Landed bytes and sheets put away from the drop folder after their retention; what killed writers left a day ago or more;
the oldest files of lineage events; releases that the policy lets go, and the inputs only they were made from.
`urbanbrain upkeep --dry-run` tells what that would be, `urbanbrain release pin` keeps a release.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from retries import RETRY_WHAT_WAITING_CURES

from pipelines import settings


@dag(
    dag_id="upkeep",
    dag_display_name="upkeep 日常维护",
    description="Deletes landed bytes, sheets and releases after their retention, and what killed writers left.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 3 * * *", timezone="UTC") if settings.is_scheduled() else None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "urbanbrain", **RETRY_WHAT_WAITING_CURES},
)
def upkeep() -> None:
    @task(multiple_outputs=False)
    def expire() -> dict[str, Any]:
        from pipelines import run

        return run.upkeep()

    expire()


upkeep_dag = upkeep()
