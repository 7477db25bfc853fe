"""What a companion file is made from: the release's tables as they were just written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines import releases
from pipelines.companions import coverage
from pipelines.companions.coverage import Area
from pipelines.contract.model import Contract
from pipelines.publication.disclosure import Disclosure
from pipelines.releases.table_files import TableFiles


@dataclass(frozen=True)
class PublishedFile:
    """One Parquet file of a release. `path` is relative to the folder of the release."""

    path: str
    rows: int
    size: int
    """In bytes."""
    sha256: str


@dataclass(frozen=True)
class PublishedTable:
    """One table of a release. `columns` are the names and DuckDB types in its files, in their order."""

    table: str
    files: tuple[PublishedFile, ...]
    """One, or one a period where the table is large."""
    columns: tuple[tuple[str, str], ...]
    contract: Contract | None = None

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def on_disk(self, folder: Path) -> TableFiles:
        """Its files, in the folder of the release."""
        return TableFiles(tuple(folder / file.path for file in self.files))


@dataclass(frozen=True)
class Part:
    """The tables of a release that the same people get, and where files that describe them stand."""

    folder: Path
    path: str
    """Of that folder, relative to the release's; empty for what anybody may read."""
    below: str
    """In which folder of the release its tables are."""
    access: str
    tables: tuple[PublishedTable, ...]
    times: Mapping[str, tuple[str, str]]
    """First and last day each table has rows of, by name."""


@dataclass(frozen=True)
class Publication:
    """A release whose tables are written and whose companions are not."""

    release_id: str
    as_of: datetime
    timezone: str
    version: str
    folder: Path
    project: Path
    contracts: tuple[Contract, ...]
    tables: tuple[PublishedTable, ...]
    """What anybody may read."""
    detail: tuple[PublishedTable, ...]
    """Every table in full, for the district centre."""
    manifest: Mapping[str, Any] = field(default_factory=dict)
    """What the manifest says of what went in; the files are not in it yet."""
    public: Disclosure | None = None
    """Who gets what."""
    followed: Mapping[str, Any] | None = None
    """What is kept of the release before, as `provenance/predecessor.py` tells it; None for the first."""

    @cached_property
    def areas(self) -> tuple[Area, ...]:
        """The areas the release is about, larger ones first."""
        return tuple(coverage.areas(self.tables, self.folder, self.as_of, self.timezone))

    @cached_property
    def parts(self) -> tuple[Part, Part]:
        """What anybody may read, and what the district centre gets."""
        return (
            self._part("", releases.TABLES, coverage.OPEN, self.tables),
            self._part(releases.DISTRICT, releases.DISTRICT, coverage.RESTRICTED, self.detail),
        )

    def _part(self, path: str, below: str, access: str, tables: tuple[PublishedTable, ...]) -> Part:
        times = coverage.times(tables, self.folder, self.timezone)
        return Part(self.folder / path, path, below, access, tables, times)
