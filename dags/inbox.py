"""Takes in the corrected sheets that street offices drop into `inbox/` of URBANBRAIN_HOME (or URBANBRAIN_INBOX).

A watcher looks into the folder every ten seconds, which needs a triggerer; where there is none the DAG runs once an
hour, or when somebody triggers it. A sheet ends in `done` or in `failed`, with a text beside it that says what became
of each row. What was taken is announced, and the warehouse loads it. `urbanbrain quarantine inbox` does the same by hand.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from inbox_trigger import InboxTrigger
from retries import RETRY_WHAT_WAITING_CURES
from validated import corrected

from pipelines import settings
from pipelines.airflow_names import INBOX_DAG

dropped = Asset(
    name="quarantine_inbox",
    uri="urbanbrain://inbox",
    group="desk",
    watchers=[AssetWatcher(name="quarantine_inbox", trigger=InboxTrigger())],
)
hourly = AssetOrTimeSchedule(timetable=CronTriggerTimetable("17 * * * *", timezone="UTC"), assets=[dropped])


@dag(
    dag_id=INBOX_DAG,
    dag_display_name="inbox 更正表收件箱",
    description="Takes in the corrected sheets that street offices drop.",
    doc_md=__doc__,
    schedule=hourly if settings.is_scheduled() else [dropped],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "urbanbrain", **RETRY_WHAT_WAITING_CURES},
    tags=["desk"],
)
def inbox() -> None:
    @task(outlets=[corrected], multiple_outputs=False)
    def take(outlet_events: Any = None) -> dict[str, int]:
        from pipelines import run

        told = run.inbox_summary(run.take_inbox())
        if not told["accepted"] + told["returned"]:
            raise AirflowSkipException("no sheet brought anything new")
        outlet_events[corrected].extra = told
        return told

    take()


inbox_dag = inbox()
