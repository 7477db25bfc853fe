"""From the warehouse to an immutable release: Parquet for dashboards and for the district, one DuckDB file an office.

Who gets what is decided in `publication/disclosure.py`. The release id follows from what went in, so publishing the same
warehouse again writes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import companions, lake, releases, suppression
from pipelines.areas import editions
from pipelines.companions import Publication
from pipelines.errors import WarehouseError
from pipelines.lake import Window
from pipelines.provenance import inputs, predecessor
from pipelines.publication import release_parts
from pipelines.publication.disclosure import Disclosure
from pipelines.publication.release_parts import ReleaseParts
from pipelines.receipt import Receipt
from pipelines.releases import marks
from pipelines.releases.table_files import TableFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.contract.model import Contract

_log = logging.getLogger(__name__)


def publish(
    connection: DuckDBPyConnection,
    contracts: Sequence[Contract],
    governance: Sequence[Contract],
    project: Path,
    batches: Sequence[dict[str, Any]] | None = None,
    *,
    follows: bytes | None = None,
) -> Path:
    """Write the release of what the warehouse holds, point CURRENT at it and return its folder.

    `contracts` are the feeds', `governance` the output tables' and, if at hand, the reference tables'.
    `batches` are what it was built from, by default all of `ops.batches`: each with `feed_id`, `batch_id` and
    `landed_at`; whatever else they carry goes into the manifest. `follows` is what was kept of the release this one
    follows, when that is not what CURRENT names: see `provenance/predecessor.py`.
    Raises WarehouseError when nothing is loaded, a promised table is missing, or an office file cannot be
    built; then CURRENT still names the release before.
    """
    batches = _loaded_batches(connection) if batches is None else batches
    if not batches:
        raise WarehouseError(
            "nothing is loaded, so there is nothing to publish",
            next_step="run `urbanbrain load` and `urbanbrain build` first",
        )
    with marks.being_changed():
        return _publish(connection, contracts, governance, project, batches, follows)


def _publish(
    connection: DuckDBPyConnection,
    contracts: Sequence[Contract],
    governance: Sequence[Contract],
    project: Path,
    batches: Sequence[dict[str, Any]],
    given: bytes | None,
) -> Path:
    as_of = max(_instant(batch["landed_at"]) for batch in batches)
    held = _held()
    release_id = _release_id(as_of, contracts, governance, project, batches, held)
    target = lake.releases() / release_id
    kept = inputs.keep(inputs.of_project(project) | inputs.of_home())
    if not _is_whole(release_id):  # one that is damaged on disk is written again, byte by byte the same
        followed, kept_of_it = predecessor.of(release_id, given)
        kept = dict(sorted((kept | kept_of_it).items()))
        # Nobody else is at it, so these are what killed ones left: as large as a release each.
        lake.remove(lake.releases().glob(f"{lake.TEMPORARY}*"))
        with lake.new_folder(target) as folder:
            writing = _Writing(
                connection,
                contracts,
                governance,
                project=project,
                as_of=as_of,
                folder=folder,
                before=_disclosed_before(release_id),
            )
            writing.write(release_id, batches, held, kept, followed)
            _settle(folder)
    _make_current(release_id)
    return target


def _make_current(release_id: str) -> None:
    before = releases.pointer()
    with contextlib.suppress(OSError):  # what it said may be no name of a file
        if before != release_id and (lake.releases() / before / releases.MANIFEST).is_file():
            marks.note_replaced(before)
    try:
        lake.write_file(lake.releases() / releases.CURRENT, f"{release_id}\n".encode())
    except IsADirectoryError as error:
        raise WarehouseError(
            f"{releases.CURRENT} is a folder, so nothing can name release {release_id}",
            next_step="move it away and publish again; the release itself is written",
        ) from error


def _is_whole(release_id: str) -> bool:
    try:
        return not releases.read(release_id).verify()
    except WarehouseError:
        return False


def _disclosed_before(release_id: str) -> bytes:
    """What earlier releases told, as the memory of suppressed figures keeps it; empty where there are none.

    A release that is written again remembers what it did the first time. Another one remembers the release readers
    have and all as of the newest instant there is: somebody may have gone back to an older one, or to older rules.
    """
    found = {release.release_id: release for release in releases.list_releases()}
    if release_id not in found and (lake.releases() / release_id).exists():  # its manifest cannot be read
        found = {name: release for name, release in found.items() if name < release_id}
    if (again := found.pop(release_id, None)) is not None:
        return inputs.read(again.disclosed_before) if again.disclosed_before else b""
    newest = max((release.as_of for release in found.values()), default="")
    told = [release for release in found.values() if release.as_of == newest]
    with contextlib.suppress(WarehouseError):
        told += [found[name] for name in (releases.current().release_id,) if name in found]
    digests = sorted({release.disclosed for release in told if release.disclosed})
    contents = [inputs.read(digest) for digest in digests]
    if lake.disclosed().is_file():
        contents.append(lake.disclosed().read_bytes())
    return suppression.together(contents)


def write_detail(
    connection: DuckDBPyConnection,
    contracts: Sequence[Contract],
    governance: Sequence[Contract],
    folder: Path,
) -> tuple[dict[str, TableFiles], dict[str, tuple[str, ...]]]:
    """Write the tables in full and nothing else into a folder; returns the file and the key of each, by name."""
    public = Disclosure(contracts, governance, release_parts.columns_of(connection))
    return release_parts.write_detail(connection, public, folder)


class _Writing:
    """One release while it is being written into a temporary folder."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        contracts: Sequence[Contract],
        governance: Sequence[Contract],
        *,
        project: Path,
        as_of: datetime,
        folder: Path,
        before: bytes,
    ) -> None:
        self.connection = connection
        self.before = before
        self.contracts = (*contracts, *governance)
        self.project = project
        self.as_of = as_of
        self.folder = folder
        self.timezone = _common_timezone(contracts)
        self.public = Disclosure(contracts, governance, release_parts.columns_of(connection))
        self.parts = ReleaseParts(
            connection,
            self.contracts,
            self.public,
            project=project,
            as_of=as_of,
            timezone=self.timezone,
            folder=folder,
            before=before,
        )

    def write(
        self,
        release_id: str,
        batches: Sequence[dict[str, Any]],
        held: Sequence[dict[str, str]],
        kept: Mapping[str, str],
        followed: predecessor.Account | None,
    ) -> None:
        version = _version()
        tables, detail = self.parts.write_tables()
        rows = {file.path: file.rows for table in (*tables, *detail) for file in table.files}
        rows |= self.parts.write_offices()
        manifest: dict[str, Any] = {
            "release_id": release_id,
            "as_of": self.as_of.isoformat(),
            "timezone": self.timezone,
            "code_version": version,
            "contracts": [
                {"id": contract.contract_id, "version": contract.version, "sha256": contract.sha256}
                for contract in sorted(self.contracts, key=lambda contract: contract.contract_id)
            ],
            "area_edition": self._area_edition(),
            "code": inputs.code(),
            "inputs_digest": inputs.build_digest(self.project),
            "inputs": [{"path": name, "sha256": digest} for name, digest in kept.items()],
            "batches": sorted(
                ({key: _plain(value) for key, value in sorted(batch.items())} for batch in batches),
                key=lambda batch: json.dumps(batch, sort_keys=True, ensure_ascii=False),
            ),
            "held": held,
            "shared": sorted(table.short_name for table in self.public.shared),
        }
        if reckoned := self.parts.protection.unprotected:
            _log.warning(
                "%d hidden figures can be reckoned from what earlier releases showed; `urbanbrain release audit` names them",
                reckoned,
            )
        if self.parts.protection.open:
            told = (self.folder / releases.DISTRICT / releases.DISCLOSED).read_bytes()
            inputs.keep_content(told, is_closed=True)
            if self.before:
                manifest["disclosed_before"] = inputs.keep_content(self.before, is_closed=True)
        companions.write(
            Publication(
                release_id,
                self.as_of,
                self.timezone,
                version,
                self.folder,
                self.project,
                self.contracts,
                tables,
                detail,
                manifest,
                self.public,
                followed,
            )
        )
        manifest["files"] = [
            {
                "path": (name := path.relative_to(self.folder).as_posix()),
                "rows": rows.get(name),
                "bytes": path.stat().st_size,
                "sha256": releases.file_sha256(path),
            }
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        ]
        manifest["sha256"] = releases.manifest_sha256(manifest)
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        (self.folder / releases.MANIFEST).write_text(text + "\n", encoding="utf-8")

    def _area_edition(self) -> str:
        """The day the register last changed, and a fingerprint of the files that say so."""
        row = self.connection.execute(
            "select max(valid_from) from ref.areas where valid_from <= $day", {"day": self.parts.day}
        ).fetchone()
        digest = inputs.content_digest(self.project, (("contracts/reference", "area*.csv"),))
        newest = max((each.edition_on.isoformat() for each in editions.loaded()), default="")
        return f"{row[0] if row else None}+{digest[:10]}{f'+{newest}' if newest else ''}"


