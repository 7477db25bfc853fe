"""What a value in a query is made of: columns, through functions, branches, windows and queries inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import expressions as sql

from pipelines.lineage.scopes import Scope, lower, named
from pipelines.lineage.uses import (
    AGGREGATION,
    CONDITIONAL,
    FILTER,
    NOTHING,
    SORT,
    TRANSFORMATION,
    WINDOW,
    Relation,
    Unseen,
    Uses,
    used,
)  # fmt: skip

_ROW_NUMBERS = (sql.RowNumber, sql.Rank, sql.DenseRank, sql.PercentRank, sql.CumeDist, sql.Ntile)


class Expressions:
    """`query` reads a query that stands inside; `star` tells the columns that `*` means."""

    def __init__(
        self,
        query: Callable[[sql.Expr, Scope], Relation],
        star: Callable[[sql.Star, str, Scope], Iterator[tuple[str, Uses]]],
    ) -> None:
        self._query = query
        self._star = star

    def of(self, node: sql.Expr, scope: Scope) -> Uses:
        """What a value is made of."""
        if isinstance(node, sql.Column):
            return self._column(node, scope)
        if isinstance(node, (sql.Alias, sql.Paren)):
            return self.of(node.this, scope)
        if isinstance(node, (sql.Query, sql.Exists)):
            return self._asked(node, scope)
        if isinstance(node, (sql.Case, sql.If)):
            return self._branches(node, scope)
        if isinstance(node, sql.Window):
            return self._window(node, scope)
        if isinstance(node, sql.Filter):
            return self.of(node.this, scope) | used(CONDITIONAL, self.of(node.expression.this, scope))
        if isinstance(node, sql.Order):
            sorted_by = (self.of(each.this, scope) for each in node.expressions)
            value = self.of(node.this, scope) if node.this else NOTHING
            return value | used(SORT, *sorted_by)
        if isinstance(node, sql.Lambda):
            return self.of(node.this, scope.shadowed(each.name for each in node.expressions))
        if isinstance(node, sql.Comprehension):
            inside = scope.shadowed([node.expression.name])
            parts = [self.of(node.this, inside), self.of(node.args["iterator"], scope)]
            decides = self.of(node.args["condition"], inside) if node.args.get("condition") else NOTHING
            return used(TRANSFORMATION, *parts) | used(CONDITIONAL, decides)
        is_spread = isinstance(node, sql.Explode) and bool(
            node.args.get("expressions")
        )  # `recursive := true`
        if is_spread or isinstance(
            node, (sql.PositionalColumn, sql.Columns, sql.Star, sql.Parameter, sql.Placeholder)
        ):
            raise Unseen(f"`{head(node)}` does not say which columns it means")
        uses = self.children(node, scope)
        if isinstance(node, (sql.AggFunc, *_ROW_NUMBERS)):
            # What sums up constants counts rows, like `count(*)` and `row_number()`: it is made of them.
            return used(AGGREGATION, uses or scope.rows)
        return used(TRANSFORMATION, uses)

    def children(self, node: sql.Expr, scope: Scope) -> Uses:
        counts = isinstance(node, sql.Count)
        parts = [
            self.of(child, scope)
            for child in node.iter_expressions()
            if not (counts and isinstance(child, sql.Star))
            and not isinstance(child, (sql.DataType, sql.Identifier))
        ]
        return NOTHING.union(*parts)

    def _branches(self, node: sql.Expr, scope: Scope) -> Uses:
        if isinstance(node, sql.Case):
            asked = [self.of(node.this, scope)] if node.this else []
            asked += [self.of(each.this, scope) for each in node.args["ifs"]]
            given = [each.args["true"] for each in node.args["ifs"]] + [node.args.get("default")]
        else:
            asked = [self.of(node.this, scope)]
            given = [node.args["true"], node.args.get("false")]
        values = (self.of(each, scope) for each in given if each is not None)
        return used(TRANSFORMATION, *values) | used(CONDITIONAL, *asked)

    def _window(self, node: sql.Window, scope: Scope) -> Uses:
        return used(AGGREGATION, self.of(node.this, scope)) | used(WINDOW, self._window_rows(node, scope))

    def _window_rows(self, node: sql.Window, scope: Scope) -> Uses:
        parts = [self.of(each, scope) for each in node.args.get("partition_by") or ()]
        if order := node.args.get("order"):
            parts += [self.of(each.this, scope) for each in order.expressions]
        if spec := node.args.get("spec"):
            parts += [self.of(each, scope) for each in spec.iter_expressions() if isinstance(each, sql.Expr)]
        based_on = lower(node.alias) or lower(node.text("first"))
        if based_on and isinstance(node.parent, sql.Expr) and node.arg_key != "windows":
            if based_on not in scope.windows:
                raise Unseen(f"it names a window {based_on}, which is not there")
            parts.append(self._window_rows(scope.windows[based_on], scope))
        return NOTHING.union(*parts)

    def _asked(self, node: sql.Expr, scope: Scope) -> Uses:
        """A query as a value: its columns, and what decides about its rows."""
        exists = isinstance(node, sql.Exists)
        relation = self._query(node.this if exists else node, scope.inner())
        values = NOTHING if exists else NOTHING.union(*relation.columns.values())
        return used(TRANSFORMATION, values) | used(FILTER, relation.rows)

    def _column(self, node: sql.Column, scope: Scope) -> Uses:
        if isinstance(node.this, sql.Star):
            return NOTHING.union(*(uses for _, uses in self._star(node.this, lower(node.table), scope)))
        return named(tuple(lower(part.name) for part in node.parts), scope)


def head(node: sql.Expr) -> str:
    """The beginning of a piece of SQL, without its constants: those may be somebody's."""
    bare = node.copy().transform(lambda each: sql.Placeholder() if isinstance(each, sql.Literal) else each)
    text = " ".join(bare.sql("duckdb").split())
    return text if len(text) <= 60 else f"{text[:57]}…"
