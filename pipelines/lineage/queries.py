"""Which columns a query reads, for each column it answers with and for its rows as a whole. Reads SQL, runs nothing.

What cannot be told from the text raises `Unseen`: nothing is guessed. Names are told apart as DuckDB does, without case.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

import sqlglot
from sqlglot import expressions as sql

from pipelines.lineage.expressions import Expressions, head
from pipelines.lineage.scopes import Scope, Source, lower, named
from pipelines.lineage.uses import (
    FILTER,
    GROUP_BY,
    IDENTITY,
    JOIN,
    NOTHING,
    ROWS,
    SORT,
    TRANSFORMATION,
    Field,
    Relation,
    Unseen,
    Uses,
    called,
    told_apart,
    united,
    united_by_name,
    used,
)  # fmt: skip

# It says at level INFO whenever it turns a list's index into one of its own.
logging.getLogger("sqlglot").setLevel(logging.WARNING)

_RECURRING = "recurring"  # DuckDB's word for what a recursive query with a key has come to
_MOST_ROUNDS = 20
# Functions that make rows of their arguments alone. Others may read files or tables that the text does not name.
_PURE_TABLES = (sql.GenerateSeries, sql.Explode, sql.Unnest)
_PURE_NAMES = frozenset(
    {"range", "generate_series", "unnest", "generate_subscripts", "json_each", "json_tree"}
)


Columns = Callable[[str], Sequence[str] | None]
"""The columns of `schema.table`, None for a table nobody knows."""


def read(query: str, columns: Columns) -> Relation:
    """The fields a query reads. Raises Unseen, saying what cannot be told."""
    try:
        statements = [each for each in sqlglot.parse(query, dialect="duckdb") if each is not None]
        if len(statements) != 1:
            raise Unseen(f"it is {len(statements)} statements, not one")
        return _Reader(columns).query(statements[0], Scope())
    except sqlglot.errors.SqlglotError as error:
        raise Unseen(f"its SQL cannot be parsed: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise Unseen("its SQL is nested too deeply") from None
    except (AttributeError, IndexError, KeyError, TypeError) as error:  # a tree of a shape nobody foresaw
        raise Unseen(f"its SQL is of a kind that is not understood here ({type(error).__name__})") from None


class _Reader:
    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._expressions = Expressions(self.query, self._star)

    # Queries

    def query(self, node: sql.Expr, scope: Scope) -> Relation:
        scope = Scope(
            tables=dict(scope.tables), outer=scope.outer, shadows=scope.shadows, sources=scope.sources
        )
        self._name_steps(node, scope)
        if isinstance(node, sql.Subquery):
            if node.args.get("pivots"):
                raise Unseen("it pivots, and the columns of a pivot depend on values")
            return self._ordered(node, self.query(node.this, scope), scope)
        if isinstance(node, sql.SetOperation):
            return self._ordered(node, self._combined(node, scope), scope)
        if isinstance(node, sql.Select):
            return self._select(node, scope)
        if isinstance(node, sql.Values):
            return self._values(node, scope)
        if isinstance(node, sql.Table):
            return self._source(node, scope).relation
        raise Unseen(f"`{head(node)}` is no select")

    def _name_steps(self, node: sql.Expr, scope: Scope) -> None:
        steps = node.args.get("with_")
        if steps is None:
            return
        for step in steps.expressions:
            name = lower(step.alias)
            names = [lower(each.name) for each in step.args["alias"].args.get("columns") or ()]
            body = step.this
            if steps.args.get("recursive") and isinstance(body, sql.SetOperation) and _names(body, name):
                scope.tables[name] = self._recursive(body, name, names, scope)
            else:
                scope.tables[name] = called(self.query(body, scope), names)

    def _recursive(self, body: sql.SetOperation, name: str, names: Sequence[str], scope: Scope) -> Relation:
        """A step that reads itself: what it comes to is what another round adds nothing to."""
        known = called(self.query(body.this, scope), names)
        for _ in range(_MOST_ROUNDS):
            inside = Scope(tables={**scope.tables, name: known}, outer=scope.outer, shadows=scope.shadows)
            more = united(known, self.query(body.expression, inside))
            if more == known:
                return known
            known = more
        raise Unseen(f"the recursive step {name} does not come to an end")

    def _combined(self, node: sql.SetOperation, scope: Scope) -> Relation:
        left, right = self.query(node.this, scope), self.query(node.expression, scope)
        if isinstance(node, sql.Union):
            both = united_by_name(left, right) if node.args.get("by_name") else united(left, right)
            return (
                both
                if not node.args.get("distinct")
                else Relation(both.columns, both.rows | told_apart(both.columns))
            )
        decides = used(JOIN, *left.columns.values(), *right.columns.values())
        return Relation(left.columns, left.rows | right.rows | decides)

    def _ordered(self, node: sql.Expr, relation: Relation, scope: Scope) -> Relation:
        inside = scope.inner()
        inside.sources = [Source("", relation)]
        rows = relation.rows | self._limits(node, inside)
        if order := node.args.get("order"):
            rows |= used(SORT, self._expressions.of(order, inside))
        return Relation(relation.columns, rows)

    def _values(self, node: sql.Values, scope: Scope) -> Relation:
        rows = [list(row.expressions) if isinstance(row, sql.Tuple) else [row] for row in node.expressions]
        columns = {
            f"col{number}": NOTHING.union(*(self._expressions.of(row[number], scope) for row in rows))
            for number in range(len(rows[0]))
        }
        return Relation(columns)

    def _select(self, node: sql.Select, outer: Scope) -> Relation:
        scope = outer.inner()
        rows = self._read_from(node, scope)
        for window in node.args.get("windows") or ():
            scope.windows[lower(window.name)] = window
        columns: dict[str, Uses] = {}
        for name, uses in self._answers(node, scope):
            free = name
            while free in columns:  # two columns of one name: the second is not reached by it
                free += ":1"
            columns[free] = uses
        rows |= scope.rows
        if where := node.args.get("where"):
            rows |= used(FILTER, self._expressions.of(where.this, scope))
        if group := node.args.get("group"):
            rows |= used(GROUP_BY, *self._groups(node, group, scope, columns))
        for clause in ("having", "qualify"):
            if found := node.args.get(clause):
                rows |= used(FILTER, self._expressions.of(found.this, scope))
        if distinct := node.args.get("distinct"):
            on = distinct.args.get("on")
            rows |= used(GROUP_BY, self._expressions.of(on, scope)) if on else told_apart(columns)
        if order := node.args.get("order"):
            rows |= used(SORT, *(self._sorted_by(each.this, scope, columns) for each in order.expressions))
        return Relation(columns, rows | self._limits(node, scope))

    def _limits(self, node: sql.Expr, scope: Scope) -> Uses:
        """What decides how many rows there are at most: a number, or a query."""
        found = [each for name in ("limit", "offset") if (each := node.args.get(name)) is not None]
        return used(
            FILTER,
            *(self._expressions.of(each.expression, scope) for each in found if each.args.get("expression")),
        )

    def _groups(
        self, node: sql.Select, group: sql.Group, scope: Scope, columns: Mapping[str, Uses]
    ) -> Iterator[Uses]:
        if group.args.get("all"):
            for each in node.expressions:
                if not any(True for _ in each.find_all(sql.AggFunc)):
                    yield from (uses for _, uses in self._answer(each, scope))
        for each in group.find_all(sql.Column, sql.Literal):
            if isinstance(each, sql.Literal):
                if each.parent is group and each.is_int and int(each.name) <= len(columns):
                    yield list(columns.values())[int(each.name) - 1]
            else:
                yield self._expressions.of(each, scope)

    def _sorted_by(self, node: sql.Expr, scope: Scope, columns: Mapping[str, Uses]) -> Uses:
        if isinstance(node, sql.Column) and not node.table and lower(node.name) in columns:
            return columns[lower(node.name)]
        if isinstance(node, sql.Literal) and node.is_int and int(node.name) <= len(columns):
            return list(columns.values())[int(node.name) - 1]
        return self._expressions.of(node, scope)

    # What a select reads from

    def _read_from(self, node: sql.Select, scope: Scope) -> Uses:
        """Fill the scope's sources; what joining them depends on."""
        decides: Uses = NOTHING
        if start := node.args.get("from_"):
            decides |= self._joined(start.this, scope)
        for join in node.args.get("joins") or ():
            decides |= self._join(join, scope)
        for lateral in node.args.get("laterals") or ():
            scope.sources.append(self._source(lateral, scope))
        return decides

    def _joined(self, node: sql.Expr, scope: Scope) -> Uses:
        """A source with the joins that hang on it."""
        decides: Uses = NOTHING
        if isinstance(node, sql.Paren) or (
            isinstance(node, sql.Subquery) and isinstance(node.this, sql.Table)
        ):
            decides |= self._joined(node.this, scope)
        else:
            scope.sources.append(self._source(node, scope))
        for join in node.args.get("joins") or ():
            decides |= self._join(join, scope)
        return decides

    def _join(self, join: sql.Join, scope: Scope) -> Uses:
        before = {name for source in scope.sources for name in source.relation.columns}
        known = len(scope.sources)
        decides = self._joined(join.this, scope)
        shared = {lower(name.name) for name in join.args.get("using") or ()}
        if (join.args.get("method") or "").upper() == "NATURAL":
            shared |= {name for source in scope.sources[known:] for name in source.relation.columns} & before
        scope.merged |= shared
        for name in shared:
            decides |= named((name,), scope)
        if condition := join.args.get("on"):
            decides |= self._expressions.of(condition, scope)
        if (join.args.get("kind") or "").upper() in ("SEMI", "ANTI"):
            for source in scope.sources[known:]:
                source.is_visible = False
        return used(JOIN, decides)

    def _source(self, node: sql.Expr, scope: Scope) -> Source:
        if node.args.get("pivots"):
            raise Unseen("it pivots, and the columns of a pivot depend on values")
        alias = lower(node.alias)
        names = [lower(name) for name in node.alias_column_names]
        if isinstance(node, sql.Table) and isinstance(node.this, sql.Identifier):
            table, relation = self._table(node, scope)
            return Source(alias or table.rpartition(".")[2], called(relation, names), table)
        # What stands beside may be read: DuckDB lets any source of a select look to its left.
        if isinstance(node, sql.Table):
            return Source(alias, self._made(node.this, scope, names))
        if isinstance(node, sql.Lateral):
            inside = node.this
            if isinstance(inside, sql.Subquery):
                return Source(alias, called(self.query(inside, scope.inner()), names))
            return Source(alias, self._made(inside, scope, names))
        if isinstance(node, sql.Unnest):
            return Source(alias, self._made(node, scope, names))
        if isinstance(node, (sql.Subquery, sql.Values)):
            return Source(alias, called(self.query(node, scope.inner()), names))
        raise Unseen(f"it reads from `{head(node)}`")

    def _table(self, node: sql.Table, scope: Scope) -> tuple[str, Relation]:
        name, schema = lower(node.name), lower(node.db)
        if node.catalog:
            raise Unseen(f"it reads {head(node)}, of another database")
        if schema in ("", _RECURRING) and name in scope.tables:
            return name, scope.tables[name]
        table = f"{schema}.{name}" if schema else name
        columns = self._columns(table)
        if columns is None:
            raise Unseen(f"it reads {table}, whose columns nobody promises")
        relation = Relation(
            {lower(column): frozenset({(Field(table, column), IDENTITY)}) for column in columns},
            frozenset({(Field(table, ROWS), IDENTITY)}),
        )
        return table, relation

    def _made(self, node: sql.Expr, scope: Scope, names: Sequence[str]) -> Relation:
        """Rows that a function makes of its arguments."""
        is_named = isinstance(node, sql.Anonymous) and lower(node.name) in _PURE_NAMES
        if not isinstance(node, _PURE_TABLES) and not is_named:
            raise Unseen(f"it reads what `{head(node)}` gives")
        uses = used(TRANSFORMATION, self._expressions.children(node, scope))
        made = names or [_made_name(node)]
        return Relation(dict.fromkeys(made, uses), used(FILTER, uses))

    # What a select answers with

    def _answers(self, node: sql.Select, scope: Scope) -> Iterator[tuple[str, Uses]]:
        for each in node.expressions:
            for name, uses in self._answer(each, scope):
                scope.aliases.setdefault(name, uses)
                yield name, uses

    def _answer(self, node: sql.Expr, scope: Scope) -> Iterator[tuple[str, Uses]]:
        star = node if isinstance(node, sql.Star) else node.this if isinstance(node, sql.Column) else None
        if isinstance(star, sql.Star):
            yield from self._star(star, lower(node.text("table")), scope)
        elif isinstance(node, sql.Aliases):
            raise Unseen(f"`{head(node)}` gives several columns at once")
        else:
            name = (
                "" if isinstance(node, sql.Window) else node.alias_or_name
            )  # a window's is that of another one
            yield lower(name or node.sql("duckdb")), self._expressions.of(node, scope)

    def _star(self, star: sql.Star, of: str, scope: Scope) -> Iterator[tuple[str, Uses]]:
        left_out = {lower(each.name) for each in star.args.get("except_") or ()}
        instead = {lower(each.alias): each.this for each in star.args.get("replace") or ()}
        renamed = {lower(each.this.name): lower(each.alias) for each in star.args.get("rename") or ()}
        sources = [each for each in scope.sources if each.is_visible and (not of or each.name == of)]
        if not sources:
            raise Unseen(f"`{of or '*'}.*` names no source" if of else "`*` stands without a source")
        given: set[str] = set()
        for source in sources:
            for name, uses in source.relation.columns.items():
                if name in left_out or (not of and name in scope.merged and name in given):
                    continue
                given.add(name)
                merged = named((name,), scope) if not of and name in scope.merged else uses
                yield (
                    renamed.get(name, name),
                    self._expressions.of(instead[name], scope) if name in instead else merged,
                )


def _made_name(node: sql.Expr) -> str:
    """What DuckDB calls the column of rows a function makes, whatever the alias of the rows."""
    if isinstance(node, sql.GenerateSeries):
        return "range" if node.args.get("is_end_exclusive") else "generate_series"
    return lower(node.name) if isinstance(node, sql.Anonymous) else "unnest"


def _names(node: sql.Expr, table: str) -> bool:
    return any(lower(each.name) == table for each in node.find_all(sql.Table))
