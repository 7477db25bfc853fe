"""The drop folder: sheets that offices put there are taken in, one after the other.

    inbox/<file>                          as it was dropped; left alone while it is still being copied
    inbox/taking/<file>                   being taken: whoever is killed leaves it here, and the next one goes on
    inbox/done/<instant>-<file>.sealed    taken, with <file>.txt beside it: what became of each row
    inbox/failed/<instant>-<file>.sealed  not taken, with a text that says why

A sheet may hold telephone numbers, so it is put away sealed with the landing secret; `urbanbrain quarantine inbox
--unseal` gives it back. Taking a sheet twice changes nothing, so no moment to be killed in loses or doubles a row.
"""

from __future__ import annotations

import errno
import hashlib
import math
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pipelines import lake, parts, settings
from pipelines.errors import CommandError, SettingError, UrbanBrainError
from pipelines.run.corrections import ACCEPTED, RETURNED, RowOutcome, resubmit
from pipelines.run.opening import readable

TAKING, DONE, FAILED = "taking", "done", "failed"
_SEALED = ".sealed"
_QUIET_SECONDS = 2.0
"""A file nobody wrote to for so long is there as a whole."""
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".download")
_STRANGE = re.compile(r"[^\w.()（）\- ]+")
_LONGEST_NAME = 120
"""Bytes."""
_DESK, _REASON = "drop folder 收件箱", "corrected sheet 更正表"


@dataclass
class Taken:
    """What became of one dropped file."""

    name: str
    is_taken: bool
    kept_in: str
    message: str = ""
    outcomes: list[RowOutcome] = field(default_factory=list)


def waiting(quiet_seconds: float = _QUIET_SECONDS) -> list[Path]:
    """Files in the drop folder that are there as a whole, and those that are being taken or a killed process was taking."""
    inbox = settings.inbox()
    before = time.time() - quiet_seconds
    dropped = [
        path
        for path in _listed(inbox)
        if not path.name.startswith((".", "~$")) and not path.name.lower().endswith(_UNFINISHED)
        and _written_at(path) <= before
    ]  # fmt: skip
    return [*_listed(inbox / TAKING), *dropped]


