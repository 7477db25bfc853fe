"""The counts of all open tables as one long column of cells, and what is known to add up among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.database import literal, quoted
from pipelines.suppression.declared import STREET, Counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

_FITS = 1e-6


@dataclass(frozen=True)
class Block:
    """One column of one table: its cells stand in a row from `start`, in the order of the table's key."""

    counted: Counted
    column: str
    start: int
    rows: int

    @property
    def cells(self) -> slice:
        return slice(self.start, self.start + self.rows)


@dataclass
class Cells:
    """Cells, n of them, and what adds up.

    The last `rest_count` are never published: what is left of a count once a part of it is taken away.
    """

    blocks: list[Block]
    value: NDArray[np.float64]
    """NaN where a table has no number."""
    group: NDArray[np.int64]
    """Cells of one group are hidden together; a rest is alone."""
    street: NDArray[np.int64]
    """Number of the street whose office knows the cell; -1 where none does."""
    key: NDArray[Any]
    rest_count: int
    sum_of: NDArray[np.int64]
    """Number of the sum, cell and factor: sum over factor · cell = 0."""
    sum_cell: NDArray[np.int64]
    sum_factor: NDArray[np.float64]
    small: NDArray[np.int64]
    """Cells that cannot pass those of `large`."""
    large: NDArray[np.int64]
    streets: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.value)

    @property
    def is_rest(self) -> NDArray[np.bool_]:
        return np.arange(self.count) >= self.count - self.rest_count


class _Sums:
    def __init__(self) -> None:
        self.number = 0
        self.of: list[NDArray[np.int64]] = []
        self.cell: list[NDArray[np.int64]] = []
        self.factor: list[NDArray[np.float64]] = []

    def add(
        self, of: NDArray[np.int64], cells: NDArray[np.int64], factor: float, *, is_last: bool = False
    ) -> None:
        """Cells of sums numbered from 0; the last call of one kind of sum closes its numbers."""
        self.of.append(of + self.number)
        self.cell.append(cells)
        self.factor.append(np.full(len(cells), factor))
        if is_last:
            self.number = int(max((each.max(initial=-1) for each in self.of), default=-1)) + 1


def relation(counted: Counted) -> str:
    """The temporary table that numbers a table's rows in the order of its key."""
    return quoted(f"counted {counted.table.name}")


def read(connection: DuckDBPyConnection, tables: Sequence[Counted]) -> Cells:
    """Every cell of these tables. Leaves one temporary table for each, `_row` beside its columns."""
    blocks: list[Block] = []
    values, abouts, streets, keys = [], [], [], []
    start = 0
    for counted in tables:
        _number_rows(connection, counted)
        found = _columns(connection, counted)
        rows = len(found["_row"])
        for column in counted.counts:
            blocks.append(Block(counted, column, start, rows))
            start += rows
            values.append(np.ma.filled(found[column].astype(np.float64), np.nan))
            measure = counted.measure(column)
            abouts.append(np.array([f"{measure} {about}" for about in found["_about"]], dtype=object))
            streets.append(found["_street"])
            keys.append(found["_key"])
    rest_start = start
    sums, small, large = _Sums(), [], []
    at = {(block.counted.table.name, block.column): block for block in blocks}
    for block in blocks:
        table, figure = block.counted.table.name, block.counted.counts[block.column]
        whole = np.arange(block.start, block.start + block.rows)
        row = np.arange(block.rows)
        if figure.sum_of:
            sums.add(row, whole, -1.0)
            for name in figure.sum_of:
                part = at[table, name]
                sums.add(
                    row, np.arange(part.start, part.start + part.rows), 1.0, is_last=name == figure.sum_of[-1]
                )
        if figure.part_of:
            entire = at[table, figure.part_of]
            of_cells = np.arange(entire.start, entire.start + entire.rows)
            rest = np.arange(start, start + block.rows)
            values.append(values[blocks.index(entire)] - values[blocks.index(block)])
            abouts.append(np.array([f"rest {cell}" for cell in rest], dtype=object))
            streets.append(streets[blocks.index(block)])
            keys.append(keys[blocks.index(block)])
            start += block.rows
            sums.add(row, of_cells, -1.0)
            sums.add(row, whole, 1.0)
            sums.add(row, rest, 1.0, is_last=True)
        if figure.up_to:
            small.append(whole)
            large.append(np.arange(at[table, figure.up_to].start, at[table, figure.up_to].start + block.rows))
        if figure.total_of:
            part = at[_split(figure.total_of)]
            of, its = _joined(connection, block.counted, part.counted)
            sums.add(np.arange(block.rows), whole, -1.0)
            sums.add(of, its + part.start, 1.0, is_last=True)
    value = np.concatenate([*values, np.empty(0)])
    names = np.concatenate([*streets, np.empty(0, dtype=object)]).astype(object)
    known, street = np.unique(names.astype(str), return_inverse=True)
    street = np.where(names.astype(str) == "", -1, street.reshape(-1)).astype(np.int64)
    of_sum, cell, factor = _holding(sums, value)
    below, above = _ordered(small, large, value)
    return Cells(
        blocks=blocks,
        value=value,
        group=_numbered(np.concatenate([*abouts, np.empty(0, dtype=object)])),
        street=street,
        key=np.concatenate([*keys, np.empty(0, dtype=object)]),
        rest_count=start - rest_start,
        sum_of=of_sum,
        sum_cell=cell,
        sum_factor=factor,
        small=below,
        large=above,
        streets=[str(name) for name in known],
    )


