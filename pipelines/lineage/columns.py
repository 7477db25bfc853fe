"""What every column of the project is made of, and who reads it: from the SQL of models, reductions and office views.

Tables are named as in the warehouse; a view of the office files is `office.<view>`. A feed's columns, reference tables
and what the channel keeps of itself are where everything begins. Nothing is run, and no data is looked at.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines import contract as contracts
from pipelines.contract import LEVELS, Contract, dictionary
from pipelines.lineage import queries
from pipelines.lineage.uses import IDENTITY, ROWS, UNSEEN, Field, Relation, Unseen, Use, Uses, through
from pipelines.publication import office_views
from pipelines.stages import governance

VIEWS = "office"
_COMMENT = re.compile("--.*")


@dataclass(frozen=True, order=True)
class Step:
    """A field at the other end of a way through the project, and how it is used there."""

    field: Field
    uses: tuple[Use, ...]
    via: Field
    """The field next to it on a shortest way."""

    @property
    def is_direct(self) -> bool:
        """Whether its values, and not only a decision, come through."""
        return any(use.is_direct for use in self.uses)

    @property
    def is_seen(self) -> bool:
        """Whether the SQL tells so; otherwise nobody can rule it out."""
        return self.uses != (UNSEEN,)


@dataclass(frozen=True)
class Lineage:
    """Every field with the fields it is made of."""

    columns: Mapping[str, tuple[str, ...]]
    """The columns of each table and view."""
    made_of: Mapping[Field, Uses]
    """For each column that is made, and as column `*` for the rows of each table, what its query reads."""
    origins: Mapping[str, str]
    """The file that makes a table."""
    unseen: Mapping[str, str]
    """Tables of whose query something cannot be told, and what."""

    def sources(self, table: str, column: str = ROWS) -> tuple[Step, ...]:
        """Where a column begins: columns of feeds, reference and ops tables; none at all for a constant."""
        reached = self._far([self._field(table, column)], self.made_of)
        return tuple(step for step in reached if step.field not in self.made_of)

    def readers(self, table: str, column: str = ROWS) -> tuple[Step, ...]:
        """Everything made of a column, over any number of tables; of its rows, when none is named."""
        return self._far([self._field(table, column)], self._turned)

    def all_readers(self, table: str) -> tuple[Step, ...]:
        """Everything that reads a table at all."""
        start = self._field(table, ROWS)
        return self._far([start, *(Field(table, column) for column in self.columns[table])], self._turned)

    def relation(self, table: str) -> Relation:
        """What the query of one table reads, no further."""
        columns = {name: self.made_of.get(Field(table, name), frozenset()) for name in self.columns[table]}
        return Relation(columns, self.made_of.get(Field(table, ROWS), frozenset()))

    def read_by(self, table: str) -> set[str]:
        """The tables the query of one table reads."""
        made = (Field(table, column) for column in (*self.columns[table], ROWS))
        return {read.table for each in made for read, _ in self.made_of.get(each, ())}

    def is_constant(self, table: str, column: str) -> bool:
        """Whether a column is proved to be made, over any number of tables, of nothing but what stands in the SQL."""
        return self._field(table, column) in self.made_of and not self.sources(table, column)

    @functools.cached_property
    def _turned(self) -> dict[Field, Uses]:
        turned: dict[Field, set[tuple[Field, Use]]] = {}
        for made, uses in self.made_of.items():
            for read, use in uses:
                turned.setdefault(read, set()).add((made, use))
        return {read: frozenset(uses) for read, uses in turned.items()}

    def _field(self, table: str, column: str) -> Field:
        if column != ROWS and column not in self.columns.get(table, ()):
            raise KeyError(f"{table}.{column}")
        if table not in self.columns:
            raise KeyError(table)
        return Field(table, column)

    @staticmethod
    def _far(starts: Sequence[Field], steps: Mapping[Field, Uses]) -> tuple[Step, ...]:
        """Every field reached by any number of steps."""
        reached: dict[Field, set[Use]] = {}
        via: dict[Field, Field] = {}
        waiting = deque((start, IDENTITY) for start in starts)
        while waiting:
            here, so_far = waiting.popleft()
            for there, use in sorted(steps.get(here, ())):
                used = through(so_far, use)
                if there not in starts and used not in reached.setdefault(there, set()):
                    reached[there].add(used)
                    via.setdefault(there, here)
                    waiting.append((there, used))
        return tuple(sorted(Step(each, tuple(sorted(uses)), via[each]) for each, uses in reached.items()))


def of_project(project: Path) -> Lineage:
    """The lineage of all of a project's SQL; read once for the same texts. Raises ContractError."""
    return of(contracts.load_all(LEVELS, project / "contracts"), project)


