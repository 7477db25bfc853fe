"""The one DAG that writes the warehouse: load → build → check → publish, one run at a time.

It starts when any feed has validated data. Several feeds may cause one run or several; a run that finds
nothing new ends after `load`. Where URBANBRAIN_UPLOAD names a place the release goes there, too, and where
URBANBRAIN_POSTGRES names a database it is served there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import AssetAny, dag, get_parsing_context, task
from airflow.sdk.exceptions import AirflowSkipException
from retries import RETRY_WHAT_WAITING_CURES
from validated import corrected, validated

from pipelines import contract as contracts
from pipelines import settings
from pipelines.airflow_names import WAREHOUSE_DAG, WRITER_POOL


def any_feed() -> AssetAny | None:
    """Every feed's validated data, and what offices corrected; a task does not need to know what started its run."""
    if get_parsing_context().dag_id is not None:
        return None
    good, _ = contracts.read_all()
    return AssetAny(*(validated(contract) for contract in good), corrected) if good else None


@dag(
    dag_id=WAREHOUSE_DAG,
    dag_display_name="warehouse 数据仓库",
    description="Loads what feeds have validated, builds the governance tables, publishes a release.",
    doc_md=__doc__,
    schedule=any_feed(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "urbanbrain", "pool": WRITER_POOL, **RETRY_WHAT_WAITING_CURES},
    tags=["governance"],
)
def warehouse() -> None:
    @task(multiple_outputs=False)
    def load() -> dict[str, Any]:
        from pipelines import run

        loaded = run.load()
        if not loaded["unpublished"]:
            raise AirflowSkipException("the current release has everything that is loaded")
        return loaded

    @task(multiple_outputs=False)
    def build() -> dict[str, dict[str, Any]]:
        from pipelines import run

        return run.build()

    @task(multiple_outputs=False)
    def check() -> dict[str, int]:
        from pipelines import run

        return run.check()

    @task
    def publish() -> str:
        from pipelines import run

        return run.publish(catch_up=True)

    @task(pool="default_pool")
    def serve() -> str:
        from pipelines import run

        return run.serve_release().release_id

    @task(pool="default_pool")
    def upload() -> str:
        from pipelines import run

        return run.upload().url

    published = load() >> build() >> check() >> publish()
    if settings.upload_to():
        published >> upload()
    if settings.postgres():
        published >> serve()


warehouse_dag = warehouse()
