"""read(): the parts of one batch, in the order of arrival, into the temp table `received`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pipelines.contract.model import Contract, Server
from pipelines.database import quoted
from pipelines.errors import ContractError
from pipelines.readers import columns, csv_records, json_records, xlsx_records, xml_records
from pipelines.readers.decoding import canonical
from pipelines.readers.findings import Findings, Missing, Parts

if TYPE_CHECKING:
    import duckdb

Contents = Iterable[tuple[str, Callable[[], bytes]]]
"""Name of each part and what loads its bytes, decompressed and decrypted."""


@dataclass(frozen=True)
class Read:
    """What was found besides the rows.

    `unknown` are names nobody asked for, `absent` optional columns that no record had, `missing` columns that should
    have arrived and `moved` those that stand behind another column than in the contract. `fingerprint` is of the
    sorted wire names. `trailer_rows` is what the trailers of the parts promised, None without any. `flags` says
    per column what was mended in the text of every row (see decoding.py).
    """

    rows: int
    encoding_declared: str
    encoding_actual: str
    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    moved: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    trailer_rows: int | None = None
    fingerprint: str = ""
    flags: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


class _Reader(Protocol):
    def __call__(
        self,
        connection: duckdb.DuckDBPyConnection,
        parts: Parts,
        contract: Contract,
        server: Server,
        findings: Findings,
    ) -> None: ...


_READERS: dict[str, _Reader] = {
    "json": json_records.read,
    "geojson": json_records.read,
    "csv": csv_records.read,
    "xlsx": xlsx_records.read,
    "xml": xml_records.read,
}


def read(
    connection: duckdb.DuckDBPyConnection, contents: Contents, contract: Contract, server: Server
) -> Read:
    """Read landed parts into the temp table `received`.

    Its columns are `_row_number` (from 1, over all parts), one VARCHAR per stored column that is not a constant,
    and `_drop_1` … for the drop rules; texts are as received, NULL where nothing came (an absent or null JSON
    value, an empty cell, quoted or not). Loaders are called one after another; nothing is written to disk.
    A part of no bytes at all is an answer without content: no rows, and a warning.

    Raises DataError when a part cannot be read for certain or lacks a column it may not, DataRefused when it shows a
    name or value the contract forbids, ContractError when the contract names an encoding or format nobody knows.
    """
    reader = _READERS.get(server.format)
    if reader is None:
        raise ContractError(
            f"{contract.feed_id}: server {server.name!r} has format {server.format!r}, expected one of "
            + ", ".join(_READERS),
            next_step=f"correct `format` in {contract.path}",
        )
    wanted = columns.wanted(contract)
    fields = "".join(f", {quoted(column.name)} varchar" for column in wanted)
    connection.execute(f"create or replace temp table received (_row_number bigint{fields})")
    findings = Findings()
    reader(connection, _with_content(contents, findings), contract, server, findings)
    declared = canonical(server.encoding) if server.format != "xlsx" else "xlsx"
    unknown = tuple(sorted(findings.unknown))
    warnings = list(findings.warnings)
    if unknown and contract.drift.new_columns != "accept":
        warnings.append(f"additive: {len(unknown)} unknown column(s) left out: {columns.listed(unknown)}")
    absent = tuple(column.name for column in wanted if column.name in (findings.absent or ()))
    if absent and contract.drift.missing_columns != "accept":
        warnings.append(f"no record has {len(absent)} optional column(s): {', '.join(absent)}")
    flags = tuple(sorted(findings.flags))
    return Read(
        rows=findings.rows,
        encoding_declared=declared,
        encoding_actual=", ".join(sorted(findings.encodings)) or declared,
        unknown=tuple(sorted({columns.safe(name) for name in unknown})),
        absent=absent,
        missing=tuple(findings.missing.values()),
        moved=tuple((name, *places) for name, places in findings.moved.items()),
        warnings=tuple(warnings),
        trailer_rows=findings.trailer_rows,
        fingerprint=columns.fingerprint(findings.names),
        flags={column.name: flags for column in wanted} if flags else {},
    )


def _with_content(contents: Contents, findings: Findings) -> Parts:
    for name, load in contents:
        if content := load():
            yield name, content
        else:
            findings.warn(f"{name}: came without any content")
