"""How long releases stay, and how the others go, with what only they were made from.

A release stays while one of these holds, in this order; the numbers are those of the settings unless told:

    current    CURRENT names it
    pinned     somebody said so
    damaged    its manifest cannot be read: a person looks first
    read       it was CURRENT less than a day ago, and a reader may still be at it
    newest     it is among the thirty published last
    month      it is the last one as of its month, in the zone of its readers, of the thirteen months up to the newest
    young      somebody lets only older ones go, by when they were published

Removing is one rename, its bytes follow; killed in between, `upkeep` ends it, and what a reader sees is a whole release
or none. Inputs that no release, no judged batch and nothing of the last day needs go after the releases.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import lake, releases, settings
from pipelines.errors import DataError, WarehouseError
from pipelines.lake import Stage
from pipelines.provenance import inputs
from pipelines.receipt import Receipt
from pipelines.releases import marks

CURRENT, PINNED, DAMAGED, READ, NEWEST, MONTH, YOUNG = (
    "current", "pinned", "damaged", "read", "newest", "month", "young",
)  # fmt: skip
REASONS = {
    CURRENT: "当前", PINNED: "固定", DAMAGED: "损坏", READ: "使用中", NEWEST: "最近", MONTH: "月末", YOUNG: "未到期",
}  # fmt: skip
"""Why releases stay, and how that is called in Chinese."""
_JUDGED: tuple[Stage, ...] = ("staged", "validated", "quarantine", "held", "refused")
_INPUTS_STAY = timedelta(days=1)
"""So long an input stays after it was last kept: the batch or release that needs it may not be there yet."""


@dataclass(frozen=True)
class Policy:
    """Which releases stay."""

    newest: int
    months: int
    grace: timedelta
    """So long after it was CURRENT a release stays: a reader may still be at it."""
    older_than: timedelta | None = None
    """Only releases that were published longer ago than this go at all."""

    @property
    def rule(self) -> str:
        """The policy in words, as it is noted of what goes."""
        older = f", older than {self.older_than.days} days" if self.older_than is not None else ""
        return f"kept are the {self.newest} newest and the last of each of {self.months} months{older}"


@dataclass(frozen=True)
class Fate:
    """One release, and why it stays; "" when it goes."""

    release_id: str
    as_of: str
    bytes: int
    stays: str


@dataclass(frozen=True)
class Swept:
    """Inputs that go, and why none may."""

    paths: tuple[Path, ...]
    left_alone: str = ""


def policy() -> Policy:
    """The policy of this home, as the environment sets it."""
    newest, months, hours = settings.release_retention()
    return Policy(newest, months, timedelta(hours=hours))


@dataclass(frozen=True)
class Seen:
    """What decides about one release, wherever it lies."""

    release_id: str
    as_of: str
    timezone: str
    bytes: int
    published: datetime
    replaced: datetime | None
    """When it last stopped being CURRENT, where that was noted."""


def seen(manifest: Mapping[str, Any], published: datetime, replaced: datetime | None) -> Seen:
    """The same, from a manifest."""
    size = sum(int(file["bytes"]) for file in manifest["files"])
    return Seen(
        str(manifest["release_id"]),
        str(manifest["as_of"]),
        str(manifest["timezone"]),
        size,
        published,
        replaced,
    )


def fates(by: Policy, now: datetime) -> list[Fate]:
    """What becomes of every release, oldest first. Raises WarehouseError when releases are there and CURRENT is not."""
    listed, damaged = releases.in_order(), releases.unreadable()
    if not listed and not damaged:
        return []
    here = [
        seen(each.manifest, releases.published_at(each), marks.replaced_at(each.release_id))
        for each in listed
    ]
    judged = judge(here, releases.current().release_id, by, now)
    return [*(Fate(release_id, "", 0, DAMAGED) for release_id in damaged), *judged]


def judge(listed: Sequence[Seen], current: str, by: Policy, now: datetime) -> list[Fate]:
    """What becomes of releases, given in the order in which they were published."""
    reasons = _reasons(listed, by)
    return [
        Fate(
            each.release_id,
            each.as_of,
            each.bytes,
            _held_back(each.release_id, current)
            or (READ if now - _left(each, listed) < by.grace else "")
            or reasons.get(each.release_id, "")
            or (YOUNG if by.older_than is not None and now - each.published < by.older_than else ""),
        )
        for each in listed
    ]


def remove(going: Iterable[Fate], by: Policy, now: datetime) -> list[str]:
    """Remove releases, each unless somebody pinned it or made it CURRENT meanwhile; returns the ids of those gone.

    Raises WarehouseError when CURRENT cannot be read: then none goes.
    """
    gone = []
    for fate in going:
        path = lake.releases() / fate.release_id
        with marks.being_changed():
            if _held_back(fate.release_id, releases.named()) or not path.exists():
                continue
            left = marks.replaced_at(fate.release_id)
            if left and now - left < by.grace:
                continue
            marks.note_pruned(fate.release_id, now, fate.as_of, by.rule)
            doomed = lake.set_aside(path)
            marks.forget(fate.release_id)
        shutil.rmtree(doomed, ignore_errors=True)
        gone.append(fate.release_id)
    return gone


def sweep(now: datetime, without: Iterable[str] = (), *, dry_run: bool = False) -> Swept:
    """Remove inputs that nothing needs any more; none at all while something that needs some cannot be read.

    With `dry_run` nothing goes; `without` are releases that would be gone by then.
    """
    limit = (now - _INPUTS_STAY).timestamp()
    found = [path for path in lake.kept_inputs() if lake.is_older(path, limit)]
    if not found:
        return Swept(())
    try:
        needed = _needed(frozenset(without))
    except (WarehouseError, DataError) as error:
        return Swept((), error.message)
    surplus = [path for path in found if path.stem not in needed]
    if dry_run:
        return Swept(tuple(surplus))
    with inputs.being_swept():
        gone = [path for path in surplus if lake.is_older(path, limit)]  # kept anew meanwhile, it stays
        lake.remove(gone)
    return Swept(tuple(gone))


def _needed(without: frozenset[str]) -> set[str]:
    """Digests of everything that releases and judged batches name. Raises what reading them raises."""
    if damaged := releases.unreadable():
        raise WarehouseError(f"release {', '.join(damaged)} is damaged and may need some")
    needed: set[str] = set()
    lists: set[str] = set()
    for release in releases.list_releases():
        if release.release_id not in without:
            needed.update((release.inputs or {}).values())
            needed.update(filter(None, (release.disclosed, release.disclosed_before)))
            lists.update(str(batch.get(inputs.JUDGED_WITH) or "") for batch in release.manifest["batches"])
    for stage in _JUDGED:
        for folder in lake.batches(stage):
            try:
                lists.add(str(Receipt.read(folder).details.get(inputs.JUDGED_WITH, "")))
            except FileNotFoundError:
                continue  # gone since it was listed
    for digest in lists - {""}:
        needed.update(inputs.read_judging(digest)["files"].values())
    return needed | lists


def _reasons(listed: Sequence[Seen], by: Policy) -> dict[str, str]:
    """Why releases stay by their age alone, the stronger reason of two."""
    months = {_month(each): each.release_id for each in listed}  # the last one of a month wins
    kept = [months[month] for month in sorted(months)[-by.months :]] if by.months else []
    newest = [each.release_id for each in listed[-by.newest :]] if by.newest else []
    return dict.fromkeys(kept, MONTH) | dict.fromkeys(newest, NEWEST)


def _month(release: Seen) -> str:
    return datetime.fromisoformat(release.as_of).astimezone(ZoneInfo(release.timezone)).strftime("%Y-%m")


def _held_back(release_id: str, current: str) -> str:
    if release_id == current:
        return CURRENT
    return PINNED if marks.is_pinned(release_id) else ""


def _left(release: Seen, listed: Sequence[Seen]) -> datetime:
    """When readers last may have resolved it: when it was replaced, or else when the next one was published."""
    later = [each.published for each in listed if each.published > release.published]
    return release.replaced or min(later, default=release.published)
