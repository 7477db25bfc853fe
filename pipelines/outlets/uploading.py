"""A release at another place, for readers that never see this machine.

    <address>/<release_id>/manifest.json            of what is here; as published once everything is
                           index.html, …, tables/   what anybody may read
                           district/, offices/      only where somebody chose them
    <address>/CURRENT                               one line: the release id

Files first, then the manifest, then CURRENT: a release without its manifest does not exist, and a reader who resolves
CURRENT finds all of it. The manifest tells of nothing that was not uploaded: who knows a table but for one cell, and the
checksum of the whole, can try what the cell is. Killed anywhere, the next upload goes on; a file whose size and checksum
are there already is not sent again, and what was sent is read back. A release is never replaced by another one of the
same id.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines import lake, releases
from pipelines.errors import SettingError, WarehouseError
from pipelines.outlets.storage import Storage, Stored
from pipelines.releases import CURRENT, DISTRICT, MANIFEST, OFFICES, TABLES, Release, audience, retention
from pipelines.releases.retention import Policy

AUDIENCES = (TABLES, DISTRICT, OFFICES)
_TOLD_ANYBODY = ("release_id", "as_of", "timezone", "code_version", "contracts", "area_edition")
_TOGETHER = 4
_REPLACED, _PRUNED = "replaced", "pruned"


@dataclass(frozen=True)
class Uploaded:
    """What an upload did."""

    release_id: str
    url: str
    sent: int
    there: int
    """Files that were there already."""
    bytes: int
    """Bytes sent."""
    is_current: bool
    pruned: tuple[str, ...] = ()


def audiences(given: Collection[str]) -> tuple[str, ...]:
    """Whose files go along, in order. Raises SettingError for a word that is no audience."""
    if strange := [each for each in given if each not in AUDIENCES]:
        raise SettingError(
            f"{', '.join(map(repr, strange))}: expected {', '.join(AUDIENCES)}",
            next_step="tables is what anybody may read; district and offices hold rows about people's problems",
        )
    return tuple(each for each in AUDIENCES if each in given)


def upload(
    release: Release,
    url: str,
    only: Sequence[str] = (TABLES,),
    *,
    verify: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Uploaded:
    """Upload a release; CURRENT there follows when it is the current one here. With `verify` all that is there already is
    read back, too.

    Raises WarehouseError when another release of this id is there, a file here or there is not what was published, or
    the place does not take it; StorageUnavailable when it does not answer.
    """
    chosen = audiences(only)
    storage = Storage(url.rstrip("/"))
    with _alone_at(storage):
        there = storage.read(f"{release.release_id}/{MANIFEST}")
        earlier = _audiences_of(there, release, storage) if there is not None else ()
        sending = _Sending(storage, release, () if verify else earlier)
        files = [file for file in release.manifest["files"] if audience(str(file["path"])) in chosen]
        sizes: list[int | None] = []
        for size in sending.all_of(files):
            sizes.append(size)
            if progress:
                progress(len(sizes), len(files))
        told = audiences({*earlier, *chosen})
        manifest = _manifest(release, told)
        if there != manifest:  # one that tells of closed files is as closed as they are
            storage.write(f"{release.release_id}/{MANIFEST}", manifest, 0o444 if told == (TABLES,) else 0o440)
        is_current = releases.current().release_id == release.release_id
        if is_current:
            _point(storage, release.release_id)
    sent = [size for size in sizes if size is not None]
    return Uploaded(release.release_id, storage.url, len(sent), len(files) - len(sent), sum(sent), is_current)


def _alone_at(storage: Storage) -> contextlib.AbstractContextManager[None]:
    """Keep other processes of this home from uploading there and from pruning what is being uploaded."""
    return lake.one_at_a_time(f"uploads/{hashlib.sha256(storage.url.encode()).hexdigest()[:16]}")


class _Sending:
    """The files of one release on their way."""

    def __init__(self, storage: Storage, release: Release, trusted: Sequence[str]) -> None:
        """`trusted` are the audiences whose files a manifest there tells of: they were read back once."""
        self._storage = storage
        self._release = release
        self._there = storage.files(release.release_id)
        self._trusted = trusted

    def all_of(self, files: Sequence[dict[str, Any]]) -> Iterator[int | None]:
        """Bytes sent of each; None for one that was there."""
        with ThreadPoolExecutor(_TOGETHER) as senders:
            waiting = [senders.submit(self._send, file) for file in files]
            try:
                for each in waiting:
                    yield each.result()
            finally:
                senders.shutdown(cancel_futures=True)

    def _send(self, file: dict[str, Any]) -> int | None:
        source = self._release.path / file["path"]
        name = f"{self._release.release_id}/{file['path']}"
        there = self._there.get(name)
        is_trusted = audience(str(file["path"])) in self._trusted
        if (
            there
            and there.size == file["bytes"]
            and (is_trusted or self._storage.sha256(name) == file["sha256"])
        ):
            return None
        if not source.is_file() or releases.file_sha256(source) != file["sha256"]:
            raise WarehouseError(
                f"{self._release.release_id}/{file['path']} is not what was published, so it was not uploaded",
                next_step=f"urbanbrain release verify {self._release.release_id}",
            )
        self._storage.put(name, source)
        if self._storage.sha256(name) != file["sha256"]:
            raise WarehouseError(
                f"{self._storage.url}/{name} reads back differently from what was sent",
                next_step="run it again; the manifest is not there yet, so nobody reads it",
            )
        return int(file["bytes"])


def _manifest(release: Release, chosen: tuple[str, ...]) -> bytes:
    """The manifest of what goes to these audiences; for all of them, the one that was published."""
    if chosen == AUDIENCES:
        return (release.path / MANIFEST).read_bytes()
    manifest: dict[str, Any] = {name: release.manifest.get(name) for name in _TOLD_ANYBODY}
    manifest["audiences"] = list(chosen)
    manifest["files"] = [file for file in release.manifest["files"] if audience(str(file["path"])) in chosen]
    manifest["sha256"] = releases.manifest_sha256(manifest)
    return (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()


def _audiences_of(there: bytes, release: Release, storage: Storage) -> tuple[str, ...]:
    """Whose files a manifest there tells of. Raises WarehouseError when it is not of this release."""
    choices = (
        each for size in range(1, len(AUDIENCES) + 1) for each in itertools.combinations(AUDIENCES, size)
    )
    for chosen in choices:
        if there == _manifest(release, chosen):
            return chosen
    raise WarehouseError(
        f"{storage.url} holds another release {release.release_id}",
        next_step="upload to another folder; a release never changes",
    )


def _point(storage: Storage, release_id: str) -> None:
    """Let CURRENT there name a release; the one it named keeps the time at which it was replaced."""
    before = current_at(storage)
    if before == release_id:
        return
    if before:
        storage.write(f"{_REPLACED}/{before}", b"")
    storage.write(CURRENT, f"{release_id}\n".encode())


def current_at(storage: Storage) -> str:
    """The release CURRENT names there; empty before the first one."""
    return (storage.read(CURRENT) or b"").decode("utf-8", errors="replace").strip()


def prune(url: str, by: Policy, now: datetime, *, dry_run: bool = False) -> list[str]:
    """Remove releases there that the policy lets go; returns their ids. Pins are those of this home.

    The manifest goes first, so that no moment shows half a release; what a kill leaves, the next run removes.
    """
    storage = Storage(url.rstrip("/"))
    with _alone_at(storage):
        return _prune(storage, by, now, dry_run=dry_run)


def _prune(storage: Storage, by: Policy, now: datetime, *, dry_run: bool) -> list[str]:
    files = storage.files()
    current = current_at(storage)
    found: list[tuple[str, dict[str, Any], Stored]] = []
    for name, stored in files.items():
        release_id, _, rest = name.partition("/")
        if rest == MANIFEST and (manifest := _read(storage.read(name), release_id)):
            found.append((release_id, manifest, stored))
    if not found or not any(release_id == current for release_id, _, _ in found):
        return []
    listed = [
        retention.seen(
            manifest, stored.at, each.at if (each := files.get(f"{_REPLACED}/{release_id}")) else None
        )
        for release_id, manifest, stored in found
    ]
    listed.sort(key=lambda each: (each.as_of, each.published, each.release_id == current))
    going = [fate.release_id for fate in retention.judge(listed, current, by, now) if not fate.stays]
    begun = [
        name.partition("/")[2]
        for name in files
        if name.startswith(f"{_PRUNED}/")
        and f"{name.partition('/')[2]}/{MANIFEST}" not in files
        and any(each.startswith(f"{name.partition('/')[2]}/") for each in files)
    ]
    if not dry_run:
        for release_id in going:
            storage.write(f"{_PRUNED}/{release_id}", by.rule.encode())
            storage.remove(f"{release_id}/{MANIFEST}")
        for release_id in (*going, *begun):
            storage.remove_folder(release_id)
    return going


def _read(content: bytes | None, release_id: str) -> dict[str, Any]:
    """A manifest; empty for what is none, which is left alone."""
    try:
        manifest = json.loads(content or b"")
    except ValueError:
        return {}
    is_one = isinstance(manifest, dict) and manifest.get("release_id") == release_id
    return manifest if is_one and isinstance(manifest.get("files"), list) else {}
