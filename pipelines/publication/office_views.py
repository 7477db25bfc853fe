"""The questions of `warehouse/office/*.sql` as views, with what they and their columns mean in two languages.

A file's header is the view's comment. A column's comment stands behind it in the last `select`:

    members.source_id as work_order_id,  -- Number of the order. 工单编号。

A column that is handed through under its own name needs none: its table's contract describes it already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import sqlglot
import sqlglot.expressions

from pipelines.contract import dictionary
from pipelines.contract.model import Contract
from pipelines.errors import WarehouseError
from pipelines.publication.office_file import OfficeView

# The one table beside them that only an office file has.
THIS_OFFICE = "this_office"
SAID_OF_THIS_OFFICE = "Whose file this is, and as of when. One row. 本文件所属街镇及数据截止时间（一行）"
OF_THIS_OFFICE = {
    "street_code": "Street of this file. 街镇代码",
    "street_name": "Name of the street on that day. 街镇名称",
    "day": "Day of the newest landed data, in the city's time. 数据截止日期",
    "as_of": "Instant of the newest landed data. 数据截止时间",
}

_COMMENT = re.compile("--.*")
_COMMENTED = re.compile(r'(?:^|[\s.])"?(?P<name>[A-Za-z_]\w*)"?,?\s+--\s*(?P<comment>\S.*)$')


def read(project: Path, contracts: Iterable[Contract]) -> list[OfficeView]:
    """Every view, sorted by name; `contracts` describe the tables they read."""
    described = {
        contract.table: {
            column.name: dictionary.both(column.description, column.business_name)
            for column in contract.stored_columns
        }
        for contract in contracts
    }
    return [
        _view(path, project, described)
        for path in sorted((project / "warehouse" / "office").glob("*.sql"))
        if not path.name.endswith(".checks.sql")
    ]


def _view(path: Path, project: Path, described: Mapping[str, Mapping[str, str]]) -> OfficeView:
    text = path.read_text(encoding="utf-8").strip().rstrip(";")
    header: list[str] = []
    body = text.splitlines()
    while body and body[0].startswith("--"):
        header.append(body.pop(0).removeprefix("--").strip())
    if header and header[0].rpartition(".")[2] == path.stem:
        header = header[1:]
    origin = path.relative_to(project).as_posix()
    comments = _inherited(text, origin, described)
    for line in body:
        if found := _COMMENTED.search(line):
            comments[found["name"]] = found["comment"].strip()
    return OfficeView("main", path.stem, text, " ".join(header), origin, comments)


def _inherited(query: str, origin: str, described: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What contracts say about columns of the tables a view reads; of two tables the one it names first counts."""
    meanings: dict[str, str] = {}
    for table in _tables(query, origin):
        for column, comment in described.get(table, {}).items():
            meanings.setdefault(column, comment)
    return meanings


def _tables(query: str, origin: str) -> Sequence[str]:
    try:
        tree = sqlglot.parse_one(query, dialect="duckdb")
    except sqlglot.ParseError as error:
        raise WarehouseError(
            f"{origin} cannot be parsed: {error}",
            next_step="a view is one select; paste it into the DuckDB shell to see where it breaks",
        ) from None
    named = {f"{table.db}.{table.name}" for table in tree.find_all(sqlglot.expressions.Table) if table.db}
    return sorted(named, key=_COMMENT.sub("", query).index)
