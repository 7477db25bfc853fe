"""How well records are linked: a sample city of so many days goes through staging, gate, loading and the models of
linkage in a home of its own, and its cases are held against the city's answer key.

Pairs are counted: of those put into one case how many are one problem (precision), and of those that are one problem
how many are in one case (recall). Only records that were loaded count; a row in quarantine cannot be linked.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import contract, database, lake, settings
from pipelines.parts import PartWriter, landing_key
from pipelines.provenance import inputs
from pipelines.receipt import Receipt
from pipelines.samplecity import answerkey
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.desks import _Paged
from pipelines.samplecity.world import BEIJING, PULL_DELAY, City

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.samplecity.source import Source

LEAST_PRECISION, LEAST_RECALL = 0.98, 0.90
"""What a year of the sample city must reach."""
_PAGE = 20_000
_NEEDED = ("governance.case_members", "governance.case_links", "governance.link_review")
_TABLE = """
create schema if not exists samplecity;
create table if not exists samplecity.linkage_evaluations (
    evaluated_at timestamptz not null, seed bigint not null, scale double not null, days bigint not null,
    rule_version varchar not null, inputs varchar not null, records bigint not null, true_pairs bigint not null,
    linked_pairs bigint not null, right_pairs bigint not null, precision double not null, recall double not null,
    b_cubed_precision double not null, b_cubed_recall double not null, review_pairs bigint not null,
    review_right_pairs bigint not null, link_seconds double not null, by_rule json not null, by_evidence json not null
)
"""


@dataclass(frozen=True)
class Evaluation:
    """What came out. `by_rule`: links of each rule and how many are right; `by_evidence`: of records tied to their
    problem only by that, how many there are and how many were found."""

    seed: int
    scale: float
    days: int
    rule_version: str
    records: int
    true_pairs: int
    linked_pairs: int
    right_pairs: int
    b_cubed_precision: float
    b_cubed_recall: float
    review_pairs: int
    review_right_pairs: int
    link_seconds: float
    by_rule: dict[str, tuple[int, int]]
    by_evidence: dict[str, tuple[int, int]]

    @property
    def precision(self) -> float:
        return self.right_pairs / self.linked_pairs if self.linked_pairs else 1.0

    @property
    def recall(self) -> float:
        return self.right_pairs / self.true_pairs if self.true_pairs else 1.0

    def reaches(self, precision: float = LEAST_PRECISION, recall: float = LEAST_RECALL) -> bool:
        """Whether both targets are met."""
        return self.precision >= precision and self.recall >= recall


def evaluate(
    days: int = 365, scale: float = 1.0, seed: int = 7, say: Callable[[str], None] = lambda _: None
) -> Evaluation:
    """Make the city, take it through the channel in a home that is gone afterwards, and count.

    `say` is told what is being done. A year of the whole city takes a few minutes.
    """
    city = City(seed=seed, scale=scale, history_days=days)
    clock = datetime.combine(city.first_day, datetime.min.time()) + PULL_DELAY
    with tempfile.TemporaryDirectory(prefix="urbanbrain-") as folder, settings.at(Path(folder)):
        connection = database.memory()
        try:
            _load(connection, city, clock, say)
            say("linking")
            began = time.monotonic()
            _link(connection)
            seconds = time.monotonic() - began
            say("comparing")
            truth = answerkey.links(city, clock)  # noqa: F841 (DuckDB reads it by its name)
            connection.execute("create temp table truth as from truth")
            return Evaluation(seed, scale, days, link_seconds=round(seconds, 1), **_counted(connection))
        finally:
            connection.close()


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """Everything that came out, by name."""
    return dataclasses.asdict(evaluation) | {
        "precision": evaluation.precision,
        "recall": evaluation.recall,
    }


def record(evaluation: Evaluation) -> None:
    """Keep the figures in `samplecity.linkage_evaluations` of this home's warehouse."""
    values = figures(evaluation) | {
        "evaluated_at": settings.now(),
        "inputs": inputs.build_digest(settings.project()),
        "by_rule": json.dumps(evaluation.by_rule),
        "by_evidence": json.dumps(evaluation.by_evidence),
    }
    with database.writer(lake.warehouse_file()) as connection:
        connection.execute(_TABLE)
        connection.execute(
            f"insert into samplecity.linkage_evaluations ({', '.join(values)}) values ({', '.join('?' * len(values))})",
            list(values.values()),
        )


def _load(connection: DuckDBPyConnection, city: City, clock: datetime, say: Callable[[str], None]) -> None:
    from pipelines.embedded.scenario import make_keys
    from pipelines.stages import gate, loading, staging

    make_keys()
    for source in SOURCES:
        if source.links:
            say(f"{source.feed_id}: landing")
            landed = landed_whole(source, city, clock, city.first_day)
            feed = contract.load(source.feed_id)
            say(f"{source.feed_id}: gate")
            gate.gate(feed, staging.stage(feed, landed), is_approved=True)
    loading.load(connection, contract.load_all())


