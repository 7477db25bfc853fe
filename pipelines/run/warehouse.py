"""load → build → check → publish: one process at a time writes the warehouse."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import asdict
from typing import Any

from pipelines import contract as contracts
from pipelines import database, lake, notices, releases, settings
from pipelines.errors import NotBuilt, WarehouseError
from pipelines.provenance import inputs
from pipelines.run import held
from pipelines.run.opening import has_table, loaded, readable, rows_of
from pipelines.telling import stages as telling

_log = logging.getLogger(__name__)
_CATCH_UPS = 5
UNEQUAL = (
    "received <> validated + quarantined + duplicate + refused "
    "or validated <> inserted + updated + unchanged + stale"
)


def load() -> dict[str, Any]:
    """Load every batch the warehouse does not have yet; one that was approved and not let in is judged before.

    Raises WarehouseBusy while somebody else writes.

    `unpublished` counts loaded batches that are in no built and published tables yet: more than what was loaded
    now when a run before this one died on its way to the release. `unreadable` are files of notices nobody can read.
    """
    from pipelines.stages import loading

    held.follow()
    feeds = readable()
    with telling.loading(feeds) as tell:
        with database.writer(lake.warehouse_file()) as connection:
            loaded = loading.load(connection, feeds)
            damaged = notices.fill(connection)
            known = {_identity(batch) for batch in rows_of(connection, "from ops.batches")}
        tell(loaded)
    for path in damaged:
        _log.warning("%s cannot be read, so ops.notices lacks it", path)
    published = _published()
    return {
        "batches": [asdict(batch) for batch in loaded],
        "inserted": sum(batch.inserted for batch in loaded),
        "updated": sum(batch.updated for batch in loaded),
        "unpublished": len(known ^ published) if known ^ published else int(_is_outdated()),
        "unreadable": damaged,
    }


def _identity(batch: dict[str, Any]) -> tuple[str, ...]:
    """What a batch is, and under which contract it was judged."""
    return tuple(str(batch[name]) for name in ("feed_id", "batch_id", "contract_sha256", "is_refused"))


def _published() -> set[tuple[str, ...]]:
    """Everything the current release was made from."""
    try:
        return {_identity(batch) for batch in releases.current().manifest["batches"]}
    except WarehouseError:  # nothing is published, or not readably: everything waits
        return set()


def _is_outdated() -> bool:
    """Whether models, reference files or output contracts changed after the current release."""
    try:
        return bool(
            releases.current().manifest.get("inputs_digest") != inputs.build_digest(settings.project())
        )
    except WarehouseError:
        return False


def build(*, full: bool = False) -> dict[str, dict[str, Any]]:
    """Bring the shared governance tables up to what is loaded, all of them or none.

    Returns for each table what was `done` (rebuilt, extended, untouched) and its `rows`. With `full` every table is
    made anew.
    """
    from pipelines.stages import gate as gates
    from pipelines.stages import governance

    with telling.building(settings.project()) as tell:
        with database.writer(lake.warehouse_file()) as connection:
            built = governance.build(connection, settings.project(), gates.broken_rules, full=full)
            # Said last: a build that dies before it is built again, and nobody publishes tables for more than they tell.
            connection.execute(
                "create or replace table builds.batches as select feed_id, batch_id, contract_sha256, is_refused, "
                f"{database.literal(inputs.build_digest(settings.project()))} as inputs from ops.batches"
            )
        tell(built)
    return {table: asdict(each) for table, each in built.items()}


_NOT_BUILT = (
    "select count(*) from ops.batches as batch where not exists (select 1 from builds.batches as built where "
    "(built.feed_id, built.batch_id, built.contract_sha256, built.is_refused, built.inputs) "
    "= (batch.feed_id, batch.batch_id, batch.contract_sha256, batch.is_refused, {inputs}))"
)


def check() -> dict[str, int]:
    """Prove the row equation, and the desk's, over the whole history. Raises WarehouseError naming what breaks them."""
    from pipelines.desk import ledger

    with loaded() as connection:
        broken = connection.execute(f"select feed_id, batch_id from ops.batches where {UNEQUAL}").fetchall()
        total = connection.execute("select count(*) from ops.batches").fetchone()
        unsettled = ledger.differences(connection)
    if broken:
        names = ", ".join(f"{feed} {batch}" for feed, batch in broken[:5])
        raise WarehouseError(
            f"{len(broken)} batches lose or double rows: {names}",
            next_step="this is a defect of the pipeline: nothing was published; report it",
        )
    if unsettled:
        raise WarehouseError(
            "rows of quarantine are in no state, or in two\n"
            + "\n".join(f"  {line}" for line in unsettled[:5]),
            next_step="run `urbanbrain load` again; if that does not help it is a defect of the pipeline: report it",
        )
    return {"batches": total[0] if total else 0, "differences": 0}


def publish(*, catch_up: bool = False, follows: bytes | None = None) -> str:
    """Write one immutable release of what is built and make it CURRENT; returns its folder.

    Raises NotBuilt when batches were loaded, models changed or somebody decided something after the last build: the
    release would tell yesterday's story under today's name. With `catch_up` that is loaded, built and checked first,
    a few times: people decide one batch after the other, and a decision may fall between any two steps. A release that
    is made again elsewhere follows none there: `follows` is what was kept of the one it followed, empty for the first.
    """
    for _ in range(_CATCH_UPS if catch_up else 0):
        with contextlib.suppress(NotBuilt):
            return _publish(follows)
        load()
        build()
        check()
    return _publish(follows)


def _publish(follows: bytes | None) -> str:
    from pipelines.stages import publishing

    promises = [*contracts.load_governance(), *contracts.load_reference(), *contracts.load_operations()]
    with telling.publishing(promises) as tell, loaded() as connection:
        not_built = _NOT_BUILT.format(inputs=database.literal(inputs.build_digest(settings.project())))
        if not has_table(connection, "builds", "batches") or database.count(connection, not_built):
            raise NotBuilt(
                "the governance tables are older than what is loaded, or than their models",
                next_step="run `urbanbrain build` first",
            )
        folder = publishing.publish(
            connection, contracts.load_all(), promises, settings.project(), follows=follows
        )
        tell(folder)
    return str(folder)
