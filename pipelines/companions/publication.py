"""What a companion file is made from: the release's tables as they were just written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

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
