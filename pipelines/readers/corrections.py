"""Rows an office sends back, as `urbanbrain quarantine resubmit` lands them: one JSON list, canonical names.

    {"number": 1, "batch_id": …, "row_number": …, "row_digest": …, "landed_at": …,
     "received": {column: text}, "corrected": {column: text}}

`received` is the row as it stands in quarantine, after privacy; `corrected` what a person typed instead. Of each
value is told which of the two it is: what went through privacy before must not go through it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.contract.model import Contract
from pipelines.database import literal, quoted
from pipelines.errors import DataError
from pipelines.readers import columns
from pipelines.readers.received import Contents, Read

if TYPE_CHECKING:
    import duckdb

CORRECTED = "_corrected"
"""Column of `received` with the names of the columns a person corrected in the row."""
TABLE = "correcting"
"""One row per row sent back: what it corrects."""
_SHAPE = (
    '[{"number": "BIGINT", "batch_id": "VARCHAR", "row_number": "BIGINT", "row_digest": "VARCHAR", "landed_at": "TIMESTAMPTZ", '
    '"received": "JSON", "corrected": "JSON"}]'
)


def read(connection: duckdb.DuckDBPyConnection, contents: Contents, contract: Contract) -> Read:
    """Read landed corrections into the temp tables `received`, as any rows, and `correcting`.

    Raises DataError when a part is not what was landed, DataRefused when it shows what the contract forbids.
    """
    import duckdb

    texts = []
    for name, load in contents:
        text = load().decode("utf-8")
        columns.refuse_forbidden_values(contract, text, f"{contract.feed_id}, {name}")
        texts.append(text)
    try:
        connection.execute(
            f"create or replace temp table {TABLE} as select number as _row_number, * exclude (number) from ("
            f"select unnest(from_json(part, {literal(_SHAPE)}), recursive := true) from (select unnest(?) as part))",
            [texts],
        )
    except duckdb.Error:
        raise DataError(
            f"{contract.feed_id}: the landed corrections cannot be read",
            next_step="send the sheet again; nothing of it was taken",
        ) from None
    values = "".join(
        f", case when list_contains(json_keys(corrected), {literal(column.name)}) "
        f"then corrected ->> {_path(column.name)} else received ->> {_path(column.name)} end as {quoted(column.name)}"
        if not column.reason
        else f", null::varchar as {quoted(column.name)}"  # rows nobody wants were refused before, never quarantined
        for column in columns.wanted(contract)
    )
    connection.execute(
        f"create or replace temp table received as select _row_number{values}, json_keys(corrected) as {CORRECTED} "
        f"from {TABLE} order by _row_number"
    )
    counted = connection.execute("select count(*) from received").fetchone()
    names = [column.name for column in columns.wanted(contract)]
    return Read(
        rows=counted[0] if counted else 0,
        encoding_declared="utf-8",
        encoding_actual="utf-8",
        fingerprint=columns.fingerprint(names),
    )


def _path(name: str) -> str:
    return literal(f"$.{quoted(name)}")
