"""Whatever the counts of streets and days, with both their totals shown, nobody reckons a hidden one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from by_hand import A, B, C, D, Rows, calls, fill, table
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import suppression
from pipelines.auditing import attack, evidence
from pipelines.contract.model import Contract
from pipelines.publication.disclosure import PublicTable
from pipelines.releases import Release

pytestmark = pytest.mark.long
STREETS = (A, B, C, D)
COUNTS = table(
    "counts",
    ("street_code", "day"),
    order_count=calls("orders", sum_of=("open_count", "closed_count")),
    open_count=calls("open"),
    closed_count=calls("closed"),
)
BY_DAY = table("by_day", ("day",), order_count=calls("of_day", total_of="governance.counts.order_count"))
BY_STREET = table(
    "by_street", ("street_code",), order_count=calls("of_street", total_of="governance.counts.order_count")
)
TABLES = (COUNTS, BY_DAY, BY_STREET)
NUMBERS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), min_size=8, max_size=8)


def _rows(numbers: list[tuple[int, int]]) -> dict[Contract, Rows]:
    cells = [(street, day) for street in STREETS for day in ("1", "2")]
    counts: list[dict[str, Any]] = [
        {"street_code": street, "day": day, "order_count": o + c, "open_count": o, "closed_count": c}
        for (street, day), (o, c) in zip(cells, numbers, strict=True)
    ]

    def total(name: str, value: str) -> dict[str, Any]:
        return {name: value, "order_count": sum(row["order_count"] for row in counts if row[name] == value)}

    return {
        COUNTS: counts,
        BY_DAY: [total("day", day) for day in ("1", "2")],
        BY_STREET: [total("street_code", street) for street in STREETS],
    }


def _attacked(rows: Mapping[Contract, Rows]) -> tuple[attack._Attack, suppression.Protection]:
    """What is shown of these tables, and the attack on it."""
    promises = evidence.promises(rows)
    with duckdb.connect() as connection:
        connection.execute("create schema governance")
        for each, given_rows in rows.items():
            fill(connection, each, given_rows)
        public = [
            PublicTable(each.table, tuple((one.name, one.type) for one in each.columns), each.key, each)
            for each in rows
        ]
        protection = suppression.protect(connection, public)
        shown, truths = (
            {name: evidence._read(connection, relation(name), promise) for name, promise in promises.items()}
            for relation in (lambda name: protection.open[name], lambda name: name)
        )
    release = Release("r", Path(), {"files": []})
    return attack._Attack(release, promises, {"r": shown}, truths, [], []), protection


@settings(max_examples=12, deadline=None, derandomize=True)
@given(NUMBERS)
def test_nobody_reckons_a_hidden_count(numbers: list[tuple[int, int]]) -> None:
    attacked, _ = _attacked(_rows(numbers))

    assert [] == [finding for finding, _ in attacked.of_anybody() if finding]
    assert [] == list(attacked.told_outright())


@settings(max_examples=6, deadline=None, derandomize=True)
@given(NUMBERS, st.sampled_from(STREETS))
def test_no_office_reckons_a_hidden_count_of_another_street(
    numbers: list[tuple[int, int]], street: str
) -> None:
    attacked, _ = _attacked(_rows(numbers))
    own = {
        (name, key, column): float(row[column])
        for name, truth in attacked.truths.items()
        for key, row in truth.items()
        for column in attacked.promises[name].counts
        if street in key
    }
    reckoning = attacked._reckoning(own)

    findings = [
        attacked._verdict(street, cell, reckoning)[0]
        for cell in attacked._secrets()
        if not attacked._is_of(street, cell)
    ]

    assert [] == [finding for finding in findings if finding]


@settings(max_examples=6, deadline=None, derandomize=True)
@given(NUMBERS)
def test_what_is_hidden_beside_is_needed(numbers: list[tuple[int, int]]) -> None:
    """Where nothing is small nothing is hidden, and no more than all of it ever is."""
    _, protection = _attacked(_rows(numbers))
    assert protection.mask is not None

    if not protection.mask.small.any():
        assert not protection.mask.hidden.any()
    assert not protection.mask.unprotected.any()
