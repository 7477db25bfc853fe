"""How a column is used, and what the columns and rows of a relation are made of.

A use is what OpenLineage's column lineage facet calls a transformation. DIRECT is a value handed through (IDENTITY),
computed with (TRANSFORMATION) or summed up (AGGREGATION); INDIRECT is one that only decides: which branch
(CONDITIONAL), which rows of a window and in what order (WINDOW), which rows at all (JOIN, FILTER, GROUP_BY, SORT).
The rows of a table are a field of their own, `*`: they are made of the rows of other tables, and `count(*)` is made
of rows, not of any column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

ROWS = "*"


class Unseen(Exception):
    """What a query does that its text does not tell."""


class Field(NamedTuple):
    """A column of a table, or with `*` its rows."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


class Use(NamedTuple):
    """How a field goes into another one."""

    kind: Literal["DIRECT", "INDIRECT"]
    subtype: str

    @property
    def is_direct(self) -> bool:
        return self.kind == "DIRECT"


IDENTITY = Use("DIRECT", "IDENTITY")
TRANSFORMATION = Use("DIRECT", "TRANSFORMATION")
AGGREGATION = Use("DIRECT", "AGGREGATION")
CONDITIONAL = Use("INDIRECT", "CONDITIONAL")
WINDOW = Use("INDIRECT", "WINDOW")
JOIN = Use("INDIRECT", "JOIN")
FILTER = Use("INDIRECT", "FILTER")
GROUP_BY = Use("INDIRECT", "GROUP_BY")
SORT = Use("INDIRECT", "SORT")
UNSEEN = Use("INDIRECT", "UNSEEN")
"""Nobody can tell whether and how: not a word of OpenLineage, and in none of its events."""
_STRENGTH = (IDENTITY, TRANSFORMATION, AGGREGATION)

Uses = frozenset[tuple[Field, Use]]
NOTHING: Uses = frozenset()


def through(outer: Use, inner: Use) -> Use:
    """How a field is used whose use is used: what only decides anywhere on the way only decides."""
    if UNSEEN in (outer, inner):
        return UNSEEN
    if outer.is_direct and inner.is_direct:
        return max(outer, inner, key=_STRENGTH.index)
    return inner if outer.is_direct else outer


@dataclass(frozen=True)
class Relation:
    """What a query answers with: its columns in their order, and what its rows depend on."""

    columns: Mapping[str, Uses]
    rows: Uses = NOTHING


def used(use: Use, *parts: Uses) -> Uses:
    """The same fields, used so."""
    return frozenset((each, through(use, inner)) for part in parts for each, inner in part)


def told_apart(columns: Mapping[str, Uses]) -> Uses:
    """What rows depend on that are told apart by all their columns."""
    return used(GROUP_BY, *columns.values())


def united(one: Relation, other: Relation) -> Relation:
    """The rows of both, columns by their places."""
    if len(one.columns) != len(other.columns):
        raise Unseen(f"it unites {len(one.columns)} columns with {len(other.columns)}")
    pairs = zip(one.columns.items(), other.columns.values(), strict=True)
    return Relation({name: uses | more for (name, uses), more in pairs}, one.rows | other.rows)


def united_by_name(one: Relation, other: Relation) -> Relation:
    """The rows of both, columns by their names."""
    names = dict.fromkeys([*one.columns, *other.columns])
    united = {name: one.columns.get(name, NOTHING) | other.columns.get(name, NOTHING) for name in names}
    return Relation(united, one.rows | other.rows)


def called(relation: Relation, names: Sequence[str]) -> Relation:
    """The same columns, the first of them under other names."""
    if not names:
        return relation
    if len(names) > len(relation.columns):
        raise Unseen(f"it names {len(names)} columns where there are {len(relation.columns)}")
    kept = [*names, *list(relation.columns)[len(names) :]]
    return Relation(dict(zip(kept, relation.columns.values(), strict=True)), relation.rows)
