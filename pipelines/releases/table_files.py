"""A published table on disk: one Parquet file, or one a month where it is large.

tables/governance.street_scorecard.parquet
tables/governance.incidents_hourly/period=2026-11/part-0.parquet
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.database import literal

PERIOD = "period"
SUFFIX = ".parquet"


@dataclass(frozen=True)
class TableFiles:
    """The Parquet files of one table, in the order in which they hold its rows."""

    files: tuple[Path, ...]

    @property
    def sql(self) -> str:
        """All its rows as a relation; the period in a folder's name is no column of the table."""
        names = ", ".join(literal(str(path)) for path in self.files)
        return f"read_parquet([{names}], hive_partitioning = false)"

    def is_whole(self) -> bool:
        """Whether every file is there."""
        return bool(self.files) and all(path.is_file() for path in self.files)

    def has_bytes_of(self, other: TableFiles) -> bool:
        """Whether the other table has the very same files."""
        return len(self.files) == len(other.files) and all(
            one.stat().st_size == two.stat().st_size and one.read_bytes() == two.read_bytes()
            for one, two in zip(self.files, other.files, strict=True)
        )


def table_of(path: str) -> str:
    """The table a Parquet file of a release belongs to, by its path inside one; empty for any other file."""
    parts = PurePosixPath(path).parts
    if not path.endswith(SUFFIX) or len(parts) not in (2, 4):
        return ""
    return parts[1].removesuffix(SUFFIX) if len(parts) == 2 else parts[1]


def by_table(folder: Path, paths: Iterable[str], below: str) -> dict[str, TableFiles]:
    """The tables among the files of a release, those in the folder `below` of it, by name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(paths):
        if path.startswith(f"{below}/") and (table := table_of(path)):
            found.setdefault(table, []).append(folder / path)
    return {table: TableFiles(tuple(files)) for table, files in sorted(found.items())}


def path_of(table: str, folder: str, period: str | None = None) -> str:
    """Where a table, or one period of it, goes inside a release."""
    if period is None:
        return f"{folder}/{table}{SUFFIX}"
    return f"{folder}/{table}/{PERIOD}={period}/part-0{SUFFIX}"