def of(promises: Iterable[Contract], project: Path) -> Lineage:
    """The same for other contracts than the project's, such as one somebody wants to change."""
    promised = tuple(promises)
    models = {
        model.table: (model.origin, model.query) for model in governance.read_models(project / "warehouse")
    }
    for view in office_views.read(project, ()):
        models[f"{VIEWS}.{view.name}"] = (view.origin, view.query)
    text = repr([(each.table, each.sha256) for each in promised]) + repr(sorted(models.items()))
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest not in _known:
        _known.clear()
        _known[digest] = _Project(promised, models).read()
    return _known[digest]


_known: dict[str, Lineage] = {}  # a build and its checks ask several times


class _Project:
    """One reading: models are resolved when somebody asks for their columns, each once."""

    def __init__(self, promises: Sequence[Contract], models: Mapping[str, tuple[str, str]]) -> None:
        self._models = models
        whose = f"{VIEWS}.{office_views.THIS_OFFICE}"
        self._columns: dict[str, tuple[str, ...]] = {whose: tuple(office_views.OF_THIS_OFFICE)}
        self._made_of: dict[Field, Uses] = {}
        self._unseen: dict[str, str] = {}
        self._origins = {table: origin for table, (origin, _) in models.items()}
        self._reading: set[str] = set()
        for promise in promises:
            self._promised(promise)

    def read(self) -> Lineage:
        for table in self._models:
            self._resolve(table)
        return Lineage(dict(sorted(self._columns.items())), self._made_of, self._origins, self._unseen)

    def _promised(self, promise: Contract) -> None:
        columns = (*(column.name for column in promise.stored_columns), *_names(dictionary.lineage(promise)))
        self._columns[promise.table] = columns
        self._origins.setdefault(promise.table, promise.path)
        if promise.keep_versions:
            table = promise.history_table
            known = (
                *(column.name for column in promise.stored_columns),
                *_names(dictionary.history_lineage(promise)),
            )
            self._columns[table] = known
            self._origins[table] = promise.path
            for column in {*columns} & {*known}:
                self._made_of[Field(table, column)] = frozenset({(Field(promise.table, column), IDENTITY)})
            self._made_of[Field(table, ROWS)] = frozenset({(Field(promise.table, ROWS), IDENTITY)})
        if promise.is_reduced:
            self._reduced(promise)

    def _reduced(self, promise: Contract) -> None:
        """What rows of a feed are summed up to, of what arrives: both go by the name of the feed's table."""
        arriving = [column.name for column in promise.judged_columns]
        lineage = [*_names(dictionary.lineage(promise))]
        try:
            read = queries.read(
                dictionary.reduction(promise, promise.table),
                lambda table: [*arriving, *lineage] if table == promise.table else None,
            )
        except Unseen as why:
            self._unseen[promise.table] = str(why)
            return
        self._columns[promise.table] += tuple(
            name for name in arriving if name not in self._columns[promise.table]
        )
        for name, uses in read.columns.items():
            made = Field(promise.table, name)
            others = frozenset((each, use) for each, use in uses if each != made)
            if name not in arriving and name not in lineage and others:
                self._made_of[made] = others

    def _columns_of(self, table: str) -> Sequence[str] | None:
        """The columns a query finds in a table, resolving the model that makes it."""
        for name in (table, f"{VIEWS}.{table}"):
            if name in self._models:
                self._resolve(name)
            if name in self._columns:
                return self._columns[name]
        return None

    def _resolve(self, table: str) -> None:
        if table in self._reading or Field(table, ROWS) in self._made_of or table in self._unseen:
            return
        self._reading.add(table)
        _, query = self._models[table]
        try:
            found = queries.read(query, self._columns_of)
        except Unseen as why:
            self._unseen[table] = str(why)
            self._cannot_rule_out(table, query)
        else:
            self._columns.setdefault(table, tuple(found.columns))
            for name, uses in found.columns.items():
                self._made_of[Field(table, name)] = frozenset(self._named(uses))
            self._made_of[Field(table, ROWS)] = frozenset(self._named(found.rows))
        self._reading.discard(table)

    def _named(self, uses: Uses) -> Iterator[tuple[Field, Use]]:
        """The same with the tables' full names: views find each other without one."""
        for each, use in uses:
            table = each.table if each.table in self._columns else f"{VIEWS}.{each.table}"
            yield Field(table, each.column), use

    def _cannot_rule_out(self, table: str, query: str) -> None:
        """Of a query nobody can see through, all its columns may be made of all columns of the tables it names."""
        words = set(re.findall(r"[\w.]+", _COMMENT.sub("", query)))
        named = [name for name in (*self._columns, *self._models) if name in words and name != table]
        fields = [Field(name, column) for name in named for column in (*(self._columns_of(name) or ()), ROWS)]
        uses = frozenset((each, UNSEEN) for each in fields)
        for column in (*self._columns.get(table, ()), ROWS):
            self._made_of[Field(table, column)] = uses


def _names(columns: Iterable[tuple[str, str, str, str]]) -> Iterator[str]:
    return (name for name, *_ in columns)
