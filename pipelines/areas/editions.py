"""Official editions of the code list: what a file of one says, and the editions that were loaded.

    editions/level=street/edition=2023-06-30/rows.csv, receipt.json      under URBANBRAIN_HOME

An edition only says what there was on a day; what it changes is told and done in `comparing`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import contract, lake
from pipelines.contract.model import AREA_LEVELS, Contract
from pipelines.database import count, literal, memory, quoted
from pipelines.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FEED = "city_area_register"
COLUMNS = ("area_code", "area_name", "parent_area_code")
ROWS = "rows.csv"
SHOWN = 8
"""Rows that a message about an edition names."""


@dataclass(frozen=True, order=True)
class Edition:
    """One level of one edition. Its changes count from `in_force_on`; `edition_on` is the day the list describes."""

    edition_on: date
    level_place: int
    in_force_on: date
    rows: str
    """CSV of area_code, area_name, parent_area_code, sorted by code."""

    @property
    def level(self) -> str:
        return AREA_LEVELS[self.level_place]

    @property
    def folder(self) -> Path:
        return lake.editions() / f"level={self.level}" / f"edition={self.edition_on.isoformat()}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.in_force_on}\n{self.rows}".encode()).hexdigest()


def loaded() -> list[Edition]:
    """The editions that were loaded, oldest first. Raises DataError when one was changed since."""
    found = []
    for receipt in sorted(lake.editions().glob(f"level=*/edition=*/{lake.RECEIPT}")):
        try:
            said = json.loads(receipt.read_text(encoding="utf-8"))
            edition = Edition(
                date.fromisoformat(said["edition_on"]),
                AREA_LEVELS.index(said["level"]),
                date.fromisoformat(said["in_force_on"]),
                (receipt.parent / ROWS).read_text(encoding="utf-8"),
            )
            is_whole = said["sha256"] == edition.sha256
        except (OSError, ValueError, KeyError, TypeError):
            is_whole = False
        if not is_whole:
            raise DataError(
                f"the loaded edition {receipt.parent.relative_to(lake.editions())} was changed or is damaged",
                next_step="remove its folder and load the edition again with `urbanbrain areas load`",
            )
        found.append(edition)
    return sorted(found)


def keep(edition: Edition, origin: str) -> None:
    """Keep an edition, whole or not at all; `origin` is the name of the file it came in."""
    said = {
        "edition_on": edition.edition_on.isoformat(),
        "in_force_on": edition.in_force_on.isoformat(),
        "level": edition.level,
        "origin": origin,
        "rows": edition.rows.count("\n") - 1,
        "sha256": edition.sha256,
    }
    with lake.new_folder(edition.folder) as folder:
        lake.write_file(folder / ROWS, edition.rows.encode())
        lake.write_file(folder / lake.RECEIPT, (json.dumps(said, indent=1, sort_keys=True) + "\n").encode())


def read(path: Path, edition_on: date | None, in_force_on: date | None = None) -> list[Edition]:
    """The levels of an edition file, CSV in UTF-8 or validated rows of the register's feed, uppermost first.

    Columns are known by the names the feed's contract lists. Without `edition_on` the file's own column says the
    day. Raises DataError with everything that is wrong with the file.
    """
    import duckdb

    source = literal(str(path))
    how = (
        f"read_parquet({source})"
        if path.suffix == ".parquet"
        else f"read_csv({source}, header = true, all_varchar = true, quote = '\"')"
    )
    connection = memory()
    try:
        connection.execute(f"create temp table given as select * from {how}")
        names = [row[0] for row in connection.execute("describe given").fetchall()]
        register = contract.load(FEED)
        columns = {name: _column(register, name, names) for name in (*COLUMNS, "edition_on")}
        if missing := [name for name in COLUMNS if not columns[name]]:
            raise DataError(
                f"{path.name} has columns {', '.join(names)}; found none for {', '.join(missing)}",
                next_step=f"contracts/{register.level}/{register.name}.odcs.yaml lists the names each may have",
            )
        day = edition_on or _only_day(connection, path, columns["edition_on"])
        selected = ", ".join(f"trim({quoted(columns[name])}::varchar) as {name}" for name in COLUMNS)
        where = ""
        if columns["edition_on"]:
            where = f"where {quoted(columns['edition_on'])}::varchar = {literal(day.isoformat())}"
        connection.execute(f"create temp table rows as select {selected} from given {where} order by all")
        _refuse_if_wrong(connection, path, day)
        return _levels(connection, day, in_force_on or day)
    except duckdb.Error as error:
        raise DataError(
            f"{path.name} cannot be read: {str(error).splitlines()[0]}",
            next_step="give a CSV file in UTF-8 with a header, or validated rows of the register's feed",
        ) from error
    finally:
        connection.close()


def _column(register: Contract, name: str, given: Sequence[str]) -> str:
    return next((wire for wire in register.column(name).wire if wire in given), "")


def _only_day(connection: DuckDBPyConnection, path: Path, column: str) -> date:
    found = (
        connection.execute(f"select max({quoted(column)})::date from given").fetchone() if column else None
    )
    if not found or found[0] is None:
        raise DataError(
            f"{path.name} does not say of which day the edition is",
            next_step="give it with --edition-date DAY",
        )
    return date.fromisoformat(str(found[0]))


def _refuse_if_wrong(connection: DuckDBPyConnection, path: Path, day: date) -> None:
    problems = []
    for condition, words in (
        ("coalesce(area_code, '') = ''", "no code"),
        ("coalesce(area_name, '') = ''", "no name"),
        ("coalesce(parent_area_code, '') = ''", "no area above"),
        ("not regexp_full_match(area_code, '[0-9A-Za-z]+')", "a code of other signs than letters and digits"),
        (
            "area_code in (select area_code from rows group by all having count(*) > 1)",
            "a code that is there twice",
        ),
    ):
        rows = connection.execute(
            f"select area_code, area_name from rows where {condition} limit {SHOWN}"
        ).fetchall()
        if rows:
            problems.append(
                f"{words}: " + ", ".join(f"{code or ''} {name or ''}".strip() for code, name in rows)
            )
    if not count(connection, "select count(*) from rows"):
        problems.append(f"no rows of {day}")
    if problems:
        raise DataError(
            f"{path.name} is no edition of the code list\n" + "\n".join(f"  {line}" for line in problems),
            next_step="correct the file, or ask the statistics bureau; nothing was loaded",
        )


def _levels(connection: DuckDBPyConnection, edition_on: date, in_force_on: date) -> list[Edition]:
    """One edition per length of code. A street's codes have three digits less than its communities'."""
    found = []
    depths = {
        9: AREA_LEVELS.index("street"),
        12: AREA_LEVELS.index("community"),
        6: AREA_LEVELS.index("district"),
    }
    lengths = connection.execute("select distinct length(area_code) from rows order by all").fetchall()
    for (digits,) in lengths:
        if digits not in depths:
            raise DataError(
                f"the edition has codes of {digits} characters, expected 6, 9 or 12",
                next_step="correct the codes; nothing was loaded",
            )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(
            connection.execute(
                f"select * from rows where length(area_code) = {digits} order by all"
            ).fetchall()
        )
        found.append(Edition(edition_on, depths[digits], in_force_on, text.getvalue()))
    return found
