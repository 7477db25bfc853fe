"""The counts of all open tables as one long column of cells, and what is known to add up among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    @property
    def numbers(self) -> NDArray[np.int64]:
        return np.arange(self.start, self.start + self.rows)


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
    told: NDArray[np.int64]
    """Cells among the rest that everybody knows all the same: what a whole column comes to."""
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


class _Long:
    """The long column while it grows."""

    def __init__(self) -> None:
        self.values: list[NDArray[np.float64]] = [np.empty(0)]
        self.abouts: list[NDArray[Any]] = [np.empty(0, dtype=object)]
        self.streets: list[NDArray[Any]] = [np.empty(0, dtype=object)]
        self.keys: list[NDArray[Any]] = [np.empty(0, dtype=object)]
        self.length = 0

    def add(
        self, values: NDArray[np.float64], abouts: NDArray[Any], streets: NDArray[Any], keys: NDArray[Any]
    ) -> NDArray[np.int64]:
        """Put a column at the end; returns the numbers of its cells."""
        for whole, column in (
            (self.values, values),
            (self.abouts, abouts),
            (self.streets, streets),
            (self.keys, keys),
        ):
            whole.append(column)
        self.length += len(values)
        return np.arange(self.length - len(values), self.length)


def read(connection: DuckDBPyConnection, tables: Sequence[Counted]) -> Cells:
    """Every cell of these tables. Leaves one temporary table for each, `_row` beside its columns."""
    long, blocks = _Long(), []
    for counted in tables:
        _number_rows(connection, counted)
        found = _columns(connection, counted)
        for column in counted.counts:
            values = np.ma.filled(found[column].astype(np.float64), np.nan)
            measure = counted.measure(column)
            abouts = np.array([f"{measure} {about}" for about in found["_about"]], dtype=object)
            cells = long.add(values, abouts, found["_street"], found["_key"])
            blocks.append(Block(counted, column, long.length - len(cells), len(cells)))
    published = long.length
    sums, small, large = _added_up(connection, blocks, long)
    told = [_add_told(block, long, sums) for block in blocks if block.counted.counts[block.column].rows_of]
    for counted in tables:
        _add_changes(connection, counted, _places(blocks), sums)
    value = np.concatenate(long.values)
    names = np.concatenate(long.streets).astype(str)
    known, street = np.unique(names, return_inverse=True)
    of_sum, cell, factor = _holding(sums, value)
    below, above = _ordered(small, large, value)
    return Cells(
        blocks=blocks,
        value=value,
        group=_numbered(np.concatenate(long.abouts)),
        street=np.where(names == "", -1, street.reshape(-1)).astype(np.int64),
        key=np.concatenate(long.keys),
        rest_count=long.length - published,
        sum_of=of_sum,
        sum_cell=cell,
        sum_factor=factor,
        small=below,
        large=above,
        told=np.array(told, np.int64),
        streets=[str(name) for name in known],
    )


def _places(blocks: Sequence[Block]) -> dict[tuple[str, str], Block]:
    return {(block.counted.table.name, block.column): block for block in blocks}


def _added_up(
    connection: DuckDBPyConnection, blocks: Sequence[Block], long: _Long
) -> tuple[_Sums, list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """What adds up in a row and over rows, and which cells cannot pass which others."""
    sums, at = _Sums(), _places(blocks)
    small: list[NDArray[np.int64]] = []
    large: list[NDArray[np.int64]] = []
    for number, block in enumerate(blocks, start=1):
        table, figure = block.counted.table.name, block.counted.counts[block.column]
        whole, row = block.numbers, np.arange(block.rows)
        if figure.sum_of:
            sums.add(row, whole, -1.0)
            for name in figure.sum_of:
                sums.add(row, at[table, name].numbers, 1.0, is_last=name == figure.sum_of[-1])
        if figure.part_of:
            entire = at[table, figure.part_of]
            left = long.values[blocks.index(entire) + 1] - long.values[number]
            names = np.array([f"rest {cell}" for cell in whole], dtype=object)
            rest = long.add(left, names, long.streets[number], long.keys[number])
            sums.add(row, entire.numbers, -1.0)
            sums.add(row, whole, 1.0)
            sums.add(row, rest, 1.0, is_last=True)
        if figure.up_to:
            small.append(whole)
            large.append(at[table, figure.up_to].numbers)
        if figure.total_of:
            part = at[_split(figure.total_of)]
            of, its = _joined(connection, block.counted, part.counted)
            sums.add(row, whole, -1.0)
            sums.add(of, its + part.start, 1.0, is_last=True)
    return sums, small, large


def _add_told(block: Block, long: _Long, sums: _Sums) -> int:
    """What a whole column comes to, as a cell of its own; returns its number."""
    values = np.concatenate(long.values)[block.cells]
    whole = np.array([values.sum()])
    nobody = np.array([""], dtype=object)
    (cell,) = long.add(whole, np.array([f"told {block.start}"], dtype=object), nobody, nobody)
    sums.add(np.zeros(1, np.int64), np.array([cell]), -1.0)
    sums.add(np.zeros(block.rows, np.int64), block.numbers, 1.0, is_last=True)
    return int(cell)


def _add_changes(
    connection: DuckDBPyConnection, counted: Counted, at: Mapping[tuple[str, str], Block], sums: _Sums
) -> None:
    """From one revision to the next a figure changes by what was added to it and what was taken from it."""
    changes: dict[str, list[tuple[str, float]]] = {}
    for name, figure in counted.counts.items():
        for changed, factor in ((figure.adds_to, -1.0), (figure.takes_from, 1.0)):
            if changed:
                changed_by = changes.setdefault(changed, [])
                changed_by.append((name, factor))
    if not changes:
        return
    about = ", ".join(quoted(name) for name in counted.about)
    revision = ", ".join(quoted(name) for name in counted.table.key if name not in counted.about)
    found = connection.execute(
        f"select _row, lag(_row) over (partition by {about} order by {revision}) as before "
        f"from {relation(counted)} qualify before is not null order by _row"
    ).fetchnumpy()
    after, before = np.asarray(found["_row"], np.int64), np.asarray(found["before"], np.int64)
    number, table = np.arange(len(after)), counted.table.name
    for changed, changed_by in changes.items():
        start = at[table, changed].start
        sums.add(number, after + start, 1.0)
        for name, factor in changed_by:
            sums.add(number, after + at[table, name].start, factor)
        sums.add(number, before + start, -1.0, is_last=True)


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
