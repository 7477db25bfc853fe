"""From the warehouse to an immutable release: Parquet for dashboards, one DuckDB file for each street office.

Who gets what is decided in `disclosure.py`. The release id follows from what went in, so publishing the same
warehouse again writes nothing.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipelines import data_package, inputs, lake, office_views, releases
from pipelines.areas import editions
from pipelines.contract import dictionary
from pipelines.data_package import PublishedTable
from pipelines.database import literal, quoted
from pipelines.disclosure import Disclosure, PublicTable
from pipelines.errors import WarehouseError
from pipelines.lake import Window
from pipelines.office_file import OfficePlan, OfficeTable, OfficeView, build_apart
from pipelines.receipt import Receipt

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.contract.model import Contract

SHARED = "shared"
_ROW_GROUP = 122_880  # DuckDB's own vector-aligned size: a point query reads one, a scan uses every core
_CODE = re.compile(r"[0-9A-Za-z_-]+")
_BUILDERS = 2
_PARTS = ".parts"


def publish(
    connection: DuckDBPyConnection,
    contracts: Sequence[Contract],
    governance: Sequence[Contract],
    project: Path,
    batches: Sequence[dict[str, Any]] | None = None,
) -> Path:
    """Write the release of what the warehouse holds, point CURRENT at it and return its folder.

    `contracts` are the feeds', `governance` the output tables' and, if at hand, the reference tables'.
    `batches` are what it was built from, by default all of `ops.batches`: each with `feed_id`, `batch_id` and
    `landed_at`; whatever else they carry goes into the manifest.
    Raises WarehouseError when nothing is loaded, a promised table is missing, or an office file cannot be
    built; then CURRENT still names the release before.
    """
    batches = _loaded_batches(connection) if batches is None else batches
    if not batches:
        raise WarehouseError(
            "nothing is loaded, so there is nothing to publish",
            next_step="run `urbanbrain load` and `urbanbrain build` first",
        )
    as_of = max(_instant(batch["landed_at"]) for batch in batches)
    held = _held()
    release_id = _release_id(as_of, contracts, governance, project, batches, held)
    target = lake.releases() / release_id
    kept = inputs.keep(inputs.of_project(project) | inputs.of_home())
    if not _is_whole(release_id):  # one that is damaged on disk is written again, byte by byte the same
        with lake.new_folder(target) as folder:
            publication = _Publication(
                connection, contracts, governance, project=project, as_of=as_of, folder=folder
            )
            publication.write(release_id, batches, held, kept)
            _settle(folder)
    lake.write_file(lake.releases() / releases.CURRENT, f"{release_id}\n".encode())
    return target


def _is_whole(release_id: str) -> bool:
    try:
        return not releases.read(release_id).verify()
    except WarehouseError:
        return False


def write_tables(
    connection: DuckDBPyConnection,
    contracts: Sequence[Contract],
    governance: Sequence[Contract],
    folder: Path,
) -> tuple[dict[str, Path], dict[str, tuple[str, ...]]]:
    """Write the tables of a release and nothing else into a folder; returns the file and the key of each, by name."""
    public = Disclosure(contracts, governance, _columns(connection))
    files = {table.name: folder / f"{table.name}.parquet" for table in public.released}
    folder.mkdir(parents=True, exist_ok=True)
    for table in public.released:
        _copy(connection, table.query(), files[table.name])
    return files, {table.name: table.key for table in public.released}


class _Publication:
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
    ) -> None:
        self.connection = connection
        self.contracts = (*contracts, *governance)
        self.project = project
        self.as_of = as_of
        self.folder = folder
        self.timezone = _common_timezone(contracts)
        self.public = Disclosure(contracts, governance, _columns(connection))

    def write(
        self,
        release_id: str,
        batches: Sequence[dict[str, Any]],
        held: Sequence[dict[str, str]],
        kept: Mapping[str, str],
    ) -> None:
        version = _version()
        rows: dict[str, int | None] = {}
        published = []
        (self.folder / releases.TABLES).mkdir()
        for table in self.public.released:
            path = f"{releases.TABLES}/{table.name}.parquet"
            rows[path] = self._copy(table.query(), self.folder / path)
            file = self.folder / path
            published.append(
                PublishedTable(
                    table.name,
                    path,
                    file.stat().st_size,
                    releases.file_sha256(file),
                    table.columns,
                    table.contract,
                )
            )
        rows |= self._write_offices()
        package = data_package.describe(release_id, self.as_of.isoformat(), version, published)
        _write_json(self.folder / releases.DATA_PACKAGE, package)
        manifest = {
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
            "inputs_digest": releases.inputs_digest(self.project),
            "inputs": [{"path": name, "sha256": digest} for name, digest in kept.items()],
            "batches": sorted(
                ({key: _plain(value) for key, value in sorted(batch.items())} for batch in batches),
                key=lambda batch: json.dumps(batch, sort_keys=True, ensure_ascii=False),
            ),
            "held": held,
            "shared": sorted(table.short_name for table in self.public.shared),
            "files": [
                {
                    "path": (name := path.relative_to(self.folder).as_posix()),
                    "rows": rows.get(name),
                    "bytes": path.stat().st_size,
                    "sha256": releases.file_sha256(path),
                }
                for path in sorted(self.folder.rglob("*"))
                if path.is_file()
            ],
        }
        manifest["sha256"] = releases.manifest_sha256(manifest)
        _write_json(self.folder / releases.MANIFEST, manifest)

    def _write_offices(self) -> dict[str, int | None]:
        """Build the office files side by side; returns the rows each holds of its street."""
        rows: dict[str, int | None] = {}
        parts = self.folder / _PARTS
        parts.mkdir()
        with ThreadPoolExecutor(min(_BUILDERS, os.cpu_count() or 1)) as builders:
            building: list[Future[None]] = []
            for street in self._streets():
                path = f"{releases.OFFICES}/{street}/{street}.duckdb"
                (self.folder / path).parent.mkdir(parents=True)
                (parts / street).mkdir()
                plan, rows[path] = self._office(street, self.folder / path, parts / street)
                building.append(builders.submit(build_apart, plan, parts / street / "plan.json"))
            for future in building:
                future.result()
        shutil.rmtree(parts)
        return rows

    def _office(self, street: str, target: Path, parts: Path) -> tuple[OfficePlan, int]:
        own_rows = 0
        tables = [self._this_office(street, parts / "this_office.parquet")]
        for table, condition in self.public.of_street(street):
            part = parts / f"{table.name}.parquet"
            own_rows += self._copy(table.query(condition), part)
            tables.append(_office_table(table, table.schema, part))
        views = []
        for table in self.public.shared:
            file = self.folder / releases.TABLES / f"{table.name}.parquet"
            tables.append(_office_table(table, SHARED, file))
            # The same question then works on the release and in every office.
            query = f"from {quoted(SHARED)}.{quoted(table.short_name)}"
            comments = _comments_of_columns(table)
            views.append(
                OfficeView(
                    table.schema,
                    table.short_name,
                    query,
                    _comment_of(table),
                    column_comments=comments,
                )
            )
        for table in self.public.reference:
            file = self.folder / releases.TABLES / f"{table.name}.parquet"
            tables.append(_office_table(table, table.schema, file))
        plan = OfficePlan(
            str(target), street, tuple(tables), (*views, *office_views.read(self.project, self.contracts))
        )
        return plan, own_rows

    def _this_office(self, street: str, part: Path) -> OfficeTable:
        """One row that says whose file this is and as of when, for views to ask."""
        self._copy(
            f"select area_code as street_code, area_name as street_name, {literal(self._day().isoformat())}::date "
            f"as day, {literal(self.as_of.isoformat())}::timestamptz as as_of from ref.areas where area_level = "
            f"'street' and area_code = {literal(street)} and valid_from <= day and valid_to > day",
            part,
        )
        said, columns = office_views.SAID_OF_THIS_OFFICE, office_views.OF_THIS_OFFICE
        return OfficeTable("main", office_views.THIS_OFFICE, str(part), said, columns)

    def _streets(self) -> list[str]:
        """Codes of the streets in scope on the day of the release."""
        if "ref.areas" not in {table.name for table in self.public.reference}:
            raise WarehouseError("ref.areas is not loaded", next_step="run `urbanbrain load`")
        rows = self.connection.execute(
            "select distinct area_code from ref.areas where is_in_scope and area_level = 'street' "
            "and valid_from <= $day and valid_to > $day order by 1",
            {"day": self._day()},
        ).fetchall()
        codes = [str(code) for (code,) in rows]
        if strange := [code for code in codes if not _CODE.fullmatch(code)]:
            raise WarehouseError(
                f"street codes that cannot name a file: {', '.join(map(repr, strange))}",
                next_step="correct contracts/reference/areas.csv",
            )
        return codes

    def _day(self) -> date:
        return self.as_of.astimezone(ZoneInfo(self.timezone)).date()

    def _area_edition(self) -> str:
        """The day the register last changed, and a fingerprint of the files that say so."""
        row = self.connection.execute(
            "select max(valid_from) from ref.areas where valid_from <= $day", {"day": self._day()}
        ).fetchone()
        digest = releases.digest(self.project, (("contracts/reference", "area*.csv"),))
        newest = max((each.edition_on.isoformat() for each in editions.loaded()), default="")
        return f"{row[0] if row else None}+{digest[:10]}{f'+{newest}' if newest else ''}"

    def _copy(self, query: str, target: Path) -> int:
        return _copy(self.connection, query, target)


def _copy(connection: DuckDBPyConnection, query: str, target: Path) -> int:
    """Write a query as Parquet; returns its rows."""
    written = connection.execute(
        f"copy ({query}) to {literal(str(target))} "
        f"(format parquet, compression zstd, row_group_size {_ROW_GROUP})"
    ).fetchone()
    return int(written[0]) if written else 0


def _office_table(table: PublicTable, schema: str, source: Path) -> OfficeTable:
    return OfficeTable(schema, table.short_name, str(source), _comment_of(table), _comments_of_columns(table))


def _comments_of_columns(table: PublicTable) -> dict[str, str]:
    if not (contract := table.contract):
        return {}
    comments = {
        column.name: dictionary.both(column.description, column.business_name)
        for column in contract.stored_columns
    }
    comments |= {
        name: dictionary.both(english, chinese) for name, _, english, chinese in dictionary.lineage(contract)
    }
    return {name: comments[name] for name in table.names if name in comments}


def _comment_of(table: PublicTable) -> str:
    if not (contract := table.contract):
        return ""
    return dictionary.both(dictionary.table_description(contract), dictionary.table_title(contract))


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
        "inputs": releases.inputs_digest(project),
        "code": inputs.code(),
        "held": held,
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return f"{lake.stamp(as_of)}-{digest[:10]}"


def _settle(folder: Path) -> None:
    """Let every account read the release and nobody change its files; make the tree safe on disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o755 if path.is_dir() else 0o444)
        if path.is_dir():
            lake.sync(path)
    folder.chmod(0o755)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _loaded_batches(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    if "ops.batches" not in _columns(connection):
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


def _columns(connection: DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Column types of every table and view in the warehouse, `schema.table` → column → DuckDB type."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() and not internal "
        "order by schema_name, table_name, column_index"
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


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
