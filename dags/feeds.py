"""One DAG per feed contract: land → gate. A broken contract becomes a DAG that shows what is wrong with it.

A batch that the gate holds is asked about: gate ends as skipped, and only then `approval` waits for a person and
`release` follows the answer, or what was decided on the command line meanwhile. A run whose gate lets the batch
through starts no process for either; `settled` starts none at all, and makes a failed gate a failed run.

A run covers its data interval. A run triggered by hand may name another window:

    {"window_start": "2026-11-17", "window_end": "2026-11-18"}

Both are dates or instants. Dates are whole days of the feed's time zone and `window_end` is the last of them;
an instant as `window_end` is itself not in the window. To replay the past there is `as_of`: the instant the pull
claims to happen at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import (
    DAG,
    CronDataIntervalTimetable,
    DeadlineAlert,
    DeadlineReference,
    Param,
    SyncCallback,
    dag,
    get_parsing_context,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException
from retries import RETRY_WHAT_WAITING_CURES
from validated import validated

from pipelines import airflow_names, markdown, settings
from pipelines import contract as contracts
from pipelines.contract import Contract, Problem
from pipelines.errors import BatchHeld, BatchRejected, ContractError, SettingError

START = datetime(2026, 1, 1, tzinfo=UTC)
AT_ONCE = 2
"""Windows of a feed that are pulled, or judged, at the same time."""
OPEN_RUNS = 32
"""Runs of a feed that may be open: one that waits for a person must not keep the next day from being pulled."""
ASKED_FOR = timedelta(days=7)
"""How long a question stays open. It ends with `later`: the batch goes on waiting, outside of Airflow."""


def build(contract: Contract) -> DAG:
    """The DAG of one feed."""
    schedule = CronDataIntervalTimetable(contract.schedule, timezone=contract.timezone)
    asset = validated(contract)

    @dag(
        dag_id=airflow_names.feed_dag(contract.feed_id),
        dag_display_name=f"{contract.feed_id} {contract.business_name}",
        description=contract.title,
        doc_md=describe(contract),
        schedule=schedule if settings.is_scheduled() else None,
        start_date=START,
        catchup=False,
        max_active_runs=OPEN_RUNS,
        deadline=late(contract) if settings.is_scheduled() else None,
        default_args={"owner": contract.owner or "urbanbrain", **RETRY_WHAT_WAITING_CURES},
        params={
            "window_start": instant("First day or instant of the window. Empty: the data interval."),
            "window_end": instant("Last day of the window, included; or the instant it ends at, excluded."),
            "as_of": instant("When the pull claims to happen, for a replay. Empty: now."),
        },
        tags=[contract.level, *contract.tags],
    )
    def feed() -> None:
        @task(max_active_tis_per_dag=AT_ONCE)
        def land(
            params: Mapping[str, Any] | None = None,
            data_interval_start: datetime | None = None,
            data_interval_end: datetime | None = None,
        ) -> str:
            from pipelines import run

            return run.land(contract.feed_id, *asked(params or {}, data_interval_start, data_interval_end))

        @task(outlets=[asset], max_active_tis_per_dag=AT_ONCE)
        def gate(landed: str, ti: Any = None, outlet_events: Any = None) -> str:
            from pipelines import run

            try:
                folder = run.gate(landed)
            except BatchHeld as held:
                ti.xcom_push("question", run.question(landed))
                raise AirflowSkipException(held.message) from None
            outlet_events[asset].extra = run.counts(folder)
            return folder

        @task(outlets=[asset])
        def release(landed: str, answered: Mapping[str, Any], outlet_events: Any = None) -> str:
            from pipelines import run

            try:
                folder = run.answer(landed, answered)
            except (BatchHeld, BatchRejected) as stays_out:
                raise AirflowSkipException(stays_out.message) from None
            outlet_events[asset].extra = run.counts(folder)
            return folder

        landed = land()
        judged = gate(landed)
        approval = HITLOperator(
            task_id="approval",
            subject=QUESTION.format("subject"),
            body=QUESTION.format("body"),
            options=["approve", "reject", "later"],
            defaults="later",
            response_timeout=ASKED_FOR,
            params={"reason": Param("", type="string", description="理由 Why, for those who ask later.")},
            trigger_rule="all_skipped",
            retries=1,
            retry_policy=None,
        )
        settled = EmptyOperator(task_id="settled", trigger_rule="none_failed")
        judged >> approval
        [judged, release(landed, approval.output)] >> settled

    return feed()


QUESTION = "{{{{ ti.xcom_pull(task_ids='gate', key='question')['{}'] }}}}"
"""What `approval` shows, as `gate` wrote it down."""


def late(contract: Contract) -> DeadlineAlert:
    """A run that has not ended when its delivery is due: the owners of the level are told, as the monitor does."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=contract.latency,
        callback=SyncCallback("pipelines.deadlines.missed"),
        name=f"{contract.feed_id} is due",
    )


