"""What may leave the warehouse, and who gets it. Decided from the contracts, so that no table is listed here.

    column    of class L3 or above, or free text (`…_text`)       nobody
    table     without `street_code`                               anybody
              keyed by `street_code` and no other identifier      anybody: figures about streets, an office its own
              with `street_code`                                  the district; an office gets its own rows
              holding the whole identifier of such a table        the district; an office gets what belongs to its rows
              with `audience: district`                           the district; an office gets its own rows
              with `audience: offices`                            an office gets its own rows, nobody else any

A column no contract names stays inside, but for the lineage of a feed's row (`_batch_id`, …).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipelines.contract import dictionary
from pipelines.database import literal, quoted
from pipelines.errors import WarehouseError

if TYPE_CHECKING:
    from pipelines.contract.model import Contract

STREET = "street_code"
_WITHHELD_CLASS = re.compile(r"L[3-9]")
_FREE_TEXT = re.compile(r"_text(_|$)")
_ROWS = frozenset({"received", "original", "correction", "final_record"})
"""Columns of the desk's tables that hold a row as JSON; of `_PARTS_OF_ROWS` some of its columns only."""
_PARTS_OF_ROWS = frozenset({"correction"})
_REASONS = frozenset({"reasons", "new_reasons"})
_IDENTIFIER = re.compile(r"_(id|no)$")


@dataclass(frozen=True)
class PublicTable:
    """A table of the warehouse as it may leave it."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """Names and DuckDB types."""
    key: tuple[str, ...] = ()
    contract: Contract | None = None
    redacted: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Column → what to publish instead of it, as SQL."""

    @property
    def schema(self) -> str:
        return self.name.partition(".")[0]

    @property
    def short_name(self) -> str:
        return self.name.partition(".")[2]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)

    @property
    def is_about_streets(self) -> bool:
        """Whether its rows are figures about streets, not records of one."""
        return STREET in self.key and not any(_IDENTIFIER.search(name) for name in self.key)

    @property
    def is_for_offices(self) -> bool:
        """Whether nobody but the office of a row's street gets it."""
        return self.contract is not None and self.contract.audience == "offices"

    @property
    def is_for_everyone(self) -> bool:
        """Whether anybody may get a row of it, were it not for what its rows are about."""
        return self.contract is None or self.contract.audience == "everyone"

    @property
    def identifier(self) -> tuple[str, ...]:
        """What else than the street its key names, when that identifies something."""
        others = tuple(name for name in self.key if name != STREET)
        return others if any(_IDENTIFIER.search(name) for name in others) else ()

    def query(self, condition: str = "true", relation: str = "") -> str:
        """Its columns in a total order, so that the same rows make the same bytes.

        `relation` is read instead of the table itself, as a protected copy of it is.
        """
        columns = ", ".join(f"{self._value(name, kind)} as {quoted(name)}" for name, kind in self.columns)
        return self.sorted(f"(select {columns} from {relation or qualified(self.name)} where {condition})")

    def sorted(self, rows: str) -> str:
        """Rows of it, a relation in SQL, in their total order: a street's together, by time, then by key.

        Readers ask for streets and days; what they ask for then lies in a few row groups.
        """
        time = self.contract.partition_by if self.contract else ""
        asked_for = (name for name in (STREET, time) if name in self.names)
        order = dict.fromkeys((*asked_for, *self.key, *self.names))
        return f"from {rows} order by {', '.join(f'{quoted(name)} nulls first' for name in order)}"

    def _value(self, name: str, kind: str) -> str:
        if name in self.redacted:
            return self.redacted[name]
        # A sum of integers is a HUGEINT. Parquet has none: DuckDB would silently write a rounded double.
        return f"{quoted(name)}::bigint" if kind == "HUGEINT" else quoted(name)


