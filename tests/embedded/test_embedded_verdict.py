"""What the demo holds to be a success: every pull published, nothing lost, something set aside, the release whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines import contract as contracts
from pipelines.embedded.due import Pull
from pipelines.embedded.verdict import complaints
from pipelines.lake import Window
from pipelines.receipt import Receipt
from pipelines.releases import Release, manifest_sha256

PROJECT = Path(__file__).resolve().parents[2]
FEED = contracts.load("city_projects", folder=PROJECT / "contracts")
DAY = date(2026, 11, 17)
WINDOW = Window(datetime(2026, 11, 16, 16, tzinfo=UTC), datetime(2026, 11, 17, 16, tzinfo=UTC))
COUNTS = {"received": 10, "validated": 8, "quarantined": 1, "duplicate": 1, "refused": 0}
FOUND = {"feed_id": FEED.feed_id, "batches": 1, **COUNTS, "difference": 0}
BATCH = {
    "feed_id": FEED.feed_id,
    "batch_id": "b1",
    "window_start": WINDOW.start.isoformat(),
    "window_end": WINDOW.end.isoformat(),
    **COUNTS,
}

Complain = Callable[..., list[str]]


@pytest.fixture
def complain(tmp_path: Path) -> Complain:
    """The complaints of a demo that pulled one feed on one day, with something changed."""
    folder = tmp_path / "r1"
    folder.mkdir()
    (folder / "manifest.json").touch()

    def said(
        found: dict[str, Any] = FOUND,
        batches: Sequence[dict[str, Any]] = (BATCH,),
        pulled: Sequence[tuple[date, Pull]] = ((DAY, Pull(FEED.feed_id, WINDOW)),),
        digest: str = "",
    ) -> list[str]:
        manifest: dict[str, Any] = {"files": [], "batches": batches}
        manifest["sha256"] = digest or manifest_sha256(manifest)
        return complaints({"feeds": [found]}, Release("r1", folder, manifest), [FEED], pulled)

    return said


def test_a_demo_in_which_all_holds_has_no_complaint(complain: Complain) -> None:
    assert [] == complain()


def test_a_batch_that_was_not_published_is_named_with_feed_and_day(complain: Complain) -> None:
    said = complain(batches=[])

    assert "city_projects: the batch of 2026-11-17 is not in release r1" in said
    assert "city_projects: batches 1 in the warehouse, 0 in release r1" in said


def test_a_batch_of_another_day_is_not_the_one_of_this_day(complain: Complain) -> None:
    other = {**BATCH, "window_end": "2026-11-18T16:00:00+00:00"}

    assert ["city_projects: the batch of 2026-11-17 is not in release r1"] == complain(batches=[other])


def test_a_feed_that_no_day_pulled_is_named(complain: Complain) -> None:
    assert ["city_projects: no day pulled it"] == complain(pulled=())


def test_a_demo_without_a_row_in_quarantine_has_not_shown_the_gate(complain: Complain) -> None:
    none = {"quarantined": 0, "duplicate": 2}

    assert ["no feed has a row in quarantine: the gate let every bad row through"] == complain(
        found={**FOUND, **none}, batches=[{**BATCH, **none}]
    )


def test_rows_that_were_lost_are_a_complaint(complain: Complain) -> None:
    assert ["city_projects: the row equation fails in 2 batches"] == complain(
        found={**FOUND, "difference": 2}
    )


def test_a_release_of_other_rows_than_the_warehouse_has_is_a_complaint(complain: Complain) -> None:
    assert ["city_projects: received 12 in the warehouse, 10 in release r1"] == complain(
        found={**FOUND, "received": 12}
    )


def test_a_release_that_was_changed_is_a_complaint(complain: Complain) -> None:
    assert ["release r1: manifest.json: changed since it was published"] == complain(digest="x")


def test_a_validated_batch_that_nobody_loaded_is_a_complaint(complain: Complain) -> None:
    receipt = Receipt("validated", FEED.feed_id, WINDOW, "b2", WINDOW.end, FEED.version, FEED.sha256)
    folder = receipt.batch.folder("validated")
    folder.mkdir(parents=True)
    receipt.write(folder)

    assert ["city_projects: batch b2 was validated and is not in release r1"] == complain()
