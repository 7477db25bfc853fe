"""Which part of which release is asked, and a DuckDB that can read that and do nothing else."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines import settings
from pipelines.contract.dictionary import both
from pipelines.database import literal, quoted
from pipelines.errors import SettingError
from pipelines.releases import Release
from pipelines.releases.table_files import TableFiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY = "1GB"
_AMOUNT = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B)", re.IGNORECASE)


@dataclass(frozen=True)
class Bounds:
    """How long one question may take and how much memory it may have, such as `2GB`; "" is what the settings say."""

    seconds: float = settings.QUESTION_SECONDS
    memory: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf"):
            raise SettingError(f"{self.seconds:g} s is no time to give a question; expected more than 0")
        if self.memory and not _AMOUNT.fullmatch(self.memory):
            raise SettingError(
                f"{self.memory!r} is no amount of memory", next_step="write it such as 512MB or 2GB"
            )


@dataclass(frozen=True)
class Opening:
    """What the answering process is told first: everything it needs to know, so that it reads no setting itself."""

    folder: str
    """Where it works; paths are relative to it, so that an answer names no place of this machine."""
    office_file: str
    """The office's own file; "" for tables of the release."""
    timezone: str
    config: dict[str, Any]
    allowed: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    """What makes the views of a release and says what they mean."""


def opening(release: Release, office: str | None, *, is_open: bool, bounds: Bounds) -> Opening:
    """How to open one office's file, the tables anybody may read, or the district's, which are in full.

    Raises WarehouseError when the release has no such office.
    """
    config = {"memory_limit": _MEMORY, **settings.duckdb_config()}
    if bounds.memory:
        config["memory_limit"] = bounds.memory
    # With replacements a name in the question could mean a variable of this program.
    config |= {"temp_directory": "", "python_enable_replacements": "false"}
    if office is not None:
        path = release.office_file(office)
        return Opening(str(path.parent), path.name, release.timezone, config)
    tables = release.tables if is_open else release.detail
    package = release.data_package() if is_open else release.detail_package()
    inside = {
        name: TableFiles(tuple(path.relative_to(release.path) for path in table.files))
        for name, table in tables.items()
    }
    allowed = tuple(path.as_posix() for table in inside.values() for path in table.files)
    statements = _views(inside, package, set(release.manifest.get("shared", ())))
    return Opening(str(release.path), "", release.timezone, config, allowed, tuple(statements))


def _views(tables: dict[str, TableFiles], package: dict[str, Any], shared: set[str]) -> list[str]:
    """SQL for a view of every table. Shared tables appear in schema `shared`, too, as in an office's file."""
    resources = {resource["name"]: resource for resource in package.get("resources", ())}
    statements = []
    for name, files in tables.items():
        schema, _, table = name.partition(".")
        resource = resources.get(name.lower(), {})
        for place in [schema, *(["shared"] if table in shared else [])]:
            view = f"{quoted(place)}.{quoted(table)}"
            statements.append(f"create schema if not exists {quoted(place)}")
            statements.append(f"create view {view} as from {files.sql}")
            statements += _comment(f"view {view}", resource)
            for column in resource.get("schema", {}).get("fields", ()):
                statements += _comment(f"column {view}.{quoted(column['name'])}", column)
    return statements


def _comment(what: str, described: dict[str, Any]) -> list[str]:
    comment = both(described.get("description", ""), described.get("title", ""))
    return [f"comment on {what} is {literal(comment)}"] if comment else []


def connect(opening: Opening) -> DuckDBPyConnection:
    """A DuckDB that reads what the opening names. Changes the working folder of this process."""
    import duckdb

    os.chdir(opening.folder)
    connection = duckdb.connect(
        opening.office_file or ":memory:", read_only=bool(opening.office_file), config=opening.config
    )
    for statement in opening.statements:
        connection.execute(statement)
    connection.execute(f"set global timezone = {literal(opening.timezone)}")
    connection.execute(f"set allowed_paths = [{', '.join(map(literal, opening.allowed))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection
