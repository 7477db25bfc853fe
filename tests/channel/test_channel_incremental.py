"""Tables brought up day by day are those made at once from the lake, row for row."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import channel_days
import pytest
from channel_days import PROJECT, Channel, tables
from later_days import AREA_CHANGE, arrive, change_areas, days_of, put_away

from pipelines import lake, run
from pipelines.stages import gate

DAYS = 10


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, whose reference files may change."""
    for room in ("contracts", "warehouse"):
        shutil.copytree(PROJECT / room, tmp_path / "project" / room)
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(tmp_path / "project"))
    return tmp_path / "project"


@pytest.fixture
def unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output contracts are judged elsewhere; the checks beside the models are not left out."""
    monkeypatch.setattr(gate, "broken_rules", lambda *_: [])


def test_ten_days_one_by_one_are_ten_days_at_once(
    channel: Channel, copied: Path, project: Path, unjudged: None, tmp_path: Path
) -> None:
    days = days_of(copied, DAYS)
    aside = tmp_path / "aside"
    put_away(days, aside)
    shutil.rmtree(copied / "warehouse")
    done: set[tuple[str, str]] = set()
    for number, folders in enumerate(days):
        arrive(aside, folders)
        run.load()
        if channel_days.DAYS[0] + timedelta(days=number) == AREA_CHANGE:
            change_areas(project)
        done |= {(table, built["done"]) for table, built in run.build().items()}
    one_by_one = tables(copied)

    assert {"untouched"} == {built["done"] for built in run.build().values()}

    lake.warehouse_file().unlink()
    run.load()
    run.build()
    at_once = tables(copied)

    assert at_once == one_by_one
