"""Where a row came from, and where it went."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pipelines import tracing
from pipelines.run.opening import loaded


def trace(table: str, key: str, *, with_bytes: bool = False) -> dict[str, Any]:
    """Trace a row of a feed, a governance or a core table: back to what was received, forward to releases.

    `key` is its primary key, `/` between parts; the id of a case that was merged leads to the case of today. With
    `with_bytes` the records are shown as received: of feeds with personal columns, after privacy. Raises
    UrbanBrainError for a table or key that is not there.
    """
    with loaded() as connection:
        return asdict(tracing.trace(connection, table, key, with_bytes=with_bytes))
