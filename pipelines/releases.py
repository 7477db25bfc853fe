"""Reading releases: which one is current, whether its bytes are still the published ones, what is in it.

    releases/<release_id>/manifest.json             every other file with rows, bytes and sha256
                          datapackage.json          the same tables, described for Frictionless tools
                          dcat.jsonld               and for portals that harvest catalogues
                          changes.md, .json         what is different from the release before, and why
                          dictionary.html, .md      every table and column in words
                          tables/<schema>.<table>.parquet           figures anybody may read, small counts suppressed
                          district/<schema>.<table>.parquet         every table in full, for the district centre
                          …/<schema>.<table>/period=<month>/        one that is large, month by month
                          district/disclosed.csv                    which small counts were shown and hidden so far
                          offices/<street_code>/<street_code>.duckdb
    releases/CURRENT                                one line: the release id
    releases/pins/, replaced/, followed/, pruned/   what is noted about releases: `release_marks.py`

A release never changes. A reader resolves CURRENT once and stays with what it found; asking for CURRENT
again in the middle of a question would mix two releases. Writing releases is `stages/publishing.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines import decisions, lake, release_marks, table_files
from pipelines.errors import WarehouseError
from pipelines.table_files import TableFiles

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
_INPUTS = (
    ("warehouse", "*.sql"),
    ("contracts/reference", "*.csv"),
    ("contracts/reference", "*.yaml"),
    ("contracts/governance", "*.yaml"),
)
DATA_PACKAGE = "datapackage.json"
PAGE = "index.html"
TABLES = "tables"
DISTRICT = "district"
OFFICES = "offices"
DISCLOSED = "disclosed.csv"
"""In the folder of the district: what figures this release and those before it showed to anybody, and hid."""
_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{10}")
_NOTHING_YET = "run `make demo`, or `urbanbrain load`, `urbanbrain build` and `urbanbrain publish`"


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
        listed = self.manifest.get("inputs")
        return (
            {str(each["path"]): str(each["sha256"]) for each in listed} if isinstance(listed, list) else None
        )

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
        return _read_json(self.path / DATA_PACKAGE)

    def detail_package(self) -> dict[str, Any]:
        """The Frictionless description of `detail`; its paths are relative to the folder of the district."""
        return _read_json(self.path / DISTRICT / DATA_PACKAGE)

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
                problems.append(f"{name}: missing")
            elif name not in promised:
                problems.append(f"{name}: not in the manifest")
            elif problem := _changed(found[name], promised[name]["bytes"], promised[name]["sha256"]):
                problems.append(f"{name}: {problem}")
            elif too_open := _open_to(found[name], is_closed=audience(name) != TABLES):
                problems.append(f"{name}: {too_open}")
        return problems


def current() -> Release:
    """The release that readers should use, resolved once.

    Raises WarehouseError when nothing is published yet or CURRENT names nothing readable.
    """
    try:
        release_id = _pointer().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise WarehouseError("nothing is published yet", next_step=_NOTHING_YET) from None
    except (OSError, UnicodeDecodeError) as error:
        raise WarehouseError(
            f"{CURRENT} cannot be read: {type(error).__name__}",
            next_step="look at it; `urbanbrain publish` writes it again",
        ) from error
    return read(release_id)


def pointer() -> str:
    """What CURRENT says, whether or not there is such a release; empty when it says nothing."""
    try:
        return _pointer().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def has_pointer() -> bool:
    """Whether something was ever published here."""
    return _pointer().exists()


def _pointer() -> Path:
    return lake.releases() / CURRENT


def read(release_id: str) -> Release:
    """The release of that id. Raises WarehouseError when there is none or its manifest is broken."""
    path = lake.releases() / release_id
    if not _ID.fullmatch(release_id) or not (path / MANIFEST).is_file():
        listed = [release.release_id for release in list_releases()]
        is_start = not release_id or any(each.startswith(release_id) for each in listed)
        if gone := [] if is_start else release_marks.pruned(release_id):
            raise _pruned(gone)
        known = ", ".join(listed[-3:])
        raise WarehouseError(
            f"there is no release {release_id!r}",
            next_step=f"newest releases: {known}" if known else _NOTHING_YET,
        )
    manifest = _read_json(path / MANIFEST)
    if manifest.get("release_id") != release_id or not isinstance(manifest.get("files"), list):
        raise WarehouseError(
            f"{MANIFEST} in release {release_id} is not its manifest",
            next_step="move the release away and run `urbanbrain publish`",
        )
    return Release(release_id, path, manifest)


def _pruned(gone: Sequence[dict[str, Any]]) -> WarehouseError:
    said = [
        f"release {each['release_id']} was pruned on {str(each.get('pruned_at', '?'))[:10]}" for each in gone
    ]
    rule = f": {gone[0]['rule']}" if gone[0].get("rule") else ""
    return WarehouseError(
        f"{said[0]}{rule}" if len(said) == 1 else "several releases start so: " + "; ".join(said),
        next_step="a copy may be in a backup or where releases are uploaded; `urbanbrain release list` names those there are",
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest in a folder, wherever it is. Raises WarehouseError when it cannot be read."""
    return _read_json(folder / MANIFEST)


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


