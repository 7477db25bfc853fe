"""How the channel stands by the clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import freshness, releases, settings
from pipelines.errors import WarehouseError
from pipelines.freshness import Standing
from pipelines.run.opening import readable
from pipelines.run.windows import Instant, instant


def moment(at: Instant | None) -> datetime:
    """The instant that was asked about, to the second; now when none was. A text without a zone is the city's time."""
    if at is None:
        return settings.now()
    return instant(at, _zone()).astimezone(UTC)


def _zone() -> ZoneInfo:
    """The zone the city lives in: that of its feeds."""
    return ZoneInfo(next((feed.timezone for feed in readable()), "UTC"))


def status(at: Instant | None = None) -> dict[str, Any]:
    """How each feed stands: by its contract, the calendar and what the lake holds, whoever writes the warehouse.

    Raises ContractError when `at` is no instant.
    """
    now = moment(at)
    found = freshness.standings(readable(), now)
    return {
        "at": now,
        "timezone": _zone().key,
        "levels": [_level(level, of_level) for level, of_level in _by_level(found).items()],
        "feeds": [
            asdict(each) | {"is_overdue": each.is_overdue, "condition": each.condition} for each in found
        ],
        "overdue": [each.feed_id for each in found if each.is_overdue],
        "release": _release(),
    }


def _release() -> str:
    """The release readers see; empty before there is one."""
    try:
        return releases.current().release_id
    except WarehouseError:
        return ""


def _by_level(found: Iterable[Standing]) -> dict[str, list[Standing]]:
    levels: dict[str, list[Standing]] = {level: [] for level in freshness.LEVELS}
    for each in found:
        levels[each.level].append(each)
    return {level: of_level for level, of_level in levels.items() if of_level}


def _level(level: str, found: list[Standing]) -> dict[str, Any]:
    """A level at a glance. It is as its worst mandatory feed; what optional feeds lack is only counted."""
    states = [each.state for each in found if each.is_mandatory]
    return {
        "level": level,
        "state": min(states, key=freshness.WORST.index, default=freshness.OK),
        "feeds": len(found),
        "well": sum(each.condition == freshness.OK and not each.is_overdue for each in found),
        "overdue": sum(each.is_overdue for each in found),
        "held": sum(each.held for each in found),
    }
