"""What stays and what goes once its time is over: releases with their inputs, landed bytes, sheets, leftovers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pipelines import lake, settings
from pipelines.errors import WarehouseError
from pipelines.releases import marks, retention
from pipelines.releases.retention import Fate
from pipelines.run import inbox
from pipelines.run.opening import readable
from pipelines.run.published import find_release
from pipelines.telling import events


@dataclass(frozen=True)
class Pruned:
    """What became of every release, and which inputs went with those that went."""

    fates: tuple[Fate, ...]
    rule: str
    inputs: tuple[str, ...]
    left_alone: str
    """Why no input may go; "" when they may."""

    @property
    def gone(self) -> tuple[str, ...]:
        return tuple(fate.release_id for fate in self.fates if not fate.stays)


def pin(name: str, *, by: str = "", reason: str = "") -> str:
    """Keep a release whatever its age; returns its id. Raises WarehouseError when there is none of that name."""
    with marks.being_changed():
        release_id = find_release(name).release_id
        marks.pin(release_id, settings.now(), by, reason)
    return release_id


def unpin(name: str) -> str:
    """Let a release go in its time; returns its id. Raises WarehouseError when it is not pinned."""
    with marks.being_changed():
        release_id = name if marks.is_pinned(name) else find_release(name).release_id
        if not marks.unpin(release_id):
            raise WarehouseError(
                f"release {release_id} is not pinned",
                next_step="`urbanbrain release list` shows which are",
            )
    return release_id


def prune(
    *,
    keep: int | None = None,
    months: int | None = None,
    older_than: timedelta | None = None,
    dry_run: bool = False,
) -> Pruned:
    """Remove releases that the policy lets go, then inputs that nothing needs any more.

    What is given takes the place of the policy's own. With `dry_run` nothing is removed. Raises WarehouseError when
    releases are there and CURRENT names none of them.
    """
    now, by = settings.now(), retention.policy()
    by = replace(
        by,
        newest=by.newest if keep is None else keep,
        months=by.months if months is None else months,
        older_than=older_than,
    )
    fates = retention.fates(by, now)
    going = [fate for fate in fates if not fate.stays]
    gone = {fate.release_id for fate in going} if dry_run else set(retention.remove(going, by, now))
    swept = retention.sweep(now, gone if dry_run else (), dry_run=dry_run)
    return Pruned(
        tuple(fate for fate in fates if fate.stays or fate.release_id in gone),
        by.rule,
        tuple(str(path) for path in swept.paths),
        swept.left_alone,
    )


def upkeep(*, dry_run: bool = False) -> dict[str, Any]:
    """Delete what is over: landed bytes and sheets of the drop folder after their retention, what killed writers left a
    day ago or more, the oldest files of lineage events, releases and inputs as `prune` does.

    Receipts stay, so that every batch remains accounted for. With `dry_run` nothing is deleted.
    """
    from pipelines.stages import landing

    now = settings.now()
    expired = [folder for feed in readable() for folder in landing.expire(feed, now, dry_run=dry_run)]
    left = lake.leftovers(now)
    told = events.surplus()
    sheets = inbox.expired(now)
    if not dry_run:
        lake.remove([*left, *told, *sheets])
    pruned = prune(dry_run=dry_run)
    return {
        "expired": [str(path) for path in (*expired, *sheets)],
        "leftovers": [str(path) for path in left],
        "lineage": [str(path) for path in told],
        "releases": list(pruned.gone),
        "inputs": list(pruned.inputs),
    }
