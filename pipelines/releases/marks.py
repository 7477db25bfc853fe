"""What is noted about releases beside them, in small files that are no part of their bytes.

    releases/pins/<release_id>.json       stays whatever its age: since when, who said so, and why
    releases/replaced/<release_id>        empty; its time is when the release last stopped being CURRENT
    releases/followed/<release_id>        digest of what is kept of the release it followed; empty for the first
    releases/pruned/<release_id>.json     is gone: since when, how old it was, and by which rule

A pin holds because its file is there, whatever is in it: a damaged one never lets a release go.
"""

from __future__ import annotations

import contextlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines import database, lake, privacy

_PINS, _REPLACED, _PRUNED, _FOLLOWED = "pins", "replaced", "pruned", "followed"


def being_changed() -> contextlib.AbstractContextManager[None]:
    """Keep other processes from publishing, pinning and pruning; a second one waits for the first to end."""
    return lake.one_at_a_time("releases")


def pin(release_id: str, now: datetime, by: str, reason: str) -> None:
    """Note that a release stays; both texts are masked before they are kept. Pinned again, the newest word holds."""
    connection = database.memory()
    privacy.install(connection)
    said = connection.execute("select mask_text(?), mask_text(?)", [by, reason]).fetchone() or ("", "")
    connection.close()
    _write(
        _PINS,
        release_id,
        {"release_id": release_id, "pinned_at": now.isoformat(), "by": said[0], "reason": said[1]},
    )


def unpin(release_id: str) -> bool:
    """Note that a release may go in its time; says whether it was pinned."""
    try:
        _file(_PINS, release_id).unlink()
    except FileNotFoundError:
        return False
    lake.sync(lake.releases() / _PINS)
    return True


def pins() -> dict[str, dict[str, Any]]:
    """What is known of each pin, by release id; nothing of one that cannot be read."""
    return {path.stem: _read(path) for path in sorted((lake.releases() / _PINS).glob("*.json"))}


def is_pinned(release_id: str) -> bool:
    return _file(_PINS, release_id).exists()


def note_replaced(release_id: str) -> None:
    """Note that a release is CURRENT no longer. Said before the pointer moves: a kill in between only says it early."""
    path = lake.releases() / _REPLACED / release_id
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path)


def replaced_at(release_id: str) -> datetime | None:
    """When a release last stopped being CURRENT; None when nobody noted it."""
    try:
        seconds = (lake.releases() / _REPLACED / release_id).stat().st_mtime
    except OSError:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def note_followed(release_id: str, digest: str) -> None:
    """Note the input that tells what the release before was, "" for none. Said before the release is there."""
    lake.write_file(lake.releases() / _FOLLOWED / release_id, f"{digest}\n".encode())


def followed(release_id: str) -> str | None:
    """What was noted so; None when nothing was."""
    try:
        return (lake.releases() / _FOLLOWED / release_id).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None


def note_pruned(release_id: str, now: datetime, as_of: str, rule: str) -> None:
    """Note that a release is gone. Said before it goes: while its folder is there, it is there."""
    _write(
        _PRUNED,
        release_id,
        {"release_id": release_id, "pruned_at": now.isoformat(), "as_of": as_of, "rule": rule},
    )


def pruned(start: str = "") -> list[dict[str, Any]]:
    """What is known of releases that are gone and whose id starts so, oldest first."""
    found = sorted((lake.releases() / _PRUNED).glob("*.json"))
    return [
        {"release_id": path.stem, **_read(path)}
        for path in found
        if path.stem.startswith(start) and not (lake.releases() / path.stem).exists()
    ]


def forget(release_id: str) -> None:
    """Drop what is noted of a release that is gone, but that it is gone."""
    for kind in (_REPLACED, _FOLLOWED):
        (lake.releases() / kind / release_id).unlink(missing_ok=True)


def _file(kind: str, release_id: str) -> Path:
    return lake.releases() / kind / f"{release_id}.json"


def _write(kind: str, release_id: str, values: dict[str, Any]) -> None:
    content = json.dumps(values, ensure_ascii=False, indent=1).encode() + b"\n"
    lake.write_file(_file(kind, release_id), content)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
