"""OpenLineage events: one run of one job, told when it starts and when it ends. Never fails, and never holds up, what it tells of.

A run's id is new each time: doing the same again is another run of the same job. Inside an Airflow task the task is
its parent, under the very id the Airflow provider gives it.

Where events go is the client's own configuration (`OPENLINEAGE__TRANSPORT__…`, `OPENLINEAGE_URL`, `openlineage.yml`);
without any they go to one file under the home. `OPENLINEAGE_DISABLED=true` tells nothing.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import lake, privacy, settings
from pipelines.errors import BatchHeld, UrbanBrainError
from pipelines.lake import Window

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import InputDataset, OutputDataset

_log = logging.getLogger(__name__)
_LONGEST = 2_000
_KEPT = 8
_SILENT_SECONDS = 60.0


@dataclass
class Running:
    """A run that goes on; what it read and wrote is filled in while it does."""

    job: str
    run_id: str
    parent: settings.ParentRun | None = None
    nominal: Window | None = None
    owner: str = ""
    sql: str = ""
    inputs: list[InputDataset] = field(default_factory=list)
    outputs: list[OutputDataset] = field(default_factory=list)
    facets: dict[str, Any] = field(default_factory=dict)

    def as_parent(self) -> settings.ParentRun:
        """How runs inside this one name it."""
        return settings.ParentRun(settings.lineage_namespace(), self.job, self.run_id)


@contextmanager
def running(
    job: str,
    *,
    nominal: Window | None = None,
    owner: str = "",
    before: Callable[[Running], None] | None = None,
) -> Iterator[Running]:
    """Tell that a job starts, and when the block ends how it did: COMPLETE, ABORT for a held batch, FAIL.

    `before` fills in what is known at the start.
    """
    run = Running(job, "", nominal=nominal, owner=owner)
    with silently():
        run.run_id, run.parent = new_id(), settings.parent_run()
        if before and not settings.lineage_is_off():
            before(run)
    tell(run, "START")
    try:
        yield run
    except BaseException as error:
        tell(run, "ABORT" if isinstance(error, BatchHeld) else "FAIL", error=error)
        raise
    tell(run, "COMPLETE")


def tell(run: Running, state: str, *, error: BaseException | None = None, at: datetime | None = None) -> None:
    """Emit one event; what goes wrong with it is warned of once in a process, and harms nobody."""
    if settings.lineage_is_off() or _silence.holds:
        return
    with silently():
        _client_of(str(settings.home())).emit(_event(run, state, error, at or datetime.now(UTC)))


@contextmanager
def silently() -> Iterator[None]:
    """Let nothing out that goes wrong in telling."""
    try:
        yield
    except Exception as reason:  # noqa: BLE001 - whatever a transport may do, the stage goes on
        _silence.begin(reason)


def said(error: BaseException) -> str:
    """An error for everybody's eyes: ours carry no values, of others the kind is told and no more."""
    if isinstance(error, UrbanBrainError):
        return str(error)[:_LONGEST]
    return type(error).__name__


def _event(run: Running, state: str, error: BaseException | None, at: datetime) -> Any:
    from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState

    return RunEvent(
        eventType=RunState[state],
        eventTime=at.isoformat(),
        run=Run(runId=run.run_id, facets=_run_facets(run, error)),
        job=Job(namespace=settings.lineage_namespace(), name=run.job, facets=_job_facets(run)),
        # What they look like is told once, at the end.
        inputs=[InputDataset(namespace=each.namespace, name=each.name) for each in run.inputs]
        if state == "START"
        else list(run.inputs),
        outputs=list(run.outputs) if state == "COMPLETE" else [],
        producer=_producer(),
    )


def _run_facets(run: Running, error: BaseException | None) -> dict[str, Any]:
    from openlineage.client.facet_v2 import error_message_run, nominal_time_run, parent_run

    facets = dict(run.facets)
    if run.nominal:
        facets["nominalTime"] = nominal_time_run.NominalTimeRunFacet(
            nominalStartTime=run.nominal.start.isoformat(), nominalEndTime=run.nominal.end.isoformat()
        )
    if run.parent:
        facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(runId=run.parent.run_id),
            job=parent_run.Job(namespace=run.parent.namespace, name=run.parent.job),
        )
    if error is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=said(error), programmingLanguage="python"
        )
    return facets


def _job_facets(run: Running) -> dict[str, Any]:
    from openlineage.client.facet_v2 import job_type_job, ownership_job, sql_job

    kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="URBANBRAIN", jobType="JOB")
    facets: dict[str, Any] = {"jobType": kind}
    if run.owner:
        facets["ownership"] = ownership_job.OwnershipJobFacet(owners=[ownership_job.Owner(name=run.owner)])
    if run.sql:
        facets["sql"] = sql_job.SQLJobFacet(query=run.sql, dialect="duckdb")
    return facets


def new_id() -> str:
    """An id for a run that nobody had before; empty when nobody listens."""
    if settings.lineage_is_off():
        return ""
    from openlineage.client.uuid import generate_new_uuid

    return str(generate_new_uuid())


@functools.cache
def _producer() -> str:
    from openlineage.client.event_v2 import set_producer
    from openlineage.client.facet_v2 import set_producer as set_of_facets

    producer = f"urn:urbanbrain:{importlib.metadata.version('urbanbrain')}"
    set_producer(producer)
    set_of_facets(producer)
    return producer


@functools.lru_cache(maxsize=4)
def _client_of(home: str) -> OpenLineageClient:
    """A client for events of this home: configured from outside, or else writing our one file."""
    from openlineage.client import OpenLineageClient

    from pipelines.telling.one_file import OneFile, OneFileConfig

    _producer()
    logging.getLogger("openlineage.client").setLevel(logging.WARNING)  # which transport it uses is no news
    # What the client would add of itself: where this checkout was cloned from is nobody's business.
    config = {"facets": {"source_code_location": {"disabled": True}}}
    if settings.lineage_goes_elsewhere():
        return OpenLineageClient(config=config)
    return OpenLineageClient(transport=OneFile(OneFileConfig.from_dict({})), config=config)


def surplus() -> list[Path]:
    """Full files of events beyond those that are kept, oldest first."""
    path = lake.lineage_events()
    return sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"))[:-_KEPT]


class _Silence:
    """After a transport failed nothing is tried for a while: a stage does not wait for it again and again."""

    def __init__(self) -> None:
        self._until = 0.0
        self._is_warned = False

    @property
    def holds(self) -> bool:
        return time.monotonic() < self._until

    def begin(self, reason: BaseException) -> None:
        self._until = time.monotonic() + _SILENT_SECONDS
        if not self._is_warned:
            said = f"{type(reason).__name__}: {reason}"
            _log.warning("lineage is not told: %s", privacy.scrub(said)[:_LONGEST])
        self._is_warned = True


_silence = _Silence()
