"""Official editions of the area code list: what one changes, and loading it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines import database, lake, settings
from pipelines.errors import CommandError, DataError
from pipelines.run.opening import readable
from pipelines.run.windows import day


def edition_summary(path: str, edition_on: str = "", in_force_on: str = "") -> dict[str, Any]:
    """Which edition is meant, and whether it can be read: file, days, rows per level. Raises DataError when not."""
    from pipelines.areas import editions

    file = _edition(path)
    read = editions.read(file, day(edition_on), day(in_force_on))
    return {
        "file": str(file),
        "edition_on": read[0].edition_on.isoformat(),
        "in_force_on": read[0].in_force_on.isoformat(),
        "rows": {each.level: each.rows.count("\n") - 1 for each in read},
    }


def edition_differences(path: str, edition_on: str = "", in_force_on: str = "") -> list[dict[str, Any]]:
    """What an official edition of the code list would change; `path` may be empty for the newest one that was pulled.

    Raises DataError when the file is no edition.
    """
    from pipelines import areas

    found = areas.differences(_reference(), _edition(path), day(edition_on), day(in_force_on))
    return [asdict(each) for each in found]


def load_edition(
    path: str, edition_on: str = "", in_force_on: str = "", *, dry_run: bool = False
) -> list[dict[str, Any]]:
    """Load an official edition of the code list on top of the reference files; returns what it changed.

    Raises DataError when it would drop a code that loaded facts use from the day its changes are in force.
    """
    from pipelines import areas

    given = _reference(), _edition(path), day(edition_on), day(in_force_on)
    if not lake.warehouse_file().exists():
        found = areas.load_edition(*given, warehouse=None, feeds=(), dry_run=dry_run)
    else:
        with database.writer(lake.warehouse_file()) as connection:
            found = areas.load_edition(*given, warehouse=connection, feeds=readable(), dry_run=dry_run)
    return [asdict(each) for each in found]


def _reference() -> Path:
    return settings.project() / "contracts" / "reference"


def _edition(path: str) -> Path:
    """The file that was named, or the newest edition of the register's feed that was validated."""
    from pipelines.areas import editions

    if path:
        if not Path(path).is_file():
            raise CommandError(
                f"there is no file {path}", next_step="give the path of an edition, CSV or Parquet"
            )
        return Path(path)
    folders = lake.batches("validated", editions.FEED)
    if not folders:
        raise DataError(
            f"no edition of {editions.FEED} was validated yet",
            next_step=f"run `urbanbrain run {editions.FEED} --window DAY`, or name a file",
        )
    return folders[-1] / lake.ROWS