def unreadable() -> dict[str, str]:
    """Releases whose manifest cannot be read, by id, and why."""
    return _listed()[1]


def _listed() -> tuple[list[Release], dict[str, str]]:
    found, damaged = [], {}
    for path in sorted(lake.releases().iterdir()) if lake.releases().is_dir() else []:
        if not _ID.fullmatch(path.name):
            continue
        if not (path / MANIFEST).is_file():
            if path.is_dir() and any(path.iterdir()):  # a release appears whole, with its manifest in it
                damaged[path.name] = f"{path.name}/{MANIFEST} is missing"
        else:
            try:
                found.append(read(path.name))
            except WarehouseError as error:
                if (path / MANIFEST).is_file():  # it may have gone since it was listed
                    damaged[path.name] = error.message
    return found, damaged


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


def _changed(path: Path, size: int, sha256: str) -> str:
    """How a file differs from what the manifest says of it; empty when it does not."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return f"a {'link' if path.is_symlink() else 'special file'}, expected a file"
    if status.st_size != size:
        return f"{status.st_size} bytes, expected {size}"
    return "" if file_sha256(path) == sha256 else "its bytes changed since it was published"


def _open_to(path: Path, *, is_closed: bool) -> str:
    """Whom a file is open to and should not be; empty when nobody. An owner who may write is told nothing: copies are so."""
    mode = path.lstat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"mode {mode & 0o777:o}: others than its owner may change it"
    if is_closed and mode & stat.S_IROTH:
        return f"mode {mode & 0o777:o}: every account may read it"
    return ""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WarehouseError(
            f"{path.parent.name}/{path.name} cannot be read: {type(error).__name__}",
            next_step="move the release away and run `urbanbrain publish`",
        ) from error
    if not isinstance(values, dict):
        raise WarehouseError(f"{path.parent.name}/{path.name} holds no JSON object")
    return values


def inputs_digest(project: Path) -> str:
    """A digest of what a build is made with beside batches: models, reference files, output contracts, and, where
    there are any, editions and what people decided."""
    digests = [digest(project, _INPUTS)]
    if any(path.is_file() for path in lake.editions().glob("level=*/edition=*/*")):
        digests.append(digest(lake.editions(), ((".", "level=*/edition=*/*.*"),)))
    if decisions.files():
        digests.append(digest(decisions.root(), ((".", "*.json"),)))
    return "+".join(digests)


def digest(project: Path, kinds: Iterable[tuple[str, str]]) -> str:
    """A digest of names and contents of the files of these kinds, each a folder and a pattern."""
    found = hashlib.sha256()
    for folder, pattern in kinds:
        for path in sorted((project / folder).rglob(pattern)):
            content = path.read_bytes()
            found.update(f"{path.relative_to(project).as_posix()}\0{len(content)}\0".encode() + content)
    return found.hexdigest()
