"""Open tables of a few streets, by hand, published as everything is; and the attack on what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from two_streets import KEY, column, contract

from pipelines import auditing, releases, suppression
from pipelines.auditing import Audit
from pipelines.contract.model import Contract, Figure
from pipelines.releases import Release
from pipelines.stages import publishing
from pipelines.suppression import masking
from pipelines.suppression.cells import Cells
from pipelines.suppression.masking import Mask

A, B, C, D = "900001001", "900001002", "900001003", "900001004"
Rows = Sequence[Mapping[str, Any]]

_TYPES = {int: "bigint", float: "double", str: "varchar"}


def table(name: str, key: Sequence[str], **figures: Figure) -> Contract:
    """A governance table of that key whose other columns are whole numbers with these figures."""
    columns = [column(each, "bigint" if each == "revision" else "varchar", **KEY) for each in key]
    columns = [
        replace(each, figure=Figure(is_revision=True)) if each.name == "revision" else each
        for each in columns
    ]
    kinds = {each: "double" if each.endswith("_rate") else "bigint" for each in figures}
    columns += [column(each, kinds[each], figure=figure) for each, figure in figures.items()]
    return contract("governance", name, *columns)


def calls(measure: str, **others: Any) -> Figure:
    return Figure(counts="calls", measure=measure, **others)


class Town:
    """A home to publish from, day after day."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("URBANBRAIN_HOME", str(home / "home"))
        self.project = home / "project"
        (self.project / "contracts" / "reference").mkdir(parents=True)
        (self.project / "warehouse" / "office").mkdir(parents=True)
        self.patch = patch
        self.day = 0

    def hide_only_small(self) -> None:
        """From now on nothing is hidden beyond the small counts themselves."""

        def small_only(cells: Cells, *_: object) -> Mask:
            hidden = ~cells.is_rest & (cells.value > 0) & (cells.value < masking.LEAST)
            return Mask(hidden, hidden, hidden, hidden & False)

        self.patch.setattr(suppression.masking, "choose", small_only)

    def publish(self, tables: Mapping[Contract, Rows], *offices: str) -> Release:
        """The next day's release of these tables, with the files of these offices."""
        self.day += 1
        landed_at = datetime(2026, 11, 18, 16, 40, tzinfo=UTC) + timedelta(days=self.day)
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute(
                "create schema governance; create schema ref; create table ref.areas as select unnest($streets) as "
                "area_code, 'street' as area_level, '街' as area_name, area_code <> 'none' as is_in_scope, date '1990-01-01' as "
                "valid_from, date '9999-12-31' as valid_to",
                {"streets": list(offices) or ["none"]},
            )
            for each, rows in tables.items():
                fill(connection, each, rows)
            publishing.publish(connection, [], list(tables), self.project, [_batch(landed_at, self.day)])
        return releases.current()

    def attack(self, tables: Mapping[Contract, Rows]) -> Audit:
        return auditing.audit(releases.current(), releases.list_releases(), list(tables))


def told(audit: Audit) -> set[tuple[str, str, str]]:
    """Who can tell which column of which row."""
    return {(each.attacker, " ".join(each.key), each.column) for each in audit.findings}


def shown(release: Release, of: Contract) -> list[dict[str, Any]]:
    """Rows of an open table, in the order of its key."""
    found = duckdb.execute(f"from {release.tables[of.table].sql}")
    names = [each[0] for each in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _batch(landed_at: datetime, number: int) -> dict[str, Any]:
    return {
        "feed_id": "city_orders",
        "window_start": landed_at - timedelta(days=1),
        "window_end": landed_at,
        "batch_id": f"b{number}",
        "landed_at": landed_at,
        "is_refused": False,
        "contract_sha256": "",
    }


def fill(connection: duckdb.DuckDBPyConnection, contract: Contract, rows: Rows) -> None:
    columns = ", ".join(f"{each.name} {each.type}" for each in contract.columns)
    connection.execute(f"create table {contract.table} ({columns})")
    names = [each.name for each in contract.columns]
    marks = ", ".join("?" * len(names))
    for row in rows:
        connection.execute(
            f"insert into {contract.table} values ({marks})", [row.get(name) for name in names]
        )
