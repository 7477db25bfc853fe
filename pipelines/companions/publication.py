"""What a companion file is made from: the release's tables as they were just written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.contract.model import Contract


@dataclass(frozen=True)
class PublishedTable:
    """One Parquet file of a release. `columns` are the names and DuckDB types in the file, in file order."""

    table: str
    path: str
    """Relative to the folder of the release."""
    rows: int
    size: int
    sha256: str
    columns: tuple[tuple[str, str], ...]
    contract: Contract | None = None


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