def build_broken(feed_id: str, error: ContractError) -> DAG:
    """The DAG of a feed whose contract cannot be used: it tells why, and fails when it is run."""

    @dag(
        dag_id=airflow_names.feed_dag(feed_id),
        description="The contract is broken; see the documentation of this DAG.",
        doc_md=f"The contract of this feed cannot be used.\n\n```\n{error}\n```\n",
        schedule=None,
        start_date=START,
        tags=["broken contract"],
    )
    def feed() -> None:
        @task
        def contract() -> None:
            raise error

        contract()

    return feed()


def asked(
    params: Mapping[str, Any], start: datetime | None, end: datetime | None
) -> tuple[datetime | str, datetime | str, str | None]:
    """The window to pull and the instant to pull it at: what was typed by hand, as it is, or the data interval.

    `run.land` reads the texts and says what is wrong with them. Raises SettingError when there is neither a window
    nor an interval, or only half a window.
    """
    given = {name: str(value) for name, value in params.items() if value}
    first: datetime | str | None = start
    last: datetime | str | None = end
    if "window_start" in given or "window_end" in given:
        first, last = given.get("window_start"), given.get("window_end")
    if first is None or last is None:
        raise SettingError(
            "this run has no data interval, and window_start and window_end are not both given",
            next_step="trigger it again with both, or with a logical date",
        )
    return first, last, given.get("as_of")


def instant(description: str) -> Param:
    """A parameter that is an instant, or empty.

    Without a schema of its own: Airflow would check it again for every feed and at every parse, and `run.land`
    says better what is wrong with an instant.
    """
    return Param(None, description=description)


def describe(contract: Contract) -> str:
    """What the contract promises, as the DAG's documentation."""
    columns = "\n".join(
        markdown.row(
            markdown.code_cell(column.name),
            markdown.cell(column.business_name),
            markdown.cell(column.type),
            markdown.cell(column.description),
        )
        for column in contract.stored_columns
    )
    return f"""\
{markdown.line(contract.description)}

Level **{contract.level}** · owner **{markdown.cell(contract.owner)}** · version {contract.version} · \
`{contract.schedule}` {contract.timezone} · {contract.path}

One row is: {markdown.cell(contract.grain)}. The warehouse keeps it as `{contract.table}`.

| column | 中文 | type | meaning |
|---|---|---|---|
{columns}

By hand, `urbanbrain run {contract.feed_id} --window 2026-11-17` does the same as one run of this DAG.
Past intervals: `airflow backfill create --dag-id {airflow_names.feed_dag(contract.feed_id)} --from-date … --to-date …`
"""


def build_all() -> list[DAG]:
    """Every feed's DAG, in the order of their names. A broken contract harms no other feed."""
    good, problems = contracts.read_all()
    broken = [
        build_broken(feed_id, contracts.contract_error(of_feed))
        for feed_id, of_feed in groupby(sorted(problems, key=about), key=about)
    ]
    return [*map(build, good), *broken]


def build_one(feed_id: str) -> DAG:
    """The DAG of one feed, without reading the other contracts: what a running task needs."""
    try:
        return build(contracts.load(feed_id))
    except ContractError as error:
        return build_broken(feed_id, error)


def about(problem: Problem) -> str:
    """The feed a problem belongs to."""
    return problem.contract_id


def wanted(dag_id: str | None) -> list[DAG]:
    """What Airflow asks for: all DAGs when it reads this file, one while a task runs."""
    if dag_id is None:
        return build_all()
    feed_id = airflow_names.feed_of(dag_id)
    return [build_one(feed_id)] if feed_id else []


globals().update({made.dag_id: made for made in wanted(get_parsing_context().dag_id)})
