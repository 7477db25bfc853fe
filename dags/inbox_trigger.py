"""Tells Airflow that a corrected sheet was dropped. Looks only: the file stays where it is, for the task to take.

The triggers Airflow brings delete what they find; a sheet deleted before it was taken would be lost with the worker.
The triggerer imports this module by its name, so the folder of the DAGs stands on its PYTHONPATH.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent


def waiting(quiet_seconds: float) -> set[tuple[int, int]]:
    """What waits, told apart by inode and time of writing: those stay when a task moves a file to where it takes it.

    Called in a thread, for its import takes seconds.
    """
    from pipelines.run import inbox

    found = set()
    for path in inbox.waiting(quiet_seconds):
        with contextlib.suppress(FileNotFoundError):  # taken a moment ago
            file = path.lstat()
            found.add((file.st_ino, file.st_mtime_ns))
    return found


class InboxTrigger(BaseEventTrigger):
    """Fires when files lie whole in the drop folder that did not a moment ago; how many is all it says of them."""

    def __init__(self, poke_interval: float = 10.0, quiet_seconds: float = 5.0) -> None:
        super().__init__()
        self.poke_interval = poke_interval
        self.quiet_seconds = quiet_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class and arguments, from which the triggerer makes it again."""
        return (
            "inbox_trigger.InboxTrigger",
            {"poke_interval": self.poke_interval, "quiet_seconds": self.quiet_seconds},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look again and again; a file that was told of once is not told of while it lies there or is being taken."""
        told: set[tuple[int, int]] = set()
        while True:
            found = await asyncio.to_thread(waiting, self.quiet_seconds)
            if found - told:
                yield TriggerEvent({"files": len(found)})
            told = found
            await asyncio.sleep(self.poke_interval)