def _release_id(
    as_of: datetime,
    contracts: Sequence[Contract],
    governance: Sequence[Contract],
    project: Path,
    batches: Sequence[dict[str, Any]],
    held: Sequence[dict[str, str]],
) -> str:
    """`<as-of>-<10 hex>`: the hex covers everything a release is made from."""
    made_of = {
        "batches": sorted(
            [
                str(batch.get(name))
                for name in (
                    "feed_id",
                    "window_start",
                    "batch_id",
                    "contract_sha256",
                    "is_refused",
                    "position",
                    "judged_with",
                )
            ]
            for batch in batches
        ),
        "contracts": sorted([c.contract_id, c.version, c.sha256] for c in (*contracts, *governance)),
        "inputs": inputs.build_digest(project),
        "code": inputs.code(),
        "held": held,
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return f"{lake.stamp(as_of)}-{digest[:10]}"


def _settle(folder: Path) -> None:
    """Nobody changes the files any more. Every account reads what is open, the group also what is not."""
    for path in sorted(folder.rglob("*"), reverse=True):
        of = path / "anything" if path.is_dir() else path  # a folder is as closed as what lies in it
        is_closed = releases.audience(of.relative_to(folder).as_posix()) != releases.TABLES
        if path.is_dir():
            path.chmod(0o750 if is_closed else 0o755)
            lake.sync(path)
        else:
            path.chmod(0o440 if is_closed else 0o444)
    folder.chmod(0o755)


def _loaded_batches(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    if "ops.batches" not in release_parts.columns_of(connection):
        return []
    found = connection.execute(
        "select *, row_number() over (partition by feed_id order by rowid) as position from ops.batches"
    )
    names = [column[0] for column in found.description or ()]
    loaded = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [{**batch, "judged_with": _judged_with(batch)} for batch in loaded]


def _held() -> list[dict[str, str]]:
    """Batches that are or were held: the ledger tells of them though nothing of some was loaded."""
    return [
        {"feed_id": feed, "window": window, "batch": batch}
        for feed, window, batch in (folder.parts[-3:] for folder in lake.batches("held"))
    ]


def _judged_with(batch: dict[str, Any]) -> str:
    """The list of what a batch was judged with; empty for one that was refused, or judged before lists were kept."""
    try:
        window = Window(batch["window_start"], batch["window_end"])
        receipt = Receipt.read(lake.Batch(batch["feed_id"], window, batch["batch_id"]).folder("validated"))
    except (KeyError, FileNotFoundError):
        return ""
    return str(receipt.details.get(inputs.JUDGED_WITH, ""))


def _common_timezone(contracts: Sequence[Contract]) -> str:
    zones = {contract.timezone for contract in contracts}
    return zones.pop() if len(zones) == 1 else "UTC"


def _version() -> str:
    return importlib.metadata.version("urbanbrain")


def _instant(value: object) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise WarehouseError(f"a loaded batch was landed at {value!r}, expected an instant with a time zone")
    return found.astimezone(UTC)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    return value if isinstance(value, (str, int, float, bool, list, dict)) or value is None else str(value)
