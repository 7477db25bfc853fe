"""The table names every defect, each is shown, and the city has each that a feed of ours can meet."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from defects_table import BY_IDENTIFIER, TABLE, Row
from row_vectors import VECTORS

from pipelines import contract, flags
from pipelines.samplecity import City, answerkey, faults
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.world import BEIJING

PROJECT = Path(__file__).resolve().parents[2]
EXPECTED = {"E": 11, "A": 11, "T": 10, "R": 24}
CITY = City(scale=0.1)
FILES = (Path(__file__).parent / "test_files_with_defects.py").read_text(encoding="utf-8")


def test_no_defect_is_missing() -> None:
    numbers = [f"{letter}{number}" for letter, count in EXPECTED.items() for number in range(1, count + 1)]

    assert sorted(numbers) == sorted(row.identifier for row in TABLE)


def test_the_domain_reference_has_no_other() -> None:
    reference = PROJECT.parent / "shared" / "DOMAIN.md"
    if not reference.is_file():
        pytest.skip("the domain reference is not in ../shared")
    section = reference.read_text(encoding="utf-8").split("\n## 7.")[1].split("\n## 8.")[0]

    assert set(re.findall(r"^\| ([EATR]\d+) \|", section, flags=re.MULTILINE)) == set(BY_IDENTIFIER)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.identifier)
def test_each_is_shown_by_a_vector_a_test_or_a_case(row: Row) -> None:
    in_rows = any(vector.identifier == row.identifier for vector in VECTORS)
    in_files = f"def test_{row.identifier.lower()}_" in FILES
    found = [_is_there(each) for each in row.shown]

    assert all(found), f"{row.identifier}: not found: {row.shown}"
    assert in_rows or in_files or found or row.identifier in NOWHERE


NOWHERE = {"R8"}
"""Nothing of ours decides it: categories are dated rows, and a report counts under the tree of its day."""


def _is_there(shown: str) -> bool:
    path, _, name = shown.partition("::")
    if name:
        return f"def {name}" in (PROJECT / path).read_text(encoding="utf-8")
    return any((PROJECT / "tests" / "warehouse" / "cases").glob(f"{shown}*.yaml"))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.identifier)
def test_the_city_has_each_that_a_feed_can_meet(row: Row) -> None:
    planted = {defect.identifier for source in SOURCES for defect in source.defects}
    match row.city:
        case "defect":
            assert row.identifier in planted
        case "fault":
            assert row.identifier in faults.IDENTIFIERS.values()
        case (feed_id, column, pattern):
            assert any(re.search(pattern, text) for text in _texts(feed_id, column))
        case reason:
            assert reason.startswith("none: ")
            assert row.identifier not in planted


def _texts(feed_id: str, column: str) -> list[str]:
    end = answerkey.end_of_demo(CITY).astimezone(BEIJING)
    midnight = end.replace(hour=0, minute=0)
    wire = answerkey.served(CITY, feed_id, midnight - timedelta(days=1), midnight, end)
    return [str(value) for value in wire.columns[column] if value is not None]


def test_each_fault_is_a_defect_of_the_table() -> None:
    assert set(faults.KINDS) == set(faults.IDENTIFIERS)
    assert set(faults.IDENTIFIERS.values()) <= set(BY_IDENTIFIER)


def test_each_planted_defect_is_one_of_the_table() -> None:
    planted = {defect.identifier for source in SOURCES for defect in source.defects}

    assert planted - {"4.8"} <= set(BY_IDENTIFIER)  # §4.8: too few people to publish


def test_what_a_planted_row_must_say_is_in_the_vocabulary() -> None:
    feeds = {feed.feed_id: feed for feed in contract.load_all()}
    for source in SOURCES:
        rules = {rule.rule_id for rule in feeds[source.feed_id].rules}
        for defect in source.defects:
            assert set(defect.rules) <= rules, (source.feed_id, defect.identifier)
            for flag in defect.flags:
                assert flags.is_mended(flag) or flag in rules, (source.feed_id, flag)


def test_each_flag_belongs_to_a_defect_that_is_mended() -> None:
    for flag in flags.FLAGS:
        assert "F" in BY_IDENTIFIER[flag.identifier].treatment
