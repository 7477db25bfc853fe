"""The copy in PostgreSQL: a release put there, what it would be, and sessions that outlast their limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.run.published import find_release
from pipelines.serving_limits import RELEASES, STATEMENT_SECONDS, TRANSACTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelines.serving import Ended, Served


def serve_release(
    name: str = "current",
    dsn: str = "",
    *,
    keep: int = RELEASES,
    progress: Callable[[str], None] = lambda _: None,
) -> Served:
    """Copy a release into PostgreSQL unless it is there, and let readers have it.

    `dsn` is an address as libpq reads it, by default URBANBRAIN_POSTGRES. Raises what `serving.serve` raises.
    """
    from pipelines import serving

    return serving.serve(find_release(name), dsn, keep=keep, progress=progress)


def offered_release(name: str = "current") -> list[dict[str, Any]]:
    """What would be there under which name and for whom; no server is asked."""
    from pipelines import serving

    return serving.offered(find_release(name))


def guard_serving(
    dsn: str = "", *, statement: float = STATEMENT_SECONDS, transaction: float = TRANSACTION_SECONDS
) -> Iterator[list[Ended]]:
    """End readers' sessions that outlast their limit, in seconds; each step looks once more and tells of those.

    The connection stays open between steps. Raises what `serving.connected` and `serving.guard` raise.
    """
    from pipelines import serving

    with serving.connected(dsn) as session:
        while True:
            yield serving.guard(session, statement, transaction)
