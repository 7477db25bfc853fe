"""What is told of each stage: which job, what it read and wrote, and what it found.

    land.<feed>  gate.<feed>  load.<feed>   of one feed, for the window of the batch
    build.<schema>.<table>                  of each model that was run, with its SQL and its columns' lineage
    load  build  publish                    of the whole; the runs of feeds and tables are parts of theirs

Each of these is a block around the stage's own work, and is told what came of it. Whatever goes wrong in telling is
warned of and forgotten.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from pipelines import checks, lake, releases, settings
from pipelines import contract as contracts
from pipelines.contract.model import Contract
from pipelines.lake import ROWS, Window
from pipelines.receipt import Receipt
from pipelines.releases import table_files
from pipelines.telling import events
from pipelines.telling.events import Running, running, silently, tell

if TYPE_CHECKING:
    from pipelines.stages import governance


class Counted(Protocol):
    """What a batch did to the warehouse."""

    @property
    def feed_id(self) -> str: ...
    @property
    def batch_id(self) -> str: ...
    @property
    def inserted(self) -> int: ...
    @property
    def updated(self) -> int: ...


@contextlib.contextmanager
def landing(feed: Contract, window: Window) -> Iterator[Callable[[Path], None]]:
    """A window is being pulled; called with the folder of what landed."""
    before = functools.partial(_pulled_from, feed)
    with running(f"land.{feed.feed_id}", nominal=window, owner=feed.owner, before=before) as run:
        yield functools.partial(_fill, run, _landed, feed)


def _pulled_from(feed: Contract, run: Running) -> None:
    from pipelines.telling import datasets

    with contextlib.suppress(KeyError):  # a contract without this server; landing says so
        run.inputs = [datasets.read(datasets.source(feed, feed.server(settings.server())), {})]


def _landed(run: Running, feed: Contract, folder: Path) -> None:
    from pipelines.telling import datasets

    receipt = Receipt.read(folder)
    if receipt.stage == "landing":
        parts = [folder / part.name for part in receipt.parts]
        facets = datasets.batch("landing", feed, receipt.batch_id)
        how_much = datasets.statistics(receipt.received or None, parts)
        run.outputs = [datasets.written(datasets.folder("landing", feed), facets, how_much)]


@contextlib.contextmanager
def judging(feed: Contract, landed: Receipt) -> Iterator[None]:
    """A batch is being judged; what came of it is in its receipts."""
    before = functools.partial(_to_be_judged, feed, landed)
    with running(f"gate.{feed.feed_id}", nominal=landed.window, owner=feed.owner, before=before) as run:
        try:
            yield
        finally:
            _fill(run, _judged, feed, landed)


def _to_be_judged(feed: Contract, landed: Receipt, run: Running) -> None:
    from pipelines.telling import datasets

    facets = datasets.batch("landing", feed, landed.batch_id)
    run.inputs = [datasets.read(datasets.folder("landing", feed), facets, datasets.metrics(landed))]


def _judged(run: Running, feed: Contract, landed: Receipt) -> None:
    from pipelines.telling import datasets

    stages: tuple[tuple[lake.Stage, str], ...] = (
        ("validated", "validated"),
        ("quarantine", "quarantined"),
        ("held", "quarantined"),
    )
    for stage, rows in stages:
        folder = landed.batch.folder(stage)
        # An approved batch is in `held` until its good rows are in: they are what came of it.
        if not (folder / lake.RECEIPT).exists() or (stage == "held" and run.outputs):
            continue
        receipt = Receipt.read(folder)
        run.inputs[0].inputFacets = datasets.judged(feed, replace(receipt, parts=landed.parts))
        how_much = datasets.statistics(getattr(receipt, rows), [folder / ROWS])
        version = datasets.batch(stage, feed, receipt.batch_id)
        run.outputs.append(datasets.written(datasets.folder(stage, feed), version, how_much))


@contextlib.contextmanager
def loading(feeds: Sequence[Contract]) -> Iterator[Callable[[Sequence[Counted]], None]]:
    """Batches are being loaded; called with what each did."""
    began = datetime.now(UTC)
    with running("load") as run:
        yield functools.partial(_fill, run, _loaded, feeds, began)


def _loaded(run: Running, feeds: Sequence[Contract], began: datetime, loaded: Sequence[Counted]) -> None:
    from pipelines.telling import datasets

    for feed in feeds:
        batches = [batch for batch in loaded if batch.feed_id == feed.feed_id]
        if not batches:
            continue
        of_feed = replace(
            run, job=f"load.{feed.feed_id}", run_id=events.new_id(), parent=run.as_parent(), owner=feed.owner
        )
        of_feed.inputs = [
            datasets.read(
                datasets.folder("validated", feed), datasets.batch("validated", feed, batch.batch_id)
            )
            for batch in batches
        ]
        rows = sum(batch.inserted + batch.updated for batch in batches)
        name = (datasets.warehouse(), feed.table)
        of_feed.outputs = [datasets.written(name, datasets.table(feed), datasets.statistics(rows))]
        tell(of_feed, "START", at=began)
        tell(of_feed, "COMPLETE")


@contextlib.contextmanager
def building(project: Path) -> Iterator[Callable[[Mapping[str, governance.Built]], None]]:
    """Tables are being built; called with what was done to each."""
    began = datetime.now(UTC)
    with running("build") as run:
        yield functools.partial(_fill, run, _built, project, began)


def _built(run: Running, project: Path, began: datetime, built: Mapping[str, governance.Built]) -> None:
    from pipelines.lineage import columns
    from pipelines.stages import governance
    from pipelines.telling import datasets

    made = {table: how for table, how in built.items() if how.done != "untouched"}
    if not made:
        return
    promises = {each.table: each for each in contracts.load_all(contracts.LEVELS, project / "contracts")}
    known = columns.of(promises.values(), project)
    keys = {table: promise.key for table, promise in promises.items()}
    for model in governance.read_models(project / "warehouse"):
        if model.table not in made:
            continue
        promise = promises.get(model.table)
        of_table = replace(
            run,
            job=f"build.{model.table}",
            run_id=events.new_id(),
            parent=run.as_parent(),
            owner=promise.owner if promise else "",
            sql=model.query,
            facets=_kept(model),
        )
        of_table.inputs = [
            datasets.read(
                (datasets.warehouse(), table),
                datasets.table(promises.get(table), columns=known.columns[table]),
            )
            for table in sorted(known.read_by(model.table))
        ]
        facets = datasets.table(promise, columns=known.columns.get(model.table, ()))
        if model.table not in known.unseen:
            facets |= datasets.column_lineage(known.relation(model.table), keys)
        how_much = datasets.statistics(made[model.table].rows)
        of_table.outputs = [datasets.written((datasets.warehouse(), model.table), facets, how_much)]
        tell(of_table, "START", at=began)
        tell(of_table, "COMPLETE")


def _kept(model: governance.Model) -> dict[str, Any]:
    """The checks beside a model: a table that broke one would not be there."""
    from openlineage.client.facet_v2 import test_run

    tests = [
        test_run.TestExecution(name=check.sentence, status="pass", severity="error", type="custom_sql")
        for check in checks.read(model.checks_path)
    ]
    return {"test": test_run.TestRunFacet(tests=tests)} if tests else {}


@contextlib.contextmanager
def publishing(promises: Sequence[Contract]) -> Iterator[Callable[[Path], None]]:
    """A release is being written; called with its folder."""
    with running("publish") as run:
        yield functools.partial(_fill, run, _published, promises)


def _published(run: Running, promises: Sequence[Contract], folder: Path) -> None:
    from pipelines.telling import datasets

    manifest = releases.read_manifest(folder)
    by_table = {promise.table: promise for promise in promises}
    version = datasets.version(folder.name)
    written: dict[str, list[dict[str, Any]]] = {}
    for file in manifest["files"]:
        path = PurePosixPath(file["path"])
        table = table_files.table_of(file["path"])
        name = table_files.path_of(table, path.parts[0]) if table else file["path"]
        if table in by_table or path.suffix == ".duckdb":
            written.setdefault(name, []).append(file)
    for name, files in written.items():
        promise = by_table.get(table_files.table_of(name))
        facets = datasets.table(promise) if promise else {}
        if promise and name.startswith(f"{releases.DISTRICT}/"):
            run.inputs.append(datasets.read((datasets.warehouse(), promise.table), facets))
        how_much = datasets.statistics(
            sum(file["rows"] or 0 for file in files), [folder / file["path"] for file in files]
        )
        run.outputs.append(datasets.written(datasets.released(name), {**facets, **version}, how_much))


def _fill(run: Running, fill: Callable[..., None], *arguments: Any) -> None:
    """Let a run be told more of, unless nobody listens."""
    with silently():
        if not settings.lineage_is_off():
            fill(run, *arguments)
