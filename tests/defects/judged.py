"""One batch of `city_things` through landing, staging and the gate, from bytes nobody sent."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import contract, lake
from pipelines.connectors import Pulled
from pipelines.receipt import Receipt
from pipelines.stages import gate, landing, staging

THINGS = contract.load("city_things", Path(__file__).parent / "contracts")
WIRE = {column.name: column.business_name for column in THINGS.columns}
WORKING_DAY = date(2026, 11, 17)


@dataclass(frozen=True)
class Judged:
    """What became of a batch: validated rows by key, broken rules by row number, and what was set aside."""

    rows: dict[str, dict[str, Any]]
    rules: dict[int, list[str]]
    refused: list[int]
    warnings: tuple[str, ...]
    receipt: Receipt

    def flags(self, key: str) -> list[str]:
        found: list[str] = self.rows[key]["_dq_flags"]
        return found


def sheet(*records: Mapping[str, str], trailer: str = "") -> str:
    """CSV with every column of the contract, under its Chinese name."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(WIRE))
    writer.writerow(WIRE)
    writer.writerows(records)
    return out.getvalue() + trailer


def judged(
    patch: pytest.MonkeyPatch,
    *parts: bytes | str,
    server: str = "sample",
    day: date = WORKING_DAY,
    only: Sequence[str] = (),
) -> Judged:
    """Land, stage and judge the parts as the answer to one day's pull, 40 minutes after it ended.

    Raises what staging or the gate raises.
    """

    def pull(_: Any, source: Any, __: Any, keep: Any, **___: Any) -> Pulled:
        for part in parts:
            keep(part.encode() if isinstance(part, str) else part, source.format)
        return Pulled(source="made up", request_id="made up")

    patch.setattr(landing, "pull", pull)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=8)
    window = lake.Window(start, start + timedelta(days=1))
    landed = landing.land(THINGS, window, window.end + timedelta(minutes=40), server)
    validated = gate.gate(THINGS, staging.stage(THINGS, landed), is_approved=True)
    receipt = Receipt.read(validated)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        found = connection.execute(f"from read_parquet('{validated / lake.ROWS}')")
        names = [each[0] for each in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        reasons = connection.execute(
            "select _row_number, list_transform(reasons, lambda reason: reason.rule) from "
            f"read_parquet('{receipt.batch.folder('quarantine') / lake.ROWS}')"
        ).fetchall()
        aside = connection.execute(
            f"select _row_number from read_parquet('{validated / lake.SET_ASIDE}') where outcome = 'refused'"
        ).fetchall()
    return Judged(
        rows={row["thing_id"]: row for row in rows},
        rules={number: sorted(rules) for number, rules in reasons},
        refused=[number for (number,) in aside],
        warnings=receipt.warnings,
        receipt=receipt,
    )
