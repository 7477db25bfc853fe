"""Where files live, and how a folder of them appears at once. Only this module builds a path under the lake.

    lake/landing/<feed>/window=<start>/batch=<id>/     bytes as received
    lake/staged/<feed>/…                               typed text, gone once the gate has judged it
    lake/validated/<feed>/…                            rows that keep the contract
    lake/quarantine/<feed>/…                           rows that do not, with every reason
    lake/held/<feed>/…                                 what is known of a batch that a person decides about
    lake/refused/<feed>/…                              a receipt that says why bytes were deleted

A folder is written under a temporary name beside its target, fsynced and renamed; its `receipt.json` is
written last. A folder without a receipt does not exist.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pipelines import settings

Stage = Literal["landing", "staged", "validated", "quarantine", "held", "refused"]
RECEIPT = "receipt.json"
ROWS = "rows.parquet"
SET_ASIDE = "set_aside.parquet"
CORRECTIONS = "corrections.parquet"
TEMPORARY = ".writing-"
_ABANDONED_AFTER = timedelta(days=1)
_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of linux/fcntl.h and linux/fs.h."""


@dataclass(frozen=True, order=True)
class Window:
    """The half-open time range `[start, end)` a pull covers; both are instants in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs instants with a time zone")
        if self.start >= self.end:
            raise ValueError(f"window ends ({self.end}) before it starts ({self.start})")

    @property
    def folder(self) -> str:
        return f"window={stamp(self.start)}"


def stamp(instant: datetime) -> str:
    """An instant as a folder name, `20261117T160000Z`."""
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


@dataclass(frozen=True, order=True)
class Batch:
    """What one pull of one window of one feed brought."""

    feed_id: str
    window: Window
    batch_id: str

    def folder(self, stage: Stage) -> Path:
        return lake() / stage / self.feed_id / self.window.folder / f"batch={self.batch_id}"


def lake() -> Path:
    return settings.home() / "lake"


def same_batch(folder: Path, stage: Stage) -> Path:
    """The folder another stage gives the batch that `folder` holds."""
    return lake().joinpath(stage, *folder.absolute().parts[-3:])


def editions() -> Path:
    """Official editions of the code list that were loaded on top of the reference files."""
    return settings.home() / "editions"


def pace_file(feed_id: str) -> Path:
    """How fast the last backfill of a feed went."""
    return settings.home() / "backfills" / f"{feed_id}.json"


def kept_input(digest: str) -> Path:
    """Where a file that releases are made from is kept, under the digest of its contents."""
    return settings.home() / "inputs" / f"{digest}.zst"


def kept_inputs() -> list[Path]:
    """Every file that is kept so."""
    return sorted((settings.home() / "inputs").glob("*.zst"))


def warehouse_file() -> Path:
    return settings.home() / "warehouse" / "urbanbrain.duckdb"


def disclosed() -> Path:
    """What releases that are not here told, in a home that was made to make one release again."""
    return settings.home() / "disclosed.csv"


def releases() -> Path:
    return settings.home() / "releases"


def lineage_events() -> Path:
    """Where OpenLineage events are appended to."""
    return settings.home() / "lineage" / "events.jsonl"


def airflow_home() -> Path:
    return settings.home() / "airflow"


def batches(stage: Stage, feed_id: str = "*") -> list[Path]:
    """Folders of a stage that carry a receipt, oldest window first."""
    return sorted(path.parent for path in (lake() / stage).glob(f"{feed_id}/window=*/batch=*/{RECEIPT}"))


def alone(batch: Batch) -> contextlib.AbstractContextManager[None]:
    """Keep other processes from working on the same batch; a second one waits for the first to end."""
    # A few hundred names are enough to keep batches apart.
    return one_at_a_time(f"{batch.feed_id}/{batch.batch_id[:2]}")


@contextlib.contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Keep other processes from `what`; a second one waits for the first to end."""
    with _lock(what).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def side_by_side(what: str) -> Iterator[None]:
    """Work beside others who do, while nobody is alone at `what`, as `one_at_a_time` is."""
    with _lock(what).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def only_one(what: str) -> Iterator[bool]:
    """Whether no other process is at `what`; none can begin while the block runs."""
    with _lock(what).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _lock(what: str) -> Path:
    """The file to lock. Never removed, or two could hold "the" lock."""
    path = settings.home() / "locks" / what
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def new_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """A temporary folder that becomes `target`, whole, when the block ends well; otherwise nothing is left.

    When `target` already has a receipt the new folder is dropped: the same batch was written before. With
    `replace` the older one goes instead, once the new one is complete; so does whatever has no receipt. Old and new
    change places in one step, so that whoever looks finds one of the two.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target.parent))
    try:
        yield temporary
        for path in sorted(temporary.rglob("*")):
            if path.is_file():
                sync(path)
        sync(temporary)
        if (target / RECEIPT).exists() and not replace:
            return
        if os.path.lexists(target) and _swap(temporary, target):
            sync(target.parent)
            return
        drop_folder(target)
        try:
            temporary.rename(target)
        except OSError as error:
            # Somebody else wrote the same batch between our look and our rename: theirs is as good as ours.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not (target / RECEIPT).exists():
                raise
        sync(target.parent)
    finally:
        remove([temporary])


def _swap(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system or this kind of disk does not know how.

    Linux has it since 3.15 for ext4, xfs, btrfs and tmpfs, and Python does not offer it (renameat2(2)).
    """
    try:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    done = exchange(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)
    if done and ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS, errno.ENOENT):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    return not done


