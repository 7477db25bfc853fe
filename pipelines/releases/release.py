"""One release: what its manifest says, where its files are, and whether they are still as they were published."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.errors import WarehouseError, step_about_files
from pipelines.releases import table_files
from pipelines.releases.table_files import TableFiles

RESTORE = "restore it from a backup, or move the release away and run `urbanbrain publish`"
MANIFEST = "manifest.json"
DATA_PACKAGE = "datapackage.json"
PAGE = "index.html"
TABLES = "tables"
DISTRICT = "district"
OFFICES = "offices"
DISCLOSED = "disclosed.csv"
"""In the folder of the district: what figures this release and those before it showed to anybody, and hid."""


@dataclass(frozen=True)
class Release:
    """One publication of everything, as its manifest describes it."""

    release_id: str
    path: Path
    manifest: dict[str, Any] = field(repr=False, hash=False, compare=False)

    @property
    def as_of(self) -> str:
        """When the newest batch in it was pulled, ISO 8601 in UTC."""
        return str(self.manifest["as_of"])

    @property
    def timezone(self) -> str:
        """The zone its readers live in."""
        return str(self.manifest["timezone"])

    @property
    def inputs(self) -> dict[str, str] | None:
        """Digests of the files it was made from, by name; None when it was published before they were kept."""
        return inputs_of(self.manifest)

    @property
    def disclosed_before(self) -> str:
        """Under which digest is kept what earlier releases had told when it was published; empty for nothing."""
        return str(self.manifest.get("disclosed_before", ""))

    @property
    def disclosed(self) -> str:
        """Under which digest is kept what this release and those before it told; empty where none said so."""
        files = {str(file["path"]): str(file["sha256"]) for file in self.manifest["files"]}
        return files.get(f"{DISTRICT}/{DISCLOSED}", "")

    @property
    def tables(self) -> dict[str, TableFiles]:
        """The files of each table that anybody may read, by name such as `governance.street_scorecard`."""
        return self._parquet(TABLES)

    @property
    def detail(self) -> dict[str, TableFiles]:
        """The files of every published table in full, by name such as `governance.cases`."""
        return self._parquet(DISTRICT)

    def _parquet(self, folder: str) -> dict[str, TableFiles]:
        return table_files.by_table(self.path, (str(file["path"]) for file in self.manifest["files"]), folder)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows every published table has in full."""
        return self.rows_of(DISTRICT)

    def rows_of(self, folder: str) -> dict[str, int]:
        """How many rows each table in `TABLES` or `DISTRICT` has."""
        found: dict[str, int] = {}
        for file in self.manifest["files"]:
            if str(file["path"]).startswith(f"{folder}/") and (table := table_files.table_of(file["path"])):
                found[table] = found.get(table, 0) + int(file["rows"] or 0)
        return found

    @property
    def offices(self) -> tuple[str, ...]:
        """Street codes that have an office file."""
        paths = (str(file["path"]).split("/") for file in self.manifest["files"])
        return tuple(sorted({parts[1] for parts in paths if parts[0] == OFFICES}))

    def office_file(self, street_code: str) -> Path:
        """The office file of a street. Raises WarehouseError when this release has none for it."""
        if street_code not in self.offices:
            raise WarehouseError(
                f"release {self.release_id} has no office file for {street_code!r}",
                next_step=f"offices in it: {', '.join(self.offices) or 'none'}",
            )
        return self.path / office_path(street_code)

    def data_package(self) -> dict[str, Any]:
        """The Frictionless description of `tables`."""
        return read_object(self.path / DATA_PACKAGE)

    def detail_package(self) -> dict[str, Any]:
        """The Frictionless description of `detail`; its paths are relative to the folder of the district."""
        return read_object(self.path / DISTRICT / DATA_PACKAGE)

    def verify(self) -> list[str]:
        """Every way the folder differs from what was published; empty when it is whole."""
        problems = []
        if self.manifest.get("sha256") != manifest_sha256(self.manifest):
            problems.append(f"{MANIFEST}: changed since it was published")
        own = self.path / MANIFEST
        if not own.is_file() or own.is_symlink():
            problems.append(f"{MANIFEST}: {'a link, expected a file' if own.is_symlink() else 'missing'}")
        elif too_open := _open_to(own, is_closed=True):
            problems.append(f"{MANIFEST}: {too_open}")
        promised = {str(file["path"]): file for file in self.manifest["files"]}
        found = {path.relative_to(self.path).as_posix(): path for path in _files(self.path)}
        for name in sorted((promised.keys() | found.keys()) - {MANIFEST}):
            if name not in found:
                problems.append(f"{name}: {_why_absent(self.path, name)}")
            elif name not in promised:
                problems.append(f"{name}: not in the manifest")
            elif problem := _changed(found[name], promised[name]["bytes"], promised[name]["sha256"]):
                problems.append(f"{name}: {problem}")
            elif too_open := _open_to(found[name], is_closed=audience(name) != TABLES):
                problems.append(f"{name}: {too_open}")
        return problems


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest in a folder, wherever it is. Raises WarehouseError when it cannot be read."""
    return read_object(folder / MANIFEST)


def inputs_of(manifest: Mapping[str, Any]) -> dict[str, str] | None:
    """Digests of the files a manifest says its release was made from, by name; None where it says nothing of them."""
    listed = manifest.get("inputs")
    return {str(each["path"]): str(each["sha256"]) for each in listed} if isinstance(listed, list) else None


def manifest_sha256(manifest: dict[str, Any]) -> str:
    """The checksum a manifest carries of all its other keys."""
    others = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(others, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def office_path(street_code: str) -> str:
    """Where a street's office file is inside a release."""
    return f"{OFFICES}/{street_code}/{street_code}.duckdb"


