"""What goes once its time is over."""

from __future__ import annotations

from typing import Any

from pipelines import lake, settings
from pipelines.run.opening import readable


def upkeep(*, dry_run: bool = False) -> dict[str, Any]:
    """Delete landed bytes whose retention has ended, and what killed writers left behind a day ago or more.

    Receipts stay, so that every batch remains accounted for. With `dry_run` nothing is deleted.
    """
    from pipelines.stages import landing

    now = settings.now()
    expired = [folder for feed in readable() for folder in landing.expire(feed, now, dry_run=dry_run)]
    left = lake.leftovers(now)
    if not dry_run:
        lake.remove(left)
    return {"expired": [str(folder) for folder in expired], "leftovers": [str(path) for path in left]}
