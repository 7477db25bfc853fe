"""What CSV and XLSX have in common: a header, cells below it, and wide tables made long.

A part's cells come as Arrow batches of `_row` (from 1 within the part) and `f0`, `f1`, … for the fields that are
wanted. A multi-row header is flattened to `group/name`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.contract.model import Contract, Server, Unpivot
from pipelines.database import literal
from pipelines.errors import DataError
from pipelines.readers import columns
from pipelines.readers.findings import ROWS, Findings, Missing

if TYPE_CHECKING:
    import duckdb

NUMBER = "_row"


def flatten(rows: Sequence[Sequence[str]]) -> list[str]:
    """The names of a header of several rows; equal neighbours from one merged cell come as one."""
    return ["/".join(part for part in parts if part) for parts in zip(*rows, strict=True)]


@dataclass(frozen=True)
class Plan:
    """How the fields of one part become `received`: which are needed, and the statement."""

    fields: tuple[int, ...]
    sql: str
    unknown: frozenset[str]
    missing: tuple[Missing, ...] = ()
    absent: frozenset[str] = frozenset()
    """Columns that may be missing, and are."""
    moved: tuple[tuple[str, str, str], ...] = ()
    """Columns that stand elsewhere than in the contract, each behind which one it stands and should."""

    def schema(self, text: pa.DataType) -> pa.Schema:
        return pa.schema([(NUMBER, pa.int64()), *((f"f{field}", text) for field in self.fields)])


def plan(
    contract: Contract,
    server: Server,
    names: Sequence[str],
    where: str,
    cell: Callable[[str], str] = str,
    *,
    may_lack: bool = False,
) -> Plan:
    """Match a part's header with the contract. `cell` turns a field's SQL name into its text.

    A column that is missing is empty; with `may_lack` one that is not required may be missing. Raises DataError when
    the contract wants no batch without it or two have one name, DataRefused when a name is forbidden.
    """
    columns.refuse_forbidden_names(contract, names, where)
    fields = _positions(contract, names, where)
    kept: dict[str, str] = {}
    if server.unpivot:
        source, kept, used = _unpivoted(server.unpivot, names, fields, where, cell)
    else:
        source, used = ROWS, set()
        kept = {normal: cell(f"f{field}") for normal, field in fields.items()}
    values = [f"{NUMBER} + ?"]
    absent, lacked, places = [], set(), []
    wanted = columns.wanted(contract)
    for column in wanted:
        found = [normal for wire in column.wires if (normal := columns.normalise(wire)) in kept]
        found = list(dict.fromkeys(found))
        if not found or (column.is_joined and len(found) < len(column.wires)):
            if column.is_required or not may_lack:
                absent.append(column)
            else:
                lacked.add(column.name)
            found = []
        if found and not column.reason and found[0] in fields and not server.unpivot:
            places.append((fields[found[0]], column.name))
        used |= {fields[normal] for normal in found if normal in fields}
        values.append(columns.value_sql([kept[normal] for normal in found], column.is_joined))
    missing: tuple[Missing, ...] = ()
    if absent:
        is_any_there = len(absent) + len(lacked) < len(wanted)
        missing = columns.lacking(contract, where, absent, names, is_any_there)
    expected = columns.expected_names(contract)
    is_wide = server.unpivot is not None
    unknown = {
        name
        for name in names
        if (normal := columns.normalise(name)) not in expected and not (normal and is_wide)
    }
    return Plan(
        tuple(sorted(used)),
        f"insert into received select {', '.join(values)} from {source}",
        frozenset(unknown),
        missing,
        frozenset(lacked),
        () if may_lack else tuple(_moved(places)),
    )


def _moved(places: Sequence[tuple[int, str]]) -> Iterator[tuple[str, str, str]]:
    """The fewest columns that would have to go elsewhere for a header to be in the contract's order.

    `places` has the field of each column, in the contract's order. Told are the column, the one it stands behind,
    and the one it should stand behind; "" where that is none.
    """
    before = [-1] * len(places)
    length = [1] * len(places)
    for later, (field, _) in enumerate(places):
        for earlier in range(later):
            if places[earlier][0] <= field and length[earlier] >= length[later]:
                length[later], before[later] = length[earlier] + 1, earlier
    kept = set()
    last = max(range(len(places)), key=length.__getitem__, default=-1)
    while last >= 0:
        kept.add(last)
        last = before[last]
    arrived = [name for _, name in sorted(places, key=lambda place: place[0])]
    promised = [name for _, name in places]
    for place, name in enumerate(promised):
        if place not in kept:
            stands = arrived.index(name)
            yield name, arrived[stands - 1] if stands else "", promised[place - 1] if place else ""


def _positions(contract: Contract, names: Sequence[str], where: str) -> dict[str, int]:
    """Normalised name → field. Fields without a name are nobody's."""
    positions: dict[str, int] = {}
    twice = []
    for field, name in enumerate(names):
        normal = columns.normalise(name)
        if normal in positions:
            twice.append(name)
        elif normal:
            positions[normal] = field
    if twice:  # a file without a header may have values here: only names the contract knows are shown
        known = [name for name in twice if columns.normalise(name) in columns.expected_names(contract)]
        raise DataError(
            f"{where}: {len(twice)} column name(s) stand in the header more than once"
            + (f": {columns.listed(known)}" if known else ""),
            next_step="ask the source to name its columns differently; nobody can know which one counts",
        )
    if not positions:
        raise DataError(
            f"{where}: the header has no names",
            next_step="look whether the file starts with something else; `headerRows` says where the header is",
        )
    return positions


