"""Which areas an outline lies in: shares of a parcel's polygon, where boundaries are configured.

A park on two streets is part of both. Points are `places`' business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines import settings
from pipelines.areas import boundaries
from pipelines.contract.model import Contract
from pipelines.database import literal, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def divide(connection: DuckDBPyConnection, contract: Contract, table: str, day: str) -> None:
    """Fill the `outline_areas` column of a table: entries such as `A1=0.6000`, by code.

    `day` is SQL for the DATE whose areas count; schema `ref` is loaded. The column stays empty without boundaries,
    where there is no outline, and where it lies in no area of the level.
    """
    shares = next((column for column in contract.columns if column.constant == "outline_areas"), None)
    area = next((column.area for column in contract.columns if column.area), None)
    path = settings.boundaries()
    if shares is None or area is None or path is None:
        return
    import pyarrow as pa

    known = connection.execute("select distinct area_code from ref.areas").fetchall()
    polygons = boundaries.read(path, {code for (code,) in known})
    outline = quoted(contract.outline)
    rows = connection.execute(
        f"select _row_number, {outline} from {table} where {outline} is not null"
    ).to_arrow_table()
    row, place, share = polygons.parts(rows.column(1).to_numpy())
    numbers = rows.column(0).to_numpy()[row]
    connection.register("arrow_rows", pa.table({"_row_number": numbers, "place": place, "share": share}))
    codes = ", ".join(f"({number}, {literal(code)})" for number, code in enumerate(polygons.codes))
    connection.execute(
        "create or replace temp table outline_found as select part._row_number, "
        f"list(polygon.code || '=' || part.share::decimal(5, {boundaries.SHARE_DECIMALS}) order by polygon.code) as areas "
        f"from arrow_rows as part inner join (values {codes}) as polygon (place, code) using (place) "
        f"inner join (select _row_number, {day} as day from {table}) as days using (_row_number) "
        f"inner join ref.areas as area on polygon.code = area.area_code and area.area_level = {literal(area.level)} "
        "and days.day >= area.valid_from and days.day < area.valid_to group by all"
    )
    connection.unregister("arrow_rows")
    connection.execute(
        f"create or replace temp table {table} as select {table}.* replace (found.areas as {quoted(shares.name)}) "
        f"from {table} left join outline_found as found using (_row_number) order by _row_number"
    )
    connection.execute("drop table outline_found")
