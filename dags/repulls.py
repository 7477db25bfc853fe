"""Sources asked once more, as contracts say: `re_pull__<feed>` for its last days every night, `census__<feed>` for all
it holds every month. A run asks for what is there now, whenever it runs; a missed one is not made up for.

What a census lacks is marked as gone once it is loaded, and never deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, dag, get_parsing_context, task
from airflow.sdk.exceptions import AirflowSkipException
from retries import RETRY_WHAT_WAITING_CURES
from validated import validated

from pipelines import airflow_names, settings
from pipelines import contract as contracts
from pipelines.contract import Contract
from pipelines.errors import BatchHeld, BatchRejected, ContractError

TITLES = {"re_pull": "重新采集", "census": "全量普查"}


def build(contract: Contract, kind: str, schedule: str) -> DAG:
    """The DAG that asks one source once more."""
    asset = validated(contract)

    @dag(
        dag_id=airflow_names.again_dag(contract.feed_id, kind),
        dag_display_name=f"{contract.feed_id} {contract.business_name} {TITLES[kind]}",
        description=f"{contract.title}, asked for once more.",
        doc_md=__doc__,
        schedule=CronTriggerTimetable(schedule, timezone=contract.timezone)
        if settings.is_scheduled()
        else None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args={"owner": contract.owner or "urbanbrain", **RETRY_WHAT_WAITING_CURES},
        tags=[contract.level, kind],
    )
    def again() -> None:
        @task
        def land() -> str:
            from pipelines import run

            return run.ask_again(contract.feed_id, kind)  # type: ignore[arg-type]

        @task(outlets=[asset])
        def gate(landed: str, outlet_events: Any = None) -> str:
            from pipelines import run

            try:
                folder = run.gate(landed)
            except (
                BatchHeld,
                BatchRejected,
            ) as stays_out:  # `urbanbrain held` shows it and takes the decision
                raise AirflowSkipException(stays_out.message) from None
            outlet_events[asset].extra = run.counts(folder)
            return folder

        gate(land())

    return again()


def of(contract: Contract) -> Iterator[DAG]:
    """What a contract asks for."""
    if contract.re_pull:
        yield build(contract, "re_pull", contract.re_pull.schedule)
    if contract.census:
        yield build(contract, "census", contract.census.schedule)


def wanted(dag_id: str | None) -> list[DAG]:
    """What Airflow asks for: all DAGs when it reads this file, those of one feed while a task runs."""
    if dag_id is None:
        return [made for contract in contracts.read_all()[0] for made in of(contract)]
    for prefix in airflow_names.AGAIN.values():
        if dag_id.startswith(prefix):
            try:
                return list(of(contracts.load(dag_id.removeprefix(prefix))))
            except ContractError:  # the feed's own DAG says what is wrong
                return []
    return []


globals().update({made.dag_id: made for made in wanted(get_parsing_context().dag_id)})