class Disclosure:
    """What leaves one warehouse, given the contracts and the columns it was found to have."""

    def __init__(
        self,
        feeds: Sequence[Contract],
        governance: Sequence[Contract],
        in_warehouse: Mapping[str, Mapping[str, str]],
    ) -> None:
        """`in_warehouse` is `schema.table` → column → DuckDB type.

        Raises WarehouseError when a promised governance table or column was not built.
        """
        self._contracts = {contract.table: contract for contract in (*feeds, *governance)}
        self._in_warehouse = in_warehouse
        self.feeds = [self._table(contract.table) for contract in feeds if contract.table in in_warehouse]
        self.governance = [self._table(c.table) for c in governance if c.level == "governance"]
        self.reference = [self._table(name) for name in in_warehouse if name.startswith("ref.")]
        promised = [contract for contract in governance if contract.level == "ops"]
        self.operations = [self._table(each.table) for each in promised if each.audience == "everyone"]
        self.closed = [self._table(each.table) for each in promised if each.audience == "district"]
        self.desk = [self._of_desk(each.table, feeds) for each in promised if each.audience == "offices"]

    @property
    def detail(self) -> list[PublicTable]:
        """Tables published in full, for the district centre."""
        tables = (*self.governance, *self.reference, *self.operations, *self.closed)
        return sorted((table for table in tables if not table.is_for_offices), key=lambda table: table.name)

    @property
    def open(self) -> list[PublicTable]:
        """Tables anybody may read, dashboards among them, once small counts in them are suppressed."""
        return sorted((*self.shared, *self.reference), key=lambda table: table.name)

    @property
    def shared(self) -> list[PublicTable]:
        """Tables every office gets whole, beside the reference tables."""
        return [*(table for table in self.governance if not self._is_split(table)), *self.operations]

    def of_street(self, street: str) -> list[tuple[PublicTable, str]]:
        """Tables an office gets a part of, each with the condition that selects this street's rows."""
        tables = (*self.feeds, *self.governance, *self.desk)
        return [
            (table, self._condition(table, street))
            for table in tables
            if self._is_split(table) and (STREET in table.names or self._owner(table))
        ]

    def _is_split(self, table: PublicTable) -> bool:
        if table.schema != "governance":
            return STREET in table.names
        if not table.is_for_everyone:
            return True
        return not table.is_about_streets and (STREET in table.names or self._owner(table) is not None)

    def _condition(self, table: PublicTable, street: str) -> str:
        of_street = f"{quoted(STREET)} = {literal(street)}"
        owner = self._owner(table)
        if STREET in table.names or owner is None:
            return of_street
        key = ", ".join(quoted(name) for name in owner.identifier)
        return f"({key}) in (select ({key}) from {qualified(owner.name)} where {of_street})"

    def _owner(self, table: PublicTable) -> PublicTable | None:
        """The table with a street whose whole identifier this one holds, as members hold their case's."""
        owners = (
            owner
            for owner in self.governance
            if owner.name != table.name
            and STREET in owner.names
            and owner.identifier
            and set(owner.identifier) <= set(table.names)
        )
        return next(owners, None)

    def _table(self, name: str) -> PublicTable:
        found = self._in_warehouse.get(name)
        contract = self._contracts.get(name)
        if found is None:
            raise WarehouseError(
                f"{name} is promised by {contract.path if contract else 'its contract'} but was not built",
                next_step="run `urbanbrain build`",
            )
        if contract is None:
            names = [column for column in found if not _FREE_TEXT.search(column)]
            return PublicTable(name, tuple((column, found[column]) for column in names))
        if missing := [column.name for column in contract.stored_columns if column.name not in found]:
            raise WarehouseError(
                f"{name} lacks {', '.join(missing)}, which {contract.path} promises",
                next_step="run `urbanbrain load` and `urbanbrain build`",
            )
        allowed = public_columns(contract)
        allowed += [name for name, *_ in dictionary.lineage(contract) if name in found]
        key = tuple(column for column in contract.key if column in allowed)
        return PublicTable(name, tuple((column, found[column]) for column in allowed), key, contract)

    def _of_desk(self, name: str, feeds: Sequence[Contract]) -> PublicTable:
        """Bad rows for the office that must correct them, of each row only what would leave of a good one."""
        table = self._table(name)
        redacted = {}
        for column in _ROWS.intersection(table.names):
            redacted[column] = f"case feed_id {' '.join(_public_row(column, feed) for feed in feeds)} end"
        found = "case feed_id"
        for contract in feeds:
            names = ", ".join(map(literal, public_columns(contract)))
            found += f" when {literal(contract.contract_id)} then broken.column_name in ({names})"
        for column in _REASONS.intersection(table.names):
            redacted[column] = (
                f"list_transform({column}, lambda broken: struct_update(broken, "
                f"found := case when {found} else false end then broken.found end))"
            )
        return replace(table, redacted=redacted)


def _public_row(column: str, contract: Contract) -> str:
    """The arm of a `case` that leaves of a row, kept as JSON, only what may leave the warehouse."""
    values = ", ".join(
        f"{literal(name)}: {column} ->> {literal(f'$.{quoted(name)}')}" for name in public_columns(contract)
    )
    row = f"to_json({{{values}}})"
    if column in _PARTS_OF_ROWS:  # what is not in it must not seem to be empty
        row = f"json_merge_patch('{{}}', {row})"
    return f"when {literal(contract.contract_id)} then case when {column} is not null then {row}::varchar end"


def public_columns(contract: Contract) -> list[str]:
    """Names of the columns that may leave the warehouse."""
    return [
        column.name
        for column in contract.stored_columns
        if not _WITHHELD_CLASS.match(column.classification) and not _FREE_TEXT.search(column.name)
    ]


def qualified(table: str) -> str:
    """`schema.table` as DuckDB reads it whatever is in it."""
    return ".".join(quoted(part) for part in table.split("."))
