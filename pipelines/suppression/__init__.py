"""Statistical disclosure control: what figures anybody may read must not tell of a handful of people.

    declared     what contracts say of the numbers of open tables
    cells        those that count people or calls, and what adds up among them
    masking      which of them are hidden, so that nobody can reckon them (`bounds`)
    memory       what earlier releases told

A hidden number is empty, and `suppressed_columns` names it, so that it is told from one that nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.database import literal, quoted
from pipelines.suppression import cells as counting
from pipelines.suppression import masking, memory
from pipelines.suppression.cells import Cells
from pipelines.suppression.declared import STREET, Counted, counted, placed, undeclared
from pipelines.suppression.masking import Mask
from pipelines.suppression.memory import together

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from pipelines.publication.disclosure import PublicTable

__all__ = [
    "SUPPRESSED",
    "SUPPRESSED_SAYS",
    "Protection",
    "counted",
    "placed",
    "protect",
    "together",
    "undeclared",
]

SUPPRESSED = "suppressed_columns"
SUPPRESSED_SAYS = (
    "Columns of the row that are empty because they would tell of fewer than five people or calls, "
    "or let somebody reckon it.",
    "因人数或诉求数不足五、或可据以推算而隐去的列",
)
_SMALL_BASE = 10
"""A rate of fewer is not shown."""


@dataclass(frozen=True)
class Protection:
    """What anybody may see. `open` is the relation to publish of a table, `own` the same columns as an office has its rows:
    nothing is hidden but its places, where those would tell it of others."""

    open: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    cells: Cells | None = None
    mask: Mask | None = None

    @property
    def unprotected(self) -> int:
        """Hidden figures that can be reckoned all the same, from what earlier releases showed: nothing helps those."""
        return int(self.mask.unprotected.sum()) if self.mask is not None else 0

    def remember(self, connection: DuckDBPyConnection, file: Path) -> None:
        """Write what this release and all before it told."""
        if self.cells is not None and self.mask is not None:
            memory.write(connection, self.cells, self.mask, file)


def protect(connection: DuckDBPyConnection, tables: Sequence[PublicTable], before: bytes = b"") -> Protection:
    """Hide in these open tables what must not be told; `before` is what earlier releases told.

    Leaves temporary relations in the connection, one for each table with such figures.
    """
    found = counted(tables)
    if not found:
        return Protection()
    cells = counting.read(connection, found)
    memory.read(connection, before)
    known, again = memory.apply(connection, cells)
    mask = masking.choose(cells, known, again, _cost(cells))
    shown, own = {}, {}
    for each in found:
        gone = hidden_columns(connection, each, cells, mask.hidden)
        shown[each.table.name] = _without(connection, each, gone, "shown")
        places = placed(each.table.contract)
        own[each.table.name] = _without(
            connection, each, {name: gone[name] for name in gone if name in places}, "own"
        )
    return Protection(shown, own, cells, mask)


def _cost(cells: Cells) -> NDArray[np.float64]:
    """How many figures are hidden where a cell is."""
    cost = np.ones(cells.count)
    for block in cells.blocks:
        cost[block.cells] = len(block.counted.followers(block.column))
    return cost


def hidden_columns(
    connection: DuckDBPyConnection, table: Counted, cells: Cells, hidden: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """For each column of a table that may be hidden, whether it is in each row, in the order of its key."""
    rows = _rows(connection, table)
    found = {
        block.column: hidden[block.cells]
        for block in cells.blocks
        if block.counted.table.name == table.table.name
    }
    nowhere = np.zeros(len(rows["_row"]), bool)
    found |= {name: ~nowhere for name, figure in table.figures.items() if figure.withheld}
    waiting = dict(table.sources)
    while waiting:
        name = next(each for each, sources in waiting.items() if not set(sources) & waiting.keys())
        figure, gone = table.figures[name], nowhere.copy()
        for source in waiting.pop(name):
            gone |= found.get(source, nowhere)
        if figure.base:
            gone |= rows[f"base {figure.base}"].filled(np.inf) < _SMALL_BASE
        if figure.place_by:  # those that are shown would tell between which others a hidden one lies
            gone = np.isin(rows["_scope"], rows["_scope"][gone])
        found[name] = gone
    return {name: found[name] & rows[f"has {name}"] for name in table.table.names if name in found}


def _rows(connection: DuckDBPyConnection, table: Counted) -> dict[str, Any]:
    """Of each row which figures there are, what bases come to, and which rows places are given among."""
    scope = ", ".join(quoted(name) for name in table.table.key if name != STREET) or "null"
    has = "".join(f", {quoted(name)} is not null as {quoted(f'has {name}')}" for name in table.figures)
    bases = sorted({figure.base for figure in table.figures.values() if figure.base})
    base = "".join(f", {quoted(name)}::double as {quoted(f'base {name}')}" for name in bases)
    found = connection.execute(
        f"select _row, dense_rank() over (order by {scope}) as _scope{has}{base} "
        f"from {counting.relation(table)} order by _row"
    ).fetchnumpy()
    return {
        name: np.ma.asarray(values) if name.startswith("base ") else np.asarray(values)
        for name, values in found.items()
    }


def _without(
    connection: DuckDBPyConnection, table: Counted, gone: Mapping[str, NDArray[np.bool_]], called: str
) -> str:
    """The relation of a table without the values that are gone, and with the column that names them."""
    import pyarrow

    if not gone:
        return f"(select *, []::varchar[] as {SUPPRESSED} from {counting.relation(table)})"
    flags: dict[str, Any] = dict(gone)
    flags["_row"] = np.arange(len(next(iter(gone.values()))))
    relation = quoted(f"{called} {table.table.name}")
    connection.register("gone_now", pyarrow.table(flags))
    shown = ", ".join(
        f"case when not gone.{quoted(name)} then rows.{quoted(name)} end as {quoted(name)}"
        if name in gone
        else f"rows.{quoted(name)}"
        for name in table.table.names
    )
    names = ", ".join(f"case when gone.{quoted(name)} then {literal(name)} end" for name in gone)
    connection.execute(
        f"create or replace temp table {relation} as select {shown}, "
        f"list_filter([{names}]::varchar[], lambda name: name is not null) as {SUPPRESSED} "
        f"from {counting.relation(table)} as rows inner join gone_now as gone using (_row)"
    )
    connection.unregister("gone_now")
    return relation
