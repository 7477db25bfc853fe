"""What earlier releases told, so that nobody who kept them learns more from the next one than from this one alone.

`district/disclosed.csv` goes along with each release and holds every cell of all releases before it and its own:

    table, column, key      which cell; `key` are the values of the table's key, a JSON list
    shown                   the number it was last shown with; empty where it never was
    hidden                  the number it had when it last had to be hidden; empty where it never had to

A number that was shown and is the same cannot be taken back. One that was hidden stays hidden until it has moved
by as much as somebody may not know of it. Cells that nothing adds up with are remembered only while they are hidden.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipelines.database import literal
from pipelines.suppression.bounds import WIDTH
from pipelines.suppression.cells import Cells

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from pipelines.suppression.masking import Mask

_HEADER = b"table_name,column_name,key,shown,hidden"
_SAME = 1e-9


def together(contents: Sequence[bytes]) -> bytes:
    """What several memories hold, as one; a cell may then stand in it more than once."""
    if len(contents) < 2:
        return b"".join(contents)
    lines = {line for content in contents for line in content.splitlines()[1:]}
    return b"\n".join((_HEADER, *sorted(lines), b""))


def read(connection: DuckDBPyConnection, content: bytes) -> None:
    """Make what is remembered the temporary table `remembered`."""
    import pyarrow
    import pyarrow.csv

    texts, number = pyarrow.string(), pyarrow.float64()
    types = dict(zip(_HEADER.decode().split(","), (texts, texts, texts, number, number), strict=True))
    found = pyarrow.csv.read_csv(
        io.BytesIO(content or _HEADER + b"\n"),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )
    connection.register("remembered_before", found)
    connection.execute("create or replace temp table remembered as select * from remembered_before")
    connection.unregister("remembered_before")


def apply(connection: DuckDBPyConnection, cells: Cells) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cells were shown as they are, and which were hidden when they were about what they are."""
    _put(connection, cells)
    found = connection.execute(
        "select cells.number, "
        f"coalesce(bool_or(abs(remembered.shown - cells.value) < {_SAME}), false) as is_known, "
        f"coalesce(bool_or(abs(remembered.hidden - cells.value) < {WIDTH}), false) as is_again "
        "from cells left join remembered using (table_name, column_name, key) group by all order by cells.number"
    ).fetchnumpy()
    known, again = np.zeros(cells.count, bool), np.zeros(cells.count, bool)
    known[found["number"]], again[found["number"]] = found["is_known"], found["is_again"]
    return known, again


def write(connection: DuckDBPyConnection, cells: Cells, mask: Mask, file: Path) -> None:
    """Write what this release and those before it told."""
    import pyarrow

    there = np.flatnonzero(~cells.is_rest & ~np.isnan(cells.value))
    tied = np.isin(there, np.concatenate([cells.sum_cell, cells.small, cells.large]))
    told = pyarrow.table(
        {
            "number": there,
            "is_hidden": mask.hidden[there],
            "is_needed": mask.needed[there],
            "is_tied": tied,
        }
    )
    connection.register("told_now", told)
    connection.execute(
        # Of several memories the nearest number is the one that counts now: kept, it does so the next time, too.
        f"copy (with before as (select table_name, column_name, key, {_nearest('shown')}, {_nearest('hidden')} "
        "from remembered left join cells using (table_name, column_name, key) group by all), "
        "now as (select * from cells inner join told_now using (number)), "
        "joined as (select table_name, column_name, key, "
        "case when not now.is_hidden then now.value else before.shown end as shown, "
        "case when now.is_needed then now.value when not now.is_hidden then null else before.hidden end as hidden, "
        "coalesce(now.is_tied, true) as is_tied "
        "from now full join before using (table_name, column_name, key)) "
        "select table_name, column_name, key, case when is_tied then shown end as shown, hidden from joined "
        "where (is_tied and shown is not null) or hidden is not null order by all) "
        f"to {literal(str(file))} (format csv, header true)"
    )
    connection.unregister("told_now")


def _nearest(number: str) -> str:
    return (
        f"(min({{'away': abs({number} - coalesce(value, {number})), 'number': {number}}}) "
        f"filter ({number} is not null)).number as {number}"
    )


def _put(connection: DuckDBPyConnection, cells: Cells) -> None:
    import pyarrow

    published = cells.count - cells.rest_count
    tables = np.concatenate(
        [np.full(block.rows, block.counted.table.name, dtype=object) for block in cells.blocks]
        or [np.empty(0, object)]
    )
    columns = np.concatenate(
        [np.full(block.rows, block.column, dtype=object) for block in cells.blocks] or [np.empty(0, object)]
    )
    table = pyarrow.table(
        {
            "number": np.arange(published),
            "table_name": pyarrow.array(tables, pyarrow.string()),
            "column_name": pyarrow.array(columns, pyarrow.string()),
            "key": pyarrow.array(cells.key[:published], pyarrow.string()),
            "value": pyarrow.array(cells.value[:published], from_pandas=True),
        }
    )
    connection.register("cells_now", table)
    connection.execute(
        "create or replace temp table cells as select * from cells_now where value is not null"
    )
    connection.unregister("cells_now")
