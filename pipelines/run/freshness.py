"""How the channel stands by the clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import freshness, notices, releases, settings
from pipelines.contract.model import Contract
from pipelines.errors import SettingError, UrbanBrainError
from pipelines.freshness import Standing
from pipelines.run.windows import Instant, instant


def _feeds() -> tuple[list[Contract], list[str]]:
    """The feeds that can be watched, and those whose contracts cannot be read: nobody knows what they owe."""
    feeds, problems = contracts.read_all()
    return feeds, sorted({problem.contract_id for problem in problems})


def _moment(at: Instant | None, zone: ZoneInfo) -> datetime:
    """The instant that was asked about; now when none was. A text without a zone is the city's time."""
    return settings.now() if at is None else instant(at, zone).astimezone(UTC)


def _zone(feeds: Sequence[Contract]) -> ZoneInfo:
    """The zone the city lives in: that of its feeds."""
    return ZoneInfo(next((feed.timezone for feed in feeds), "UTC"))


def notify(at: Instant | None = None, *, dry_run: bool = False) -> dict[str, Any]:
    """Look at every feed, remember what changed, and tell the owners of its level; how the monitor is run.

    With `dry_run` nothing is remembered and nobody told. Raises SettingError when an addressee is garbled,
    UrbanBrainError when somebody could not be told: all others are told before, and these by the next run.
    """
    feeds, _ = _feeds()
    zone = _zone(feeds)
    now = _moment(at, zone)
    told, garbled = notices.addressees(freshness.LEVELS)
    if dry_run:
        changes = notices.changes(freshness.standings(feeds, now), now, told)
        return {"at": now, "timezone": zone.key, "changes": [asdict(each) for each in changes], "sent": 0}
    with notices.alone():
        now = _moment(at, zone)  # whoever waited for another run looks at what is true now
        outcome = notices.tell(freshness.standings(feeds, now), now, told, zone)
    if outcome.failures:
        raise UrbanBrainError(
            "not everything could be told\n"
            + "\n".join(f"  {line}" for line in (*garbled, *outcome.failures)),
            next_step="the next run tries again; `urbanbrain status` shows what it is about",
        )
    if garbled:
        raise SettingError(
            "not every addressee can be read\n" + "\n".join(f"  {line}" for line in garbled),
            next_step="write mailto:desk@example.org or https://…, separated by commas; the others were told",
        )
    return {
        "at": now,
        "timezone": zone.key,
        "changes": [asdict(each) for each in outcome.changes],
        "sent": outcome.sent,
    }


def status(at: Instant | None = None) -> dict[str, Any]:
    """How each feed stands: by its contract, the calendar and what the lake holds, whoever writes the warehouse.

    Raises ContractError when `at` is no instant.
    """
    feeds, unreadable = _feeds()
    zone = _zone(feeds)
    now = _moment(at, zone)
    found = freshness.standings(feeds, now)
    waiting = freshness.open_rows()
    return {
        "at": now,
        "timezone": zone.key,
        "levels": [_level(level, of_level) for level, of_level in _by_level(found).items()],
        "feeds": [
            asdict(each)
            | {
                "is_overdue": each.is_overdue,
                "condition": each.condition,
                "quarantine_open": waiting.get(each.feed_id) if waiting else None,
            }
            for each in found
        ],
        "overdue": [each.feed_id for each in found if each.is_overdue],
        "unreadable": unreadable,
        "release": releases.pointer(),
        "release_damage": releases.damage_of_current(),
        "home": str(settings.home()),
        "is_empty": not any((settings.home() / name).exists() for name in ("lake", "warehouse", "releases")),
    }


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