def _split(name: str) -> tuple[str, str]:
    table, _, column = name.rpartition(".")
    return table, column


def _number_rows(connection: DuckDBPyConnection, counted: Counted) -> None:
    table = counted.table
    order = ", ".join(f"{quoted(name)} nulls first" for name in table.key)
    connection.execute(
        f"create or replace temp table {relation(counted)} as "
        f"select row_number() over (order by {order}) - 1 as _row, * from ({table.query()})"
    )


def _columns(connection: DuckDBPyConnection, counted: Counted) -> dict[str, Any]:
    table = counted.table
    key = ", ".join(f"{quoted(name)}::varchar" for name in table.key)
    about = ", ".join(f"{literal(name)}: {quoted(name)}::varchar" for name in counted.about)
    street = f"coalesce({quoted(STREET)}, '')" if STREET in table.names else "''"
    counts = "".join(f", {quoted(name)}::double as {quoted(name)}" for name in counted.counts)
    found: dict[str, Any] = connection.execute(
        f"select _row, to_json([{key}])::varchar as _key, {f'to_json({{{about}}})::varchar' if about else repr('')} "
        f"as _about, {street} as _street{counts} from {relation(counted)} order by _row"
    ).fetchnumpy()
    for name in ("_key", "_about", "_street"):
        found[name] = np.asarray(found[name], dtype=object)
    return found


def _joined(
    connection: DuckDBPyConnection, total: Counted, parts: Counted
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of totals and of their parts, pair by pair."""
    shared = [name for name in total.table.key if name in parts.table.key]
    condition = " and ".join(
        f"total.{quoted(name)} is not distinct from part.{quoted(name)}" for name in shared
    )
    found = connection.execute(
        f"select total._row as total_row, part._row as part_row from {relation(total)} as total "
        f"inner join {relation(parts)} as part on {condition or 'true'} order by all"
    ).fetchnumpy()
    return np.asarray(found["total_row"], np.int64), np.asarray(found["part_row"], np.int64)


def _holding(
    sums: _Sums, value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Sums that are true; one with a number missing, or that does not add up, tells nobody anything."""
    empty = np.empty(0, np.int64)
    of = np.concatenate([*sums.of, empty])
    cell = np.concatenate([*sums.cell, empty])
    factor = np.concatenate([*sums.factor, np.empty(0)])
    left = np.zeros(sums.number)
    np.add.at(left, of, factor * value[cell])
    keeps = (np.abs(left) < _FITS)[of] if sums.number else np.empty(0, bool)
    return of[keeps], cell[keeps], factor[keeps]


def _ordered(
    small: list[NDArray[np.int64]], large: list[NDArray[np.int64]], value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    below = np.concatenate([*small, np.empty(0, np.int64)])
    above = np.concatenate([*large, np.empty(0, np.int64)])
    holds = value[below] <= value[above] + _FITS
    return below[holds], above[holds]


def _numbered(names: NDArray[Any]) -> NDArray[np.int64]:
    return np.unique(names.astype(str), return_inverse=True)[1].reshape(-1).astype(np.int64)