def audience(path: str) -> str:
    """Who a file of a release is for, by its path in one: anybody (`TABLES`), an office (`OFFICES`), or those who may see
    every row (`DISTRICT`). A folder we do not know is not open. Nor is the manifest: who knows a closed table but for one
    cell, and the table's checksum, can try what the cell is."""
    if path == MANIFEST:
        return DISTRICT
    folder, _, rest = path.partition("/")
    if not rest or folder == TABLES:
        return TABLES
    return OFFICES if folder == OFFICES else DISTRICT


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    """Everything below a folder that is no folder itself: links and pipes have no place in a release."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _why_absent(folder: Path, name: str) -> str:
    """Why a file of a release was not found: it is gone, or a folder it may lie in is closed to this account."""
    for part in PurePosixPath(name).parts[:-1]:
        folder = folder / part
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            return f"not looked at, this account may not read {folder.name}/"
    return "missing"


def _changed(path: Path, size: int, sha256: str) -> str:
    """How a file differs from what the manifest says of it; empty when it does not."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return f"a {'link' if path.is_symlink() else 'special file'}, expected a file"
    if status.st_size != size:
        return f"{status.st_size} bytes, expected {size}"
    try:
        return "" if file_sha256(path) == sha256 else "its bytes changed since it was published"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _open_to(path: Path, *, is_closed: bool) -> str:
    """Whom a file is open to and should not be; empty when nobody. An owner who may write is told nothing: copies are so."""
    mode = path.lstat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"mode {mode & 0o777:o}: others than its owner may change it; `chmod go-w` closes it"
    if is_closed and mode & stat.S_IROTH:
        return f"mode {mode & 0o777:o}: every account may read it; `chmod o-r` closes it"
    return ""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a release. Raises WarehouseError when there is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it is no JSON"
        raise WarehouseError(
            f"{path.parent.name}/{path.name} cannot be read: {reason}",
            next_step=step_about_files(reason, RESTORE),
        ) from error
    if not isinstance(values, dict):
        raise WarehouseError(f"{path.parent.name}/{path.name} holds no JSON object", next_step=RESTORE)
    return values


def why_no_manifest(values: Mapping[str, Any], release_id: str) -> str:
    """Why an object cannot be the manifest of that release; empty when it can. Old ones lack what is not asked for here."""
    if values.get("release_id") != release_id:
        return "it is another release's"
    try:
        if datetime.fromisoformat(values["as_of"]).tzinfo is None:
            return "its as_of has no time zone"
        ZoneInfo(values["timezone"])
        for batch in values["batches"]:
            if not isinstance(batch, dict):
                return "one of its batches is no object"
        for file in values["files"]:
            path = PurePosixPath(file["path"])
            if path.is_absolute() or ".." in path.parts or not path.parts:
                return f"it names {str(path)!r}, which lies outside"
            if not (isinstance(file["bytes"], int) and isinstance(file["sha256"], str)):
                return f"it says no size and checksum of {path}"
            int(file["rows"] or 0)
        for each in values.get("inputs") or ():
            str(each["path"]), str(each["sha256"])
    except (KeyError, TypeError, ValueError, OSError) as error:  # OSError: a zone that names no file
        return f"{type(error).__name__} {error}"
    return ""