def _written_at(path: Path) -> float:
    """When a file was written last; never for one that somebody took since it was listed."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return math.inf


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_symlink() or not path.is_dir())


def take_inbox(quiet_seconds: float = _QUIET_SECONDS) -> list[Taken]:
    """Take every sheet in that waits in the drop folder; returns what became of each.

    A sheet that cannot be taken goes to `failed` and harms no other. Raises what waiting cures, or what a setting
    does; then the sheet stays where the next call finds it.
    """
    for name in (TAKING, DONE, FAILED):
        (settings.inbox() / name).mkdir(parents=True, exist_ok=True)
    with lake.one_at_a_time("inbox"):  # a second taker waits, and finds what the first one left
        return [_take_or_leave(path) for path in waiting(quiet_seconds)]


def _take_or_leave(path: Path) -> Taken:
    """Take a sheet; one that the disk does not let us read or move stays where it is, and harms no other."""
    try:
        return _take(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        here = path if path.exists() else settings.inbox() / TAKING / path.name
        said = f"the sheet cannot be read or put away ({type(error).__name__}); see who may read it, it is tried again\n"
        return Taken(path.name, False, str(here), said)


def _take(path: Path) -> Taken:
    inbox = settings.inbox()
    if path.parent.name != TAKING:
        target = inbox / TAKING / path.name
        if target.exists():  # somebody dropped a second file of that name while the first was being taken
            target = target.with_name(f"{time.time_ns()}-{_short(path.name)}")
        path = path.rename(target)
    try:
        outcomes = resubmit(path, by=_DESK, reason=_REASON) if _says_nothing(path) else resubmit(path)
    except SettingError:
        raise
    except UrbanBrainError as error:
        if error.retry:
            raise
        return _put_away(path, FAILED, f"{error}\n", [])
    return _put_away(path, DONE, "\n".join(_lines(outcomes)) + "\n", outcomes)


def _says_nothing(path: Path) -> bool:
    """Whether a sheet does not say who corrected it and why: a CSV has no page to say it on."""
    from pipelines.desk import returned

    found = returned.read(path, [each.feed_id for each in readable()])
    return not (found.desk and found.reason)


def _put_away(path: Path, where: str, said: str, outcomes: list[RowOutcome]) -> Taken:
    """Keep a sheet sealed, what is to say of it beside it; the sheet itself goes last."""
    content = b"" if path.is_symlink() or not path.is_file() else path.read_bytes()
    digest = hashlib.sha256(content + path.name.encode()).hexdigest()[:6]
    name = f"{lake.stamp(settings.now())}-{digest}-{_short(_STRANGE.sub('_', path.name))}"
    folder = settings.inbox() / where
    sealed = folder / f"{name}{_SEALED}"
    key = _key()  # before anything is written: without it the sheet stays, and is tried again and again
    lake.write_file(folder / f"{name}.txt", said.encode())
    if key:
        lake.write_file(sealed, parts.seal(content, sealed.name, key))
    else:
        sealed = folder / name
        lake.write_file(sealed, content)
    path.unlink()
    return Taken(path.name, where == DONE, str(sealed), said, outcomes)


def _short(name: str) -> str:
    """The end of a name, short enough for a disk, which counts bytes: a Chinese letter has three."""
    return name.encode(errors="ignore")[-_LONGEST_NAME:].decode(errors="ignore")


def inbox_summary(taken: list[Taken]) -> dict[str, int]:
    """What became of all dropped files in a few numbers, small enough to travel with an asset event."""
    counts = Counter(each.outcome for one in taken for each in one.outcomes)
    return {
        "sheets": len(taken),
        "failed": sum(not one.is_taken for one in taken),
        **{name: counts[name] for name in (ACCEPTED, RETURNED)},
    }


def expired(now: datetime) -> list[Path]:
    """Sheets that were put away longer ago than landed bytes of personal feeds are kept; what is said of them stays."""
    kept_for = min(
        (each.retention for each in readable() if each.retention and each.landing_secret), default=None
    )
    if kept_for is None:
        return []
    before = (now - kept_for).timestamp()
    return [
        path
        for name in (DONE, FAILED)
        for path in _listed(settings.inbox() / name)
        if path.suffix != ".txt" and path.lstat().st_mtime < before
    ]


def unseal(path: Path) -> bytes:
    """The sheet as it was dropped. Raises SettingError when the secret is not the one of that time."""
    if not path.is_file():
        raise CommandError(f"there is no file {path}", next_step="give one of inbox/done or inbox/failed")
    key = _key()
    return (
        parts.unseal(path.read_bytes(), path.name, key)
        if key and path.suffix == _SEALED
        else path.read_bytes()
    )


def _key() -> bytes | None:
    """The key of the first landing secret of any feed; None where no feed names one."""
    secrets = sorted({each.landing_secret for each in readable()} - {""})
    return parts.sealing_key(settings.secret(secrets[0]), "inbox") if secrets else None


def _lines(outcomes: list[RowOutcome]) -> list[str]:
    """What became of a sheet, for the people who sent it."""
    counts = Counter(each.outcome for each in outcomes)
    lines = [", ".join(f"{name} {number}" for name, number in sorted(counts.items()))]
    for each in outcomes:
        if each.outcome == ACCEPTED or not (each.detail or each.reasons_zh):
            continue
        if each.outcome != RETURNED and each.outcome == "untouched":
            continue
        lines.append(f"{each.where}  {each.row_id}  {each.outcome}  {each.detail}".rstrip())
        lines += [
            f"    {line}" for pair in zip(each.reasons_zh, each.reasons_en, strict=True) for line in pair
        ]
        if each.waits_in:
            lines.append(f"    waits again as 再次待更正：{each.waits_in}")
    return lines
