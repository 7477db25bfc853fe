"""Files that nobody here wrote: each row is in one place, with the right reasons, and reads as the file says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from real_sources import (
    AIR,
    BOSTON_311,
    CODES,
    EDITIONS,
    HOTLINE,
    HOTLINE_CSV,
    HOTLINE_XLSX,
    LA_311,
    PROMISES,
    PULLS,
    Pull,
    broken,
    good_rows,
    rows,
)

pytestmark = pytest.mark.long
EACH = pytest.mark.parametrize("pull", PULLS, ids=str)
KNOWN = {AIR: 35_064, BOSTON_311: 58_251, LA_311: 9_999}
"""Rows the source says its file has; see ../shared/data/README.md."""


@EACH
def test_each_row_is_in_one_place_and_is_counted_as_a_careful_person_counts(
    outcome: Any, shared_data: Path, pull: Pull, record_property: Any
) -> None:
    receipt = outcome.receipts[pull]
    found = rows(shared_data / pull.path)
    good = good_rows(pull.feed_id, shared_data / pull.path)
    expected = Counter(rule for rules in broken(pull.feed_id, shared_data / pull.path) for rule in rules)
    record_property(
        "figures", f"{pull}: {len(found)} received, {receipt.validated} validated, {receipt.rules}"
    )

    assert KNOWN.get(pull.feed_id, len(found)) == len(found) == receipt.received
    assert (len(good), len(found) - len(good), 0, 0) == (
        receipt.validated,
        receipt.quarantined,
        receipt.duplicate,
        receipt.refused,
    )
    assert receipt.difference == 0
    assert expected == receipt.rules
    assert receipt.warnings == ()


@EACH
def test_each_quarantined_row_has_every_reason_and_no_other(
    outcome: Any, shared_data: Path, pull: Pull
) -> None:
    errors = set(PROMISES[pull.feed_id].errors)
    judged = enumerate(broken(pull.feed_id, shared_data / pull.path), start=1)
    expected = {number: reasons for number, rules in judged if (reasons := errors.intersection(rules))}
    file = outcome.quarantine(pull)
    found = {
        number: {reason["rule"] for reason in reasons if reason["severity"] == "error"}
        for number, reasons in duckdb.sql(
            f"select _row_number, reasons from read_parquet('{file}')"
        ).fetchall()
    }

    assert expected == found


@pytest.mark.parametrize("feed_id", [AIR, BOSTON_311, LA_311])
def test_nothing_is_silently_misread(outcome: Any, shared_data: Path, feed_id: str) -> None:
    [pull] = [each for each in PULLS if each.feed_id == feed_id]
    compare(outcome, shared_data, pull)


@pytest.mark.parametrize("edition", EDITIONS)
def test_each_edition_of_the_area_codes_is_kept_beside_the_others(
    outcome: Any, shared_data: Path, edition: str
) -> None:
    [pull] = [each for each in PULLS if each.first == edition and each.feed_id == CODES]
    compare(outcome, shared_data, pull, f"edition_on = date '{edition}'")


def test_a_hotline_export_reads_the_same_from_csv_and_from_a_workbook(
    outcome: Any, shared_data: Path
) -> None:
    compare(outcome, shared_data, HOTLINE_XLSX)
    in_csv, in_both = (outcome.receipts[each].validated for each in (HOTLINE_CSV, HOTLINE_XLSX))
    done = outcome.loaded[outcome.receipts[HOTLINE_XLSX].batch_id]

    assert (in_both - in_csv, 0, in_csv, 0) == (
        done["inserted"],
        done["updated"],
        done["unchanged"],
        done["stale"],
    )


def compare(outcome: Any, shared_data: Path, pull: Pull, condition: str = "true") -> None:
    """Every good row of the file against the warehouse, column by column, in the order of the file."""
    promise = PROMISES[pull.feed_id]
    good = good_rows(pull.feed_id, shared_data / pull.path)
    level, _, name = pull.feed_id.partition("_")
    stored = outcome.ask(
        f"select {', '.join(promise.columns)} from {level}.{name} where {condition} order by _row_number"
    )

    assert len(good) == len(stored)
    for place, (column, says) in enumerate(promise.columns.items()):
        differences = [
            (row[next(iter(row))], expected, found[place])
            for row, found in zip(good, stored, strict=True)
            if (expected := says(row)) != found[place]
        ]

        assert (column, []) == (column, differences[:5])


def test_the_row_equation_holds_over_the_whole_history(outcome: Any) -> None:
    assert {"batches": len(PULLS), "differences": 0} == outcome.checked
    assert Counter(pull.feed_id for pull in PULLS) == dict(
        outcome.ask("select feed_id, count(*) from ops.batches group by all")
    )


def test_a_name_that_is_dropped_reaches_no_table(outcome: Any, shared_data: Path) -> None:
    names = {row["来电人"] for row in rows(shared_data / HOTLINE_XLSX.path)} - {"保密"}
    columns = {name for (name,) in outcome.ask("select column_name from duckdb_columns()")}
    kept = outcome.ask("from district.fangshan_orders") + outcome.ask(
        f"select received from ops.quarantine where feed_id = '{HOTLINE}'"
    )
    text = str(kept)

    assert "caller_name" not in columns
    assert names
    assert [] == [name for name in sorted(names) if name in text]