@contextlib.contextmanager
def scratch_folder(stage: Stage, feed_id: str) -> Iterator[Path]:
    """A folder for work whose batch is not known yet; gone, with all it holds, when the block ends.

    It lies beside the feed's windows, so that moving a file from it into `new_folder` is a rename.
    """
    parent = lake() / stage / feed_id
    parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def drop_folder(folder: Path) -> None:
    """Remove a folder at once, its bytes right after; `upkeep` ends what a kill cut short.

    A link that stands in its place goes, and what it leads to stays.
    """
    if os.path.lexists(folder):
        shutil.rmtree(set_aside(folder), ignore_errors=True)


def set_aside(folder: Path) -> Path:
    """Take a folder away at once and return where its bytes wait to be deleted."""
    doomed = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.parent))
    is_folder = folder.is_dir() and not folder.is_symlink()
    # An empty folder is replaced, so no moment shows half of the old one; only a folder may replace one.
    folder.rename(doomed if is_folder else doomed / folder.name)
    sync(folder.parent)
    return doomed


def write_file(target: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file under a temporary name, fsync it and rename it over `target`.

    Unless told every account may read it: readers of a release are other people than its writer.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    finally:  # a full disk is not to be filled with what was begun
        Path(name).unlink(missing_ok=True)
    sync(target.parent)


def sync(path: Path) -> None:
    """Fsync a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def leftovers(now: datetime) -> list[Path]:
    """What killed writers left behind, once it is a day old and nobody can still be writing it."""
    limit = (now - _ABANDONED_AFTER).timestamp()
    found: list[Path] = []
    for folder, folders, files in os.walk(
        settings.home()
    ):  # passes over what its writer takes away meanwhile
        found += [Path(folder, name) for name in (*folders, *files) if name.startswith(TEMPORARY)]
        folders[:] = [name for name in folders if not name.startswith(TEMPORARY)]
    return sorted(path for path in found if is_older(path, limit))


def is_older(path: Path, limit: float) -> bool:
    """Whether a file or folder was last written before that time, in seconds; not when it is gone."""
    try:
        return path.lstat().st_mtime < limit
    except FileNotFoundError:
        return False


def remove(paths: Iterable[Path]) -> None:
    """Delete files and folders, whole."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
