"""Records of XML parts: the elements at `records`, one record each; leaves below them by name or path.

Like JSON, and unlike CSV, a record may leave out what it has no value for.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.contract.model import Contract, Server
from pipelines.errors import DataError
from pipelines.readers import columns, tables
from pipelines.readers.decoding import canonical, decode
from pipelines.readers.findings import Findings, Parts
from pipelines.readers.xml_elements import Elements, declared_encoding, elements

if TYPE_CHECKING:
    import duckdb

_MOST_ROWS = 1_000_000


def read(
    connection: duckdb.DuckDBPyConnection,
    parts: Parts,
    contract: Contract,
    server: Server,
    findings: Findings,
) -> None:
    """Insert the records of all parts into `received`."""
    for name, content in parts:
        where = f"{contract.feed_id}, {name}"
        text = decode(content, server.encoding, where)
        findings.saw(text)
        _warn_of_false_declaration(content, text.encoding, name, findings)
        if contract.forbidden_values:
            columns.refuse_forbidden_values(contract, html.unescape(text.data.decode()), where)
        total = tuple(server.total.split(".")) if server.total else ()
        found = elements(text.data, tuple(server.records.split(".")), where, total)
        columns.refuse_forbidden_names(contract, found.every_name, where)
        if found.promised is not None:
            findings.trailer_rows = (findings.trailer_rows or 0) + found.promised
            if found.promised != found.count:
                raise DataError(
                    f"{where}: {server.total} promises {found.promised} record(s), the document holds {found.count}",
                    next_step="the transfer was cut short or the export is wrong: land the window again",
                )
        if not found.has_parent and found.promised != 0:
            raise DataError(
                f"{where}: expected records at {server.records}, found no element around them; it has "
                + columns.listed(sorted(found.every_name)),
                next_step="look whether the source answered with an error, or correct `records` in the contract",
            )
        findings.names.update(found.names)
        if found.count:
            _insert(connection, contract, server, found, where, findings)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    server: Server,
    found: Elements,
    where: str,
    findings: Findings,
) -> None:
    plan = tables.plan(contract, server, found.names, where, may_lack=True)
    arrays = [pa.array(range(1, found.count + 1), pa.int64())]
    for field in plan.fields:
        try:
            arrays.append(found.texts(field))
        except ValueError:
            raise DataError(
                f"{where}: a record has the element {columns.shown(found.names[field])} more than once",
                next_step="ask the source; nobody can know which one counts",
            ) from None
    schema = plan.schema(pa.string_view())
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    batches = (batch.slice(start, _MOST_ROWS) for start in range(0, found.count, _MOST_ROWS))
    tables.insert(connection, plan, batches, schema, findings)


def _warn_of_false_declaration(content: bytes, actual: str, name: str, findings: Findings) -> None:
    """A document may say of itself that it is UTF-8 and be GB 18030; the bytes are believed."""
    declared = declared_encoding(content)
    if declared and canonical(declared) != actual:
        findings.warn(f"{name}: declares {declared}, is written in {actual}")
