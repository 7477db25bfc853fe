"""Which releases there are, and which one is current."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines import lake
from pipelines.errors import WarehouseError, step_about_files
from pipelines.releases import marks
from pipelines.releases.release import MANIFEST, RESTORE, Release, read_object, why_no_manifest

CURRENT = "CURRENT"
_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{10}")
_NOTHING_YET = "run `make demo`, or `urbanbrain load`, `urbanbrain build` and `urbanbrain publish`"


def current() -> Release:
    """The release that readers should use, resolved once.

    Raises WarehouseError when nothing is published yet or CURRENT names nothing readable.
    """
    release_id = named()
    if not _is_there(release_id):
        missing = _no_release(release_id)
        raise WarehouseError(
            f"{missing.message}, which {CURRENT} names",
            next_step=f"`urbanbrain publish` writes {CURRENT} again; {missing.next_step}",
        )
    return read(release_id)


def damage_of_current() -> str:
    """Why readers find nothing where CURRENT points; empty where they find it, or before there is one."""
    try:
        current()
    except WarehouseError as error:
        return error.message if has_pointer() or any(_listed()) else ""
    return ""


def named() -> str:
    """What CURRENT says, whether or not there is such a release. Raises WarehouseError when it cannot be read."""
    try:
        return _pointer().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        if any(_listed()):
            raise WarehouseError(
                f"{CURRENT} is missing, so no release is the current one",
                next_step="`urbanbrain publish` writes it again",
            ) from None
        raise WarehouseError("nothing is published yet", next_step=_NOTHING_YET) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it is no text"
        raise WarehouseError(
            f"{CURRENT} cannot be read: {reason}",
            next_step=step_about_files(
                reason, "move it away and look at it; `urbanbrain publish` writes it again"
            ),
        ) from error


def pointer() -> str:
    """The same; empty when it cannot be read."""
    try:
        return named()
    except WarehouseError:
        return ""


def has_pointer() -> bool:
    """Whether something was ever published here."""
    return _pointer().exists()


def _pointer() -> Path:
    return lake.releases() / CURRENT


def read(release_id: str) -> Release:
    """The release of that id. Raises WarehouseError when there is none or its manifest is broken."""
    path = lake.releases() / release_id
    if not _is_there(release_id):
        raise _no_release(release_id)
    if not _has_manifest(path):
        raise WarehouseError(f"{release_id}/{MANIFEST} is missing", next_step=RESTORE)
    manifest = read_object(path / MANIFEST)
    if why := why_no_manifest(manifest, release_id):
        raise WarehouseError(f"{release_id}/{MANIFEST} is not its manifest: {why}", next_step=RESTORE)
    return Release(release_id, path, manifest)


def _is_there(release_id: str) -> bool:
    """Whether something of that name is there; an empty folder is nothing, a link that leads nowhere is something."""
    path = lake.releases() / release_id
    if not _ID.fullmatch(release_id) or not os.path.lexists(path):
        return False
    try:
        return not path.is_dir() or any(path.iterdir())
    except OSError:
        return os.path.lexists(path)


def _has_manifest(path: Path) -> bool:
    try:
        return (path / MANIFEST).is_file()
    except PermissionError:
        return True  # whoever reads it is told


def _no_release(release_id: str) -> WarehouseError:
    listed = [release.release_id for release in in_order()]
    is_start = not release_id or any(each.startswith(release_id) for each in listed)
    if gone := [] if is_start else marks.pruned(release_id):
        return _pruned(gone)
    known = ", ".join(listed[-3:])
    return WarehouseError(
        f"there is no release {release_id!r}",
        next_step=f"newest releases: {known}" if known else _NOTHING_YET,
    )


def _pruned(gone: Sequence[dict[str, Any]]) -> WarehouseError:
    said = [
        f"release {each['release_id']} was pruned on {str(each.get('pruned_at', '?'))[:10]}" for each in gone
    ]
    rule = f": {gone[0]['rule']}" if gone[0].get("rule") else ""
    return WarehouseError(
        f"{said[0]}{rule}" if len(said) == 1 else "several releases start so: " + "; ".join(said),
        next_step="a copy may be in a backup or where releases are uploaded; `urbanbrain release list` names those there are",
    )


def list_releases() -> list[Release]:
    """Every readable release, oldest first; a folder somebody is still writing is not one."""
    return _listed()[0]


def in_order() -> list[Release]:
    """Readable releases as they were published: of those as of the same instant, by when they were written."""
    return sorted(list_releases(), key=lambda each: (each.as_of, published_at(each)))


def published_at(release: Release) -> datetime:
    """When a release was written; long ago for one that goes in this moment."""
    try:
        seconds = (release.path / MANIFEST).stat().st_mtime
    except FileNotFoundError:
        seconds = 0.0
    return datetime.fromtimestamp(seconds, UTC)


def unreadable() -> dict[str, WarehouseError]:
    """Releases whose manifest cannot be read, by id, and why."""
    return _listed()[1]


def _listed() -> tuple[list[Release], dict[str, WarehouseError]]:
    found, damaged = [], {}
    for path in sorted(lake.releases().iterdir()) if lake.releases().is_dir() else []:
        if not _is_there(path.name):  # a release appears whole, with its manifest in it
            continue
        try:
            found.append(read(path.name))
        except WarehouseError as error:
            if _is_there(path.name):  # it may have gone since it was listed
                damaged[path.name] = error
    return found, damaged
