"""Records of JSON parts. DuckDB takes them apart; Python sees only their names.

Pages are handed to DuckDB as they are, a few at a time. One pass collects every name of every record, one takes
the wanted values as text. Numbers arrive in their shortest form (1.50 as 1.5; whole numbers keep all digits),
truths as true and false, objects and arrays as JSON text. A trailing comma is let pass, as DuckDB does.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.contract.model import Contract, Server
from pipelines.database import literal
from pipelines.errors import DataError
from pipelines.readers import columns
from pipelines.readers.columns import Wanted
from pipelines.readers.decoding import decode
from pipelines.readers.findings import ROWS, Findings, Parts
from pipelines.readers.json_names import Names, Path, path_sql

if TYPE_CHECKING:
    import duckdb

_GROUP_BYTES = 200_000_000
"""Pages are read together up to this size: small ones cost no statement each, large ones use every core."""
_FAULT = re.compile(r"at byte (\d+) of input: ([a-z ,']+)")
# All strings of a record one after another; those followed by a colon, group 1, are its names at every depth.
_ANY_NAME = r'"((?:[^"\\]|\\.)*)"\s*:|"(?:[^"\\]|\\.)*"'


def read(
    connection: duckdb.DuckDBPyConnection,
    parts: Parts,
    contract: Contract,
    server: Server,
    findings: Findings,
) -> None:
    """Insert the records of all parts into `received`."""
    wanted = columns.wanted(contract)
    seen: set[str] = set()
    for pages in _groups(parts, contract, server, findings):
        with _registered(connection, pages, _bases(server)) as group:
            names = group.names(contract, "properties" if server.format == "geojson" else "")
            group.refuse_forbidden(contract)
            paths = [names.paths(column, findings) for column in wanted]
            group.insert(wanted, paths, findings.rows)
        seen.update(column.name for column, found in zip(wanted, paths, strict=True) if found)
        findings.rows += sum(group.counts)
        findings.names.update(names.all)
        findings.unknown.update(names.unknown(contract) - _platforms_own(server))
        for warning in group.warnings:
            findings.warn(warning)
    absent = [column for column in wanted if column.name not in seen]
    if findings.rows and (needed := [column for column in absent if column.is_required]):
        gone = columns.lacking(contract, contract.feed_id, needed, sorted(findings.names), bool(seen))
        findings.missing |= {each.column: each for each in gone}
    if findings.rows and (absent := [column for column in absent if not column.is_required]):
        findings.absent = frozenset(column.name for column in absent)


def _bases(server: Server) -> tuple[str, ...]:
    """Where the records may lie, the likeliest first. SensorThings wraps its lists in `value`."""
    from pipelines.connectors.dialects import dialect_of, records_path

    if path := records_path(server):
        return (path,)
    if server.format == "geojson":
        return ("features",)
    return ("", "value") if dialect_of(server).paging == "link" else ("",)


def _platforms_own(server: Server) -> set[str]:
    """Names every record has from its platform or format, such as CKAN's `_id`; nobody's news."""
    from pipelines.connectors.dialects import dialect_of

    return {
        dialect_of(server).identity,
        *(("type", "geometry", "bbox") if server.format == "geojson" else ()),
    }


def _groups(
    parts: Parts, contract: Contract, server: Server, findings: Findings
) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    size = 0
    for name, content in parts:
        where = f"{contract.feed_id}, {name}"
        text = decode(content, server.encoding, where)
        findings.saw(text)
        columns.refuse_image_objects(text.data, where)
        if group and size + len(text.data) > _GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append((where, text.data))
        size += len(text.data)
    if group:
        yield group


@contextlib.contextmanager
def _registered(
    connection: duckdb.DuckDBPyConnection, pages: list[tuple[str, bytes]], bases: Sequence[str]
) -> Iterator[_Group]:
    schema = pa.schema([("part", pa.int32()), ("page", pa.large_string())])
    batches = [
        pa.RecordBatch.from_arrays([pa.array([number], pa.int32()), _one_text(page)], schema=schema)
        for number, (_, page) in enumerate(pages)
    ]
    connection.register(ROWS, pa.Table.from_batches(batches, schema))
    try:
        yield _Group(connection, [where for where, _ in pages], bases)
    finally:
        connection.unregister(ROWS)


def _one_text(text: bytes) -> pa.Array:
    """Checked UTF-8 as an array of one value, without a copy."""
    ends = pa.array([0, len(text)], pa.int64()).buffers()[1]
    return pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(text)])


class _Group:
    """A few pages on the connection, and what is asked of them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, where: list[str], bases: Sequence[str]) -> None:
        self._connection = connection
        self._where = where
        self._bases = [path_sql(tuple(base.split(".")) if base else ()) for base in bases]
        self._base = self._bases[0]
        self.counts = [0] * len(where)
        self.warnings: list[str] = []

    def _ask(self, sql: str) -> list[Any]:
        import duckdb

        try:
            return self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            fault = _FAULT.search(str(error))
            if fault is None:
                raise
        bad = self._connection.execute(f"select min(part) from {ROWS} where not json_valid(page)").fetchall()
        # No cause: DuckDB's message quotes the content.
        raise DataError(
            f"{self._where[bad[0][0] or 0]}: not JSON: {fault[2].strip()} at byte {fault[1]}",
            next_step="look whether the transfer was cut short; land the window again",
        )

    def names(self, contract: Contract, home: str) -> Names:
        """Every name of every record, and of the objects the contract looks into; counts the records."""
        names = Names({(): set()}, home)
        rows = self._keys("")
        for base in self._bases[1:]:
            if not any(count for _, count, _ in rows):
                self._base = base
                rows = self._keys("")
        if not any(count for _, count, _ in rows):
            self._base = self._bases[0]
        for number, count, lists in rows:
            self.counts[number] = count
            for keys in lists:
                names.add((), keys, self._where[number])
            if [] in lists:
                self._refuse_other_than_objects(number)
            if not count:
                self._refuse_other_than_list(number)
        while prefix := next(names.unexplored(contract), None):
            names.inside[prefix] = set()
            for number, _, lists in self._keys(path_sql(prefix)[1:]):
                for keys in lists:
                    names.add(prefix, keys, self._where[number])
        return names

    def _keys(self, inner: str) -> list[tuple[int, int, list[list[str]]]]:
        """Part, objects in it, and the different lists of names these have."""
        path = literal(f"{self._base}[*]{inner}")
        return self._ask(
            f"with lists as materialized (select part, json_keys(page, {path}) as keys from {ROWS}) "
            "select part, len(keys), list_distinct(keys) from lists order by part"
        )

    def _refuse_other_than_list(self, number: int) -> None:
        [(kind,)] = self._ask(
            f"select json_type(page, {literal(self._base)}) from {ROWS} where part = {number}"
        )
        if kind == "NULL":
            self.warnings.append(f"{self._where[number]}: the list of records is null, read as no records")
        elif kind != "ARRAY":
            raise DataError(
                f"{self._where[number]}: expected the list of records at {self._base}, found "
                + ("nothing" if kind is None else kind.lower()),
                next_step="look whether the source answered with an error, or changed its envelope; "
                "`records` in the contract's server says where the list is",
            )

    def _refuse_other_than_objects(self, number: int) -> None:
        path = literal(f"{self._base}[*]")
        [(wrong, first)] = self._ask(
            f"with lists as materialized (select json_type(page, {path}) as kinds from {ROWS} where part = {number}) "
            "select len(list_filter(kinds, lambda kind: kind <> 'OBJECT')), "
            "list_position(list_transform(kinds, lambda kind: kind <> 'OBJECT'), true) from lists"
        )
        if wrong:
            raise DataError(
                f"{self._where[number]}: {wrong} record(s) are no objects, the first is number {first}",
                next_step="ask the source; a record is an object with names",
            )

    def refuse_forbidden(self, contract: Contract) -> None:
        """Raise DataRefused when a name at any depth, or a value, is forbidden."""
        if contract.forbidden_values:
            # As DuckDB writes it again: what was sent as \\u4eac is 京, and seen.
            for number, text in self._ask(
                f"select part, json_extract(page, '$')::varchar from {ROWS} order by part"
            ):
                columns.refuse_forbidden_values(contract, text, self._where[number])
        if not contract.forbidden_columns:
            return
        path, pattern = literal(self._base), literal(_ANY_NAME)
        rows = self._ask(
            f"with texts as materialized (select part, json_extract(page, {path})::varchar as text from {ROWS}) "
            f"select part, list_distinct(regexp_extract_all(text, {pattern}, 1)) from texts order by part"
        )
        for number, names in rows:
            columns.refuse_forbidden_names(contract, names or (), self._where[number])

    def insert(self, wanted: Sequence[Wanted], paths: Sequence[list[Path]], before: int) -> None:
        """Append the values at the paths to `received`, numbered on from `before`."""
        every = list(dict.fromkeys(path for found in paths for path in found))
        taken, slots = _taking(every)
        values = ["number"]
        for column, found in zip(wanted, paths, strict=True):
            values.append(columns.value_sql([slots[path] for path in found], column.is_joined))
        firsts = [before + sum(self.counts[:number]) for number in range(len(self.counts))]
        # Without the materialized step DuckDB takes a page apart once per 2,048 records of it.
        self._ask(
            f"insert into received with pages as materialized (select {_pick(firsts)} as first, {_pick(self.counts)} "
            f"as count, json_extract(page, {literal(self._base + '[*]')}) as records from {ROWS}), "
            "single as (select unnest(range(first + 1, first + count + 1)) as number, unnest(records) as record "
            f"from pages), taken as (select number, {taken} as found from single) "
            f"select {', '.join(values)} from taken"
        )


def _taking(paths: Sequence[Path]) -> tuple[str, dict[Path, str]]:
    """SQL that takes all wanted values from a record, and what each is called then.

    Both ways give the same texts, but for the exponent of floats beyond 1e16. The first takes half the time, and
    knows only names at the top that differ by more than case.
    """
    if not paths:
        return "null", {}
    names = {str(path[0]).casefold() for path in paths if len(path) == 1}
    if len(names) == len(paths):
        shape = json.dumps({str(path[0]): "VARCHAR" for path in paths}, ensure_ascii=False)
        slots = {path: f"struct_extract_at(found, {place})" for place, path in enumerate(paths, 1)}
        return f"json_transform(record, {literal(shape)})", slots
    listed = ", ".join(literal(path_sql(path)) for path in paths)
    return f"json_extract_string(record, [{listed}])", {
        path: f"found[{place}]" for place, path in enumerate(paths, 1)
    }


def _pick(numbers: Sequence[int]) -> str:
    """SQL for the number that belongs to a part."""
    return f"[{', '.join(map(str, numbers))}][part + 1]"
