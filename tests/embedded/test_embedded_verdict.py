"""What the demo holds to be a success: every pull published, nothing lost, something set aside, the release whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import contract as contracts
from pipelines.embedded.due import Pull
from pipelines.embedded.verdict import complaints
from pipelines.lake import Window
from pipelines.publication.office_file import OfficeView
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
    (folder / "manifest.json").touch(0o440)

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


TABLES = {
    contract.table: contract for contract in contracts.load_governance(PROJECT / "contracts" / "governance")
}
ALERTS, OFFLINE = TABLES["governance.scorecard_alerts"], TABLES["governance.devices_offline"]
QUESTION = OfficeView("main", "q07_cameras_offline", "select * from governance.devices_offline")


@dataclass(frozen=True)
class Published:
    """A release with so many rows of one table for everybody, and two offices with so many of one of their own."""

    folder: Path

    def complaints(self, for_all: int, *for_offices: int) -> list[str]:
        files: list[dict[str, Any]] = [
            {"path": f"district/{ALERTS.table}.parquet", "bytes": 0, "rows": for_all}
        ]
        for number, rows in enumerate(for_offices):
            file = self.folder / "offices" / f"s{number}" / f"s{number}.duckdb"
            file.parent.mkdir(parents=True)
            with duckdb.connect(str(file)) as connection:
                connection.execute("create schema governance")
                connection.execute(f"create table {OFFLINE.table} as select * from range({rows})")
                connection.execute(f"create view {QUESTION.name} as {QUESTION.query}")
            files.append(
                {"path": file.relative_to(self.folder).as_posix(), "bytes": 0, "sha256": "", "rows": None}
            )
        manifest: dict[str, Any] = {"files": files, "batches": [BATCH]}
        release = Release("r1", self.folder, manifest)
        pulled = ((DAY, Pull(FEED.feed_id, WINDOW)),)
        said = complaints({"feeds": [FOUND]}, release, [FEED], pulled, [ALERTS, OFFLINE], [QUESTION])
        return [sentence for sentence in said if not sentence.startswith("release r1: ")]


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path / "r1")


def test_what_one_office_has_is_there(published: Published) -> None:
    assert [] == published.complaints(1, 0, 2)


def test_a_promised_table_without_a_row_is_named(published: Published) -> None:
    assert ["governance.scorecard_alerts: no row of it in release r1"] == published.complaints(0, 1, 0)


def test_a_question_that_no_office_can_answer_is_named(published: Published) -> None:
    assert [
        "governance.devices_offline: no row of it in release r1",
        "q07_cameras_offline: no office's file in release r1 answers it",
    ] == published.complaints(1, 0, 0)


def test_a_release_without_offices_answers_nothing(published: Published) -> None:
    assert [
        "governance.devices_offline: no row of it in release r1",
        "q07_cameras_offline: no office's file in release r1 answers it",
    ] == published.complaints(1)