def landed_whole(
    source: Source, city: City, clock: datetime, day: date, since: datetime | None = None
) -> Path:
    """All a feed holds at `clock` as one landed batch, told as the desk tells it on `day`.

    With `since`, as local as `clock`, what a pull from then on asks for.
    """
    feed = contract.load(source.feed_id)
    start = since or datetime.combine(city.history_start, datetime.min.time())
    window = lake.Window(*(each.replace(tzinfo=BEIJING).astimezone(UTC) for each in (start, clock)))
    wire = source.rows(city, since - source.look_back if since else None, None, clock)
    desk = source.desk
    if isinstance(desk, _Paged):
        desk = dataclasses.replace(desk, file_page=_PAGE)  # type: ignore[type-var]
    parts = desk.parts(source, city, wire, day)
    told = f"{window.start.isoformat()}\n{window.end.isoformat()}\n".encode()
    digest = hashlib.sha256(told + b"".join(content for _, content in parts)).hexdigest()[:16]
    batch = lake.Batch(source.feed_id, window, digest)
    with lake.new_folder(batch.folder("landing")) as folder:
        writer = PartWriter(folder, landing_key(feed))
        for _, content in parts:
            writer(content, feed.server("sample").format)
        Receipt(
            stage="landing",
            feed_id=source.feed_id,
            window=window,
            batch_id=batch.batch_id,
            landed_at=window.end,
            contract_version=feed.version,
            contract_sha256=feed.sha256,
            parts=tuple(writer.parts),
            received=len(wire),
            details={"server": "sample"},
        ).write(folder)
    return batch.folder("landing")


def _link(connection: DuckDBPyConnection) -> None:
    """Build the tables of linkage and what they read, and nothing else."""
    from pipelines import areas
    from pipelines.stages import governance

    areas.load_reference(connection, settings.project() / "contracts" / "reference")
    ordered = governance.in_order(connection, governance.read_models(settings.project() / "warehouse"))
    needed = set(_NEEDED)
    for model in reversed(ordered):
        if model.table in needed:
            needed |= model.sources(connection)
    for model in ordered:
        if model.table in needed:
            connection.execute(f"create schema if not exists {model.schema}")
            connection.execute(f"create or replace table {model.table} as {model.query}")


_COUNTS = """
with placed as (
    select members.case_id, truth.problem_id
    from governance.case_members as members
    inner join truth on members.source_feed = truth.feed_id and members.source_id = truth.record_id
),
shared as (
    select case_id, problem_id, count(*) as size from placed group by all
),
cases as (select case_id, count(*) as size from placed group by all),
problems as (select problem_id, count(*) as size from placed group by all)
select
    (select count(*) from placed) as records,
    (select coalesce(sum(size * (size - 1) // 2), 0) from problems)::bigint as true_pairs,
    (select coalesce(sum(size * (size - 1) // 2), 0) from cases)::bigint as linked_pairs,
    (select coalesce(sum(size * (size - 1) // 2), 0) from shared)::bigint as right_pairs,
    (select coalesce(sum(shared.size * shared.size / cases.size) / sum(shared.size), 1)
        from shared inner join cases using (case_id)) as b_cubed_precision,
    (select coalesce(sum(shared.size * shared.size / problems.size) / sum(shared.size), 1)
        from shared inner join problems using (problem_id)) as b_cubed_recall,
    (select coalesce(max(rule_version), '') from ref.link_rules
        where current_date between valid_from and valid_to) as rule_version
"""
_PAIRS = """
select pairs.link_method, count(*), count(*) filter (one.problem_id = other.problem_id)
from {pairs} as pairs
inner join truth as one on pairs.one_feed = one.feed_id and pairs.one_id = one.record_id
inner join truth as other on pairs.other_feed = other.feed_id and pairs.other_id = other.record_id
{where} group by all order by all
"""
_EVIDENCE = """
select truth.evidence, count(*), count(*) filter (members.case_id = roots.case_id)
from truth
inner join governance.case_members as members
    on truth.feed_id = members.source_feed and truth.record_id = members.source_id
inner join governance.case_members as roots on truth.problem_id = roots.source_id
where truth.evidence <> 'first' group by all order by all
"""


def _counted(connection: DuckDBPyConnection) -> dict[str, Any]:
    found = connection.execute(_COUNTS)
    names = [column[0] for column in found.description or ()]
    counts = dict(zip(names, found.fetchone() or (), strict=True))
    by_rule = connection.execute(_PAIRS.format(pairs="governance.case_links", where="")).fetchall()
    waiting = connection.execute(
        _PAIRS.format(pairs="governance.link_review", where="where pairs.review_status = 'pending'")
    ).fetchall()
    by_evidence = connection.execute(_EVIDENCE).fetchall()
    return counts | {
        "review_pairs": sum(row[1] for row in waiting),
        "review_right_pairs": sum(row[2] for row in waiting),
        "by_rule": {row[0]: (row[1], row[2]) for row in by_rule},
        "by_evidence": {row[0]: (row[1], row[2]) for row in by_evidence},
    }
