"""An official edition of the area code list: which one, what it changes, and, once somebody says so, loading it.

Started by hand. Without `edition` it takes the newest one that feed `city_area_register` has pulled. The first run
shows the differences; a run with `{"apply": true}` loads the edition. It is refused while loaded facts use a code
that the edition drops.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from retries import RETRY_WHAT_WAITING_CURES

from pipelines.airflow_names import WRITER_POOL


def asked(params: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """File, day and day in force, as they were typed; empty where nothing was."""
    given = params or {}
    return tuple(str(given.get(name) or "") for name in ("edition", "edition_date", "in_force"))  # type: ignore[return-value]


@dag(
    dag_id="areas",
    dag_display_name="areas 区划代码",
    description="Shows what an edition of the area code list changes, and loads it.",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "urbanbrain", **RETRY_WHAT_WAITING_CURES},
    params={
        "edition": Param(None, description="Path of the edition. Empty: the newest that was pulled."),
        "edition_date": Param(None, description="Day the list describes, where the file does not say."),
        "in_force": Param(None, description="Day its changes count from, when it is another."),
        "apply": Param(False, type="boolean", description="Load it after showing what it changes."),
    },
    tags=["ref"],
)
def areas() -> None:
    @task(multiple_outputs=False)
    def register(params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        from pipelines import run

        return run.edition_summary(*asked(params))

    @task(multiple_outputs=False)
    def diff(params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        from pipelines import run

        return run.edition_differences(*asked(params))

    @task(multiple_outputs=False, pool=WRITER_POOL)
    def load(params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        from pipelines import run

        if not (params or {}).get("apply"):
            raise AirflowSkipException(
                'the differences are shown; trigger again with {"apply": true} to load'
            )
        return run.load_edition(*asked(params))

    register() >> diff() >> load()


areas_dag = areas()