def _unpivoted(
    unpivot: Unpivot, names: Sequence[str], fields: dict[str, int], where: str, cell: Callable[[str], str]
) -> tuple[str, dict[str, str], set[int]]:
    """A wide table as SQL for a long one: kept columns, then one row for each other cell that is not empty."""
    keep = {columns.normalise(name): name for name in unpivot.keep}
    if lost := [name for normal, name in keep.items() if normal not in fields]:
        raise DataError(
            f"{where}: {len(lost)} column(s) to keep are missing: {', '.join(map(repr, lost))}",
            next_step="ask the source what changed, or correct `unpivot` in the contract",
        )
    wide = {normal: field for normal, field in fields.items() if normal not in keep}
    if not wide:
        raise DataError(
            f"{where}: the file has no column besides the {len(keep)} to keep",
            next_step="ask the source what changed, or correct `unpivot` in the contract",
        )
    titles = ", ".join(literal(names[field].strip()) for field in wide.values())
    cells = ", ".join(cell(f"f{field}") for field in wide.values())
    places = ", ".join(map(str, range(len(wide))))
    carried = ", ".join([f"f{fields[normal]}" for normal in keep])
    long = (
        f"(select row_number() over (order by wide_row, place) as {NUMBER}, * from (select {NUMBER} as wide_row, "
        f"{carried}, unnest([{places}]) as place, unnest([{titles}]) as wide_name, unnest([{cells}]) as wide_value "
        f"from {ROWS}) where wide_value is not null)"
    )
    kept = {normal: cell(f"f{fields[normal]}") for normal in keep}
    kept[columns.normalise(unpivot.name)] = "wide_name"
    kept[columns.normalise(unpivot.value)] = "wide_value"
    return long, kept, {fields[normal] for normal in (*keep, *wide)}


def insert(
    connection: duckdb.DuckDBPyConnection,
    made: Plan,
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    findings: Findings,
) -> int:
    """Append a part's cells to `received` and return how many rows that made.

    An error of ours that is raised while DuckDB draws the batches comes out as it is.
    """
    import duckdb

    raised: list[Exception] = []

    def drawn() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except Exception as error:
            raised.append(error)
            raise

    connection.register(ROWS, pa.RecordBatchReader.from_batches(schema, drawn()))
    try:
        connection.execute(made.sql, [findings.rows])
        counted = connection.execute("select count(*) from received").fetchone()
    except duckdb.Error:
        if raised:
            raise raised[0] from None  # DuckDB's own message may quote content
        raise
    finally:
        connection.unregister(ROWS)
    rows = counted[0] - findings.rows if counted else 0
    findings.rows += rows
    findings.unknown.update(made.unknown)
    findings.absent = made.absent if findings.absent is None else findings.absent & made.absent
    findings.missing |= {each.column: each for each in made.missing}
    findings.moved |= {name: (stands, should) for name, stands, should in made.moved}
    return rows
