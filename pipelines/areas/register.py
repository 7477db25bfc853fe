"""The register of areas: the reference files and, one after the other, every official edition that was loaded.

The reference files stay what people know better than a list: when a unit was approved and began to work, which
became which. The register is made anew each time, so that it never depends on the order of loading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import lake
from pipelines.areas import comparing, editions, names, reference
from pipelines.areas.comparing import Difference
from pipelines.areas.editions import Edition
from pipelines.areas.resolving import NEEDED
from pipelines.contract.model import Contract
from pipelines.database import count, literal, memory, quoted
from pipelines.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MADE = ("areas", "area_aliases", "area_lineage")


def load_reference(
    connection: DuckDBPyConnection, folder: Path, only: Collection[str] | None = None
) -> dict[str, int]:
    """Fill schema `ref` from the files of a folder and every edition that was loaded; as `reference.load_files`.

    What files and editions make together is kept, so that judging a batch need not make it again.
    """
    given = editions.loaded()
    if not given:
        return reference.load_files(connection, folder, only)
    kept = lake.editions() / "register" / _made_from(folder, given)
    if not (kept / lake.RECEIPT).is_file():
        made = memory()
        try:
            _reference(made, folder, given)
            with lake.new_folder(kept) as new:
                for name in _MADE:
                    made.execute(
                        f"copy ref.{name} to {literal(str(new / f'{name}.parquet'))} (format parquet)"
                    )
                lake.write_file(new / lake.RECEIPT, b"{}\n")
        finally:
            made.close()

    def extend(connection: DuckDBPyConnection) -> None:
        for name in _MADE:
            rows = literal(str(kept / f"{name}.parquet"))
            connection.execute(f"create or replace table ref.{name} as from read_parquet({rows})")

    return reference.load_files(connection, folder, only, extend)


def _made_from(folder: Path, given: Sequence[Edition]) -> str:
    """A digest of everything the register is made from: files, editions, and the code that puts them together."""
    found = hashlib.sha256()
    files = sorted([*folder.glob("area*.csv"), *folder.glob("area*.yaml")])
    for path in (*files, *sorted(Path(__file__).parent.glob("*.py"))):
        content = path.read_bytes()
        found.update(f"{path.name}\0{len(content)}\0".encode() + content)
    for edition in given:
        found.update(f"{edition.edition_on}\0{edition.level}\0{edition.sha256}\0".encode())
    return found.hexdigest()[:16]


def _reference(
    connection: DuckDBPyConnection,
    folder: Path,
    given: Sequence[Edition],
    *,
    is_checked: bool = False,
) -> dict[str, int]:
    def extend(connection: DuckDBPyConnection) -> None:
        comparing.start(connection)
        for edition in given:
            comparing.compare(connection, edition)
            comparing.carry_out(connection, edition)
        names.write_names(connection)

    return reference.load_files(connection, folder, NEEDED, extend, is_checked=is_checked)


def differences(
    folder: Path, path: Path, edition_on: date | None, in_force_on: date | None = None
) -> list[Difference]:
    """What an edition would change, against the reference files of a folder and the editions before it."""
    connection = memory()
    try:
        return _differences(connection, folder, editions.read(path, edition_on, in_force_on))
    finally:
        connection.close()


def _differences(connection: DuckDBPyConnection, folder: Path, given: Sequence[Edition]) -> list[Difference]:
    own = {each.folder for each in given}
    before = [each for each in editions.loaded() if each < given[0] and each.folder not in own]
    _reference(connection, folder, before)
    found = []
    for edition in given:
        found += comparing.compare(connection, edition)
        comparing.carry_out(connection, edition)
    return found


def load_edition(
    folder: Path,
    path: Path,
    edition_on: date | None,
    in_force_on: date | None = None,
    *,
    warehouse: DuckDBPyConnection | None,
    feeds: Sequence[Contract],
    dry_run: bool = False,
) -> list[Difference]:
    """Load an edition on top of the reference files of a folder and return what it changed.

    Loading the same edition twice changes nothing. Raises DataError when it would drop a code that facts in the
    warehouse use, or when that edition was loaded with other rows; ContractError when the register would not hold.
    """
    given = editions.read(path, edition_on, in_force_on)
    connection = memory()
    try:
        found = _differences(connection, folder, given)
        known = {each.folder: each for each in editions.loaded()}
        for edition in given:
            if (other := known.get(edition.folder)) and other.sha256 != edition.sha256:
                raise DataError(
                    f"edition {edition.edition_on} of level {edition.level} was loaded already, with other rows or "
                    "another day in force",
                    next_step=f"remove {edition.folder} first, if this one is right",
                )
        dropped = {each.was_code or each.area_code for each in found if _drops(each)}
        if warehouse is not None and dropped:
            _refuse_if_used(warehouse, feeds, dropped, given[0])
        # The register once more, with every check: it must hold with this edition and with all that came later.
        together = {**known, **{each.folder: each for each in given}}
        _reference(connection, folder, sorted(together.values()), is_checked=True)
    finally:
        connection.close()
    for edition in [] if dry_run else given:
        editions.keep(edition, path.name)
    return found


def _drops(difference: Difference) -> bool:
    return difference.kind in ("gone", "recoded") and not difference.is_known


def _refuse_if_used(
    warehouse: DuckDBPyConnection, feeds: Sequence[Contract], dropped: Collection[str], edition: Edition
) -> None:
    used = list(_used(warehouse, feeds, dropped, edition.in_force_on))
    if used:
        shown = used[: editions.SHOWN]
        more = f"\n  … and {len(used) - len(shown)} more" if len(used) > len(shown) else ""
        raise DataError(
            f"edition {edition.edition_on} drops codes that loaded facts use on or after {edition.in_force_on}; "
            "nothing was loaded\n" + "\n".join(f"  {line}" for line in shown) + more,
            next_step="correct those facts at their source, or let the changes count from a later day: "
            "`urbanbrain areas load … --in-force DAY`",
        )


def _used(
    warehouse: DuckDBPyConnection, feeds: Sequence[Contract], codes: Collection[str], day: date
) -> Iterator[str]:
    """Facts of the warehouse in these areas on or after a day, a line per table and code."""
    listed = ", ".join(map(literal, sorted(codes)))
    for feed in feeds:
        column = next((each for each in feed.columns if each.area), None)
        if column is None or column.area is None or not _is_there(warehouse, feed):
            continue
        when = quoted(column.area.as_of)
        if feed.column(column.area.as_of).type == "TIMESTAMPTZ":
            when = f"timezone({literal(feed.timezone)}, {when})::date"
        rows = warehouse.execute(
            f"select {quoted(column.name)}, count(*), min({when}), max({when}) from {feed.table} where "
            f"{quoted(column.name)} in ({listed}) and {when} >= date {literal(day.isoformat())} group by all order by all"
        ).fetchall()
        for code, facts, first, last in rows:
            yield f"{feed.table}.{column.name}: {facts:,} rows use {code}, from {first} to {last}"


def _is_there(warehouse: DuckDBPyConnection, feed: Contract) -> bool:
    query = f"from duckdb_tables() where schema_name = {literal(feed.level)} and table_name = {literal(feed.name)}"
    return count(warehouse, f"select count(*) {query}") > 0
