"""Which identifiers of rows one street's office may hold and which it may not; found in the warehouse, by hand.

Another street's are those that stand in rows of another street or of none, and neither in a row of its own nor in what
anybody may read. How a release decides who gets what is `pipelines/publication/disclosure.py`, which is not asked here.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import duckdb
import numpy

from pipelines.releases import Release

_IDENTIFIES = re.compile(r"_(id|no|key)$")
_OF_MANY = re.compile(r"(batch|feed|rule|survey|question|option|station|notice|addressee)_id$")
_LEVELS = ("city", "district", "street", "governance", "ops")
_SHORTEST = 8
_HASH_BITS = 20


class StreetIds:
    """Identifiers by street, as text."""

    def __init__(self, warehouse: Path, release: Release) -> None:
        self._own: dict[str, set[str]] = defaultdict(set)
        self._identifies: set[str] = set()
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            for table, columns in _tables(connection).items():
                self._read(connection, table, columns)
            # A bad row stands in its office's file as it was received, whatever it names.
            for code, received in connection.execute(
                "select street_code, received from ops.quarantine where street_code is not null"
            ).fetchall():
                self._own[code] |= {str(value) for value in json.loads(received).values() if value}
        self._open = _open(release)

    def own(self, street: str) -> set[str]:
        return self._own[street]

    def of_others(self, street: str) -> set[str]:
        """Those its office may not hold."""
        held = "\n".join(self._own[street])
        others = self._identifies - self._own[street] - self._open
        return {each for each in others if len(each.encode()) >= _SHORTEST and each not in held}

    def _read(self, connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> None:
        street, identifiers = "street_code", [name for name in columns if _IDENTIFIES.search(name)]
        source = table
        if street not in columns and "device_id" in columns:
            source = f"(select * from {table} left join (select device_id, street_code from street.video_devices) using (device_id))"
        elif street not in columns and "case_id" in columns:
            source = f"(select * from {table} left join (select case_id, street_code from governance.cases) using (case_id))"
        elif street not in columns:
            return
        for name in identifiers:
            if _OF_MANY.search(name):
                continue
            rows = connection.execute(
                f"select distinct coalesce({street}, ''), {name} from {source} where {name} is not null"
            ).fetchall()
            for code, value in rows:
                self._own[code].add(value)
                self._identifies.add(value)


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    rows = connection.execute(
        "select schema_name || '.' || table_name, list(column_name order by column_index) from duckdb_columns() where data_type = 'VARCHAR' and schema_name in "
        f"{_LEVELS} and database_name = current_database() group by all order by all"
    ).fetchall()
    return dict(rows)


def _open(release: Release) -> set[str]:
    found: set[str] = set()
    for table in release.tables.values():
        relation = duckdb.execute(f"from {table.sql}")
        names = [column[0] for column in relation.description or () if str(column[1]) == "VARCHAR"]
        for name in names:
            values = duckdb.execute(f'select distinct "{name}" from {table.sql}').fetchall()
            found |= {value for (value,) in values if value}
    return found


def found_in(content: bytes, identifiers: set[str]) -> set[str]:
    """Which of them stand anywhere in these bytes; each has at least eight.

    Every place is compared by eight bytes with how identifiers of one length begin and end, before it is looked at.
    """
    windows = numpy.ascontiguousarray(
        numpy.lib.stride_tricks.sliding_window_view(numpy.frombuffer(content, dtype="u1"), 8)
    )
    eights = windows.view("<u8").ravel()
    by_length: dict[int, set[bytes]] = defaultdict(set)
    for each in identifiers:
        by_length[len(each.encode())].add(each.encode())
    starts = numpy.array([int.from_bytes(each.encode()[:8], "little") for each in identifiers], dtype="<u8")
    is_start = numpy.zeros(1 << _HASH_BITS, dtype=bool)
    is_start[_hashed(starts)] = True
    begins = numpy.flatnonzero(is_start[_hashed(eights)])
    begins = begins[numpy.isin(eights[begins], starts)]
    found = set()
    for length, texts in by_length.items():
        ends = numpy.array([int.from_bytes(text[-8:], "little") for text in texts], dtype="<u8")
        inside = begins[begins + length <= len(content)]
        for place in inside[numpy.isin(eights[inside + length - 8], ends)]:
            if (text := content[place : place + length]) in texts:
                found.add(text)
    return {text.decode() for text in found}


def _hashed(eights: numpy.ndarray) -> numpy.ndarray:
    return (eights * numpy.uint64(0x9E3779B97F4A7C15)) >> numpy.uint64(64 - _HASH_BITS)
