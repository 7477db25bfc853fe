"""What goes once its time is over."""

from __future__ import annotations

from typing import Any

from pipelines import lake, settings
from pipelines.run import inbox
from pipelines.run.opening import readable
from pipelines.telling import events


def upkeep(*, dry_run: bool = False) -> dict[str, Any]:
    """Delete landed bytes and sheets of the drop folder whose retention has ended, what killed writers left behind a day ago or more, and the
    oldest files of lineage events.

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
    return {
        "expired": [str(path) for path in (*expired, *sheets)],
        "leftovers": [str(path) for path in left],
        "lineage": [str(path) for path in told],
    }
