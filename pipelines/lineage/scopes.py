"""What a name may mean at one place of a query: sources and aliases of its select, then those of the selects around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import expressions as sql

from pipelines.lineage.uses import NOTHING, TRANSFORMATION, Field, Relation, Unseen, Use, Uses, used


@dataclass
class Source:
    """One thing a select reads from."""

    name: str
    relation: Relation
    table: str = ""
    is_visible: bool = True  # the right side of a semi or anti join decides, but shows no column


@dataclass
class Scope:
    """What a name may mean at one place: sources and aliases of its select, then those of the selects around it."""

    tables: dict[str, Relation] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)
    aliases: dict[str, Uses] = field(default_factory=dict)
    windows: dict[str, sql.Window] = field(default_factory=dict)
    shadows: frozenset[str] = frozenset()
    outer: Scope | None = None

    def inner(self) -> Scope:
        return Scope(tables=dict(self.tables), outer=self, shadows=self.shadows)

    def shadowed(self, names: Iterable[str]) -> Scope:
        """The same place, where some names mean elements of a list that stands beside."""
        return replace(self, shadows=self.shadows | set(map(lower, names)))

    @property
    def rows(self) -> Uses:
        return frozenset[tuple[Field, Use]]().union(*(source.relation.rows for source in self.sources))


def named(parts: tuple[str, ...], scope: Scope) -> Uses:
    """What a name means at a place. Raises Unseen when nobody tells."""
    if parts[0] in scope.shadows:
        return NOTHING  # an element of a list, which stands beside
    around: Scope | None = scope
    while around is not None:
        found = _find(parts, around)
        if found is not None:
            return found
        around = around.outer
    raise Unseen(f"nobody tells what {'.'.join(parts)} is")


def _find(parts: tuple[str, ...], scope: Scope) -> Uses | None:
    """What a name means among the sources of one select: a column, a field of a struct, a whole row, an alias."""
    for source in scope.sources:
        if (
            len(parts) > 2
            and source.table == f"{parts[0]}.{parts[1]}"
            and parts[2] in source.relation.columns
        ):
            return _field_of(source.relation.columns[parts[2]], parts[3:])
    for source in scope.sources:
        if len(parts) > 1 and source.name == parts[0] and parts[1] in source.relation.columns:
            return _field_of(source.relation.columns[parts[1]], parts[2:])
    holding = [each for each in scope.sources if each.is_visible and parts[0] in each.relation.columns]
    if len(holding) > 1 and parts[0] not in scope.merged:
        raise Unseen(f"{parts[0]} may be a column of {' or '.join(sorted(each.name for each in holding))}")
    if holding:
        return _field_of(NOTHING.union(*(each.relation.columns[parts[0]] for each in holding)), parts[1:])
    if parts[0] in scope.aliases:
        return _field_of(scope.aliases[parts[0]], parts[1:])
    if len(parts) == 1 and (rows := [source for source in scope.sources if source.name == parts[0]]):
        return used(TRANSFORMATION, *rows[0].relation.columns.values())
    return None


def _field_of(uses: Uses, fields: Sequence[str]) -> Uses:
    return used(TRANSFORMATION, uses) if fields else uses


def lower(name: str) -> str:
    return name.lower()
