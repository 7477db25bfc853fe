"""Each feed keeps one recorded answer, and the gate makes of it what `expect.yaml` says."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import COUNTS, EXPECT, counts, expected, parts, replay

from pipelines import contract

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob(f"*/{EXPECT}"))
MOST_BYTES = 20_000


def test_each_feed_has_one_recorded_answer() -> None:
    assert [feed.feed_id for feed in contract.load_all()] == [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_recorded_answer_becomes_what_it_should(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = replay(folder, monkeypatch)

    assert {name: expected(folder)[name] for name in COUNTS} == counts(receipt)
    assert receipt.difference == 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_recorded_answer_is_small_and_says_why_it_is_kept(folder: Path) -> None:
    assert expected(folder)["because"]
    assert [] == [path.name for path in parts(folder) if path.stat().st_size > MOST_BYTES]
