"""Who reads a column, or the rows of a table: tables, views, offices, exports. Taken from the SQL and the contracts.

Nobody declares who reads what: lineage follows a column through models and office views, disclosure says what of it leaves
the warehouse, and for whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines import lineage, releases
from pipelines.contract import FEED_LEVELS, Column, Contract, Level, dictionary
from pipelines.contract.model import LEVELS
from pipelines.promises.change import ROWS
from pipelines.promises.promise import Promise
from pipelines.publication.disclosure import Disclosure, PublicTable
from pipelines.releases.table_files import path_of

OWN, WHOLE = "own rows", "all rows"


@dataclass(frozen=True)
class Hit:
    """Who reads something. `offices` are the tables by which street offices get it, each with what part of it."""

    tables: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.tables, self.views, self.offices, self.exports))

    def __or__(self, other: Hit) -> Hit:
        pairs = zip(
            (self.tables, self.views, self.offices, self.exports),
            (other.tables, other.views, other.offices, other.exports),
            strict=True,
        )
        return Hit(*(tuple(sorted({*mine, *theirs})) for mine, theirs in pairs))


class Readers:
    """Who reads what in a project, of contracts that may not be the project's own."""

    def __init__(self, contracts: Iterable[Contract], project: Path) -> None:
        promised = sorted(contracts, key=lambda each: each.contract_id)
        self._lineage = lineage.of(promised, project)
        columns = {
            each.table: {
                **{column.name: column.type for column in each.stored_columns},
                **{name: kind for name, kind, *_ in dictionary.lineage(each)},
            }
            for each in promised
        }
        feeds = [each for each in promised if each.is_feed]
        public = Disclosure(feeds, [each for each in promised if not each.is_feed], columns)
        self._exports = [
            *((path_of(table.name, releases.TABLES), table) for table in public.open),
            *((path_of(table.name, releases.DISTRICT), table) for table in public.detail),
        ]
        whole = {table.name: (table, WHOLE) for table in (*public.shared, *public.reference)}
        self._offices: Mapping[str, tuple[PublicTable, str]] = whole | {
            table.name: (table, OWN) for table, _ in public.of_street("")
        }

    def of(self, table: str, column: str = ROWS) -> Hit:
        """Who reads a column over any number of tables; of all of the table, when none is named."""
        if table not in self._lineage.columns:
            return Hit()
        if column == ROWS:
            steps = self._lineage.all_readers(table)
            read = {(table, each) for each in (ROWS, *self._lineage.columns[table])}
        elif column in self._lineage.columns[table]:
            steps = self._lineage.readers(table, column)
            read = {(table, column)}
        else:
            return Hit()
        read |= {(step.field.table, step.field.column) for step in steps}
        made = {name for name, _ in read} - {table}
        views = {name for name in made if name.startswith(f"{lineage.VIEWS}.")}
        return Hit(
            tuple(sorted(made - views)),
            tuple(sorted(name.partition(".")[2] for name in views)),
            tuple(
                sorted(
                    f"{name} ({part})" for name, (each, part) in self._offices.items() if _leaves(each, read)
                )
            ),
            tuple(sorted(path for path, each in self._exports if _leaves(each, read))),
        )


def _leaves(table: PublicTable, read: set[tuple[str, str]]) -> bool:
    """Whether anything that is read leaves the warehouse with this table."""
    return any((table.name, column) in read for column in (ROWS, *table.names))


def with_old_columns(contracts: Iterable[Contract], old: Mapping[str, Promise]) -> list[Contract]:
    """Today's contracts with what was promised before and is gone, so that its readers can be found."""
    found = {each.contract_id: each for each in contracts}
    for contract_id, promise in old.items():
        today = found.get(contract_id) or _bare(contract_id, promise)
        known = {column.name for column in today.columns}
        gone = [name for name in promise["columns"] if name not in known]
        if gone or contract_id not in found:
            columns = (*today.columns, *(_column(name, promise["columns"][name]) for name in gone))
            digest = f"{today.sha256}+{','.join(gone)}"
            found[contract_id] = replace(today, columns=columns, sha256=digest)
    return list(found.values())


def _bare(contract_id: str, promise: Promise) -> Contract:
    """A contract that is no more, as far as finding its readers needs it."""
    level_name, _, name = promise["table"].partition(".")
    level: Level = next(each for each in (*FEED_LEVELS, *LEVELS) if each == level_name)
    return Contract(
        contract_id, level, name, name, "", "", "", promise["version"], promise.get("status", ""), "", "", (), (),
        audience=promise.get("audience", "everyone"), keep_versions=promise.get("keep_versions", False),
    )  # fmt: skip


def _column(name: str, said: Mapping[str, object]) -> Column:
    return Column(
        name, "", "", str(said.get("logical_type", "string")), str(said.get("type", "VARCHAR")), (name,),
        is_key=bool(said.get("is_key")), classification=str(said.get("classification", "")),
        privacy="drop" if said.get("privacy") == "drop" else "",
    )  # fmt: skip


def together(hits: Sequence[Hit]) -> Hit:
    """Everybody who is hit by any of several changes."""
    found = Hit()
    for each in hits:
        found |= each
    return found
