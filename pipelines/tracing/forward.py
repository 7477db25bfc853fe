"""Forward: rows that are made of a row or refer to it, and the releases that hold one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines import releases
from pipelines.contract.model import Contract
from pipelines.errors import WarehouseError
from pipelines.tracing.links import Links, Row, text_of

_MOST = 50
"""So many rows of one table are told in full; the others are counted."""


@dataclass
class Found:
    """Rows of one table that have to do with what was asked for."""

    table: str
    rows: list[Row]
    count: int
    why: str


def readers(
    links: Links, table: str, rows: Sequence[Row], named: Sequence[tuple[Contract, str]]
) -> Iterator[Found]:
    """Rows of other tables that are made of these, or refer to them."""
    told = {table}
    if any(feed.table == table for feed, _ in named):
        for reader in sorted(each for each in links.promises if each.startswith("governance.")):
            found = links.rows_naming(reader, named) if reader in links.there else []
            if found:
                told.add(reader)
                yield _told(links, reader, found, "is made of it")
                yield from _referred(links, reader, found, told)
    for child, column, target in links.referring_to(table):
        values = [text_of(row[target]) for row in rows if row[target] is not None]
        found = links.rows(child, (column,), values)
        if found and child not in told:
            told.add(child)
            yield _told(links, child, found, f"refers to it by {column}")


def _referred(links: Links, table: str, rows: Sequence[Row], told: set[str]) -> Iterator[Found]:
    """Rows that rows of a governance table refer to: the case of a member."""
    promise = links.promises[table]
    for column in promise.stored_columns:
        for reference in column.references:
            target, _, name = reference.rpartition(".")
            values = sorted({text_of(row[column.name]) for row in rows if row[column.name] is not None})
            if target in links.there and target.startswith("governance.") and target not in told and values:
                told.add(target)
                yield _told(links, target, links.rows(target, (name,), values), f"is referred to by {table}")


def _told(links: Links, table: str, rows: Sequence[Row], why: str) -> Found:
    key = links.key(table)
    keys = [{name: row[name] for name in key} for row in rows]
    return Found(table, sorted(keys, key=str)[:_MOST], len(keys), why)


def holding(
    links: Links, table: str, rows: Sequence[Row], reading: Sequence[Found], records: Sequence[Row]
) -> list[Row]:
    """Releases that hold the row, one made of it, or at least were made of its batches; the newest first."""
    wanted = {each.table: each.rows for each in reading}
    if not any(feed.table == table for feed in links.feeds.values()) and table in links.promises:
        key = links.key(table)
        wanted = {table: [{name: row[name] for name in key} for row in rows], **wanted}
    batches = {(record["feed"], each["batch_id"]) for record in records for each in record["batches"]}
    told = []
    for release in reversed(releases.list_releases()):
        holds = [name for name, keys in wanted.items() if _is_in(links, release, name, keys)]
        made_of = {(each["feed_id"], each["batch_id"]) for each in release.manifest["batches"]}
        if holds or batches & made_of:
            told.append(
                {
                    "release_id": release.release_id,
                    "as_of": release.as_of,
                    "is_current": _is_current(release),
                    "tables": holds,
                    "batches": len(batches & made_of),
                }
            )
    return told


def _is_in(links: Links, release: releases.Release, table: str, keys: Sequence[Row]) -> bool:
    files = release.detail.get(table)
    if files is None or not files.is_whole() or not keys:
        return False
    there = {row["column_name"] for row in links.fetch(f"describe from {files.sql}", [])}
    if not keys[0].keys() <= there:
        return False
    return bool(links.rows(files.sql, tuple(keys[0]), [_joined(each) for each in keys]))


def _joined(row: Row) -> str:
    return "/".join(map(text_of, row.values()))


def _is_current(release: releases.Release) -> bool:
    try:
        return releases.current().release_id == release.release_id
    except WarehouseError:
        return False
