"""Tables brought up day by day are those made at once from the lake, row for row."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from channel_days import DAYS as DEMO_DAYS
from channel_days import PROJECT, WHAT_LOADING_DID, Channel, tables
from forking import Call, Forks
from later_days import AREA_CHANGE, arrive, change_areas, days_of, put_away
from test_channel_killed import killed_and_ended

from pipelines import lake, run
from pipelines.stages import gate

DAYS, KILLS = 10, 5


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


@pytest.fixture
def aside(tmp_path: Path, copied: Path) -> Path:
    """Where batches wait until they arrive; there is no warehouse yet."""
    shutil.rmtree(copied / "warehouse")
    return tmp_path / "aside"


def done_by(folders: Iterable[Path], aside: Path) -> set[str]:
    """Load what arrived and build; returns what was done to any table."""
    arrive(aside, folders)
    run.load()
    return {built["done"] for built in run.build().values()}


@pytest.mark.long
def test_ten_days_one_by_one_are_ten_days_at_once(
    channel: Channel, copied: Path, project: Path, unjudged: None, aside: Path
) -> None:
    """Records come late, are corrected, sent again and gone; in between a street is renamed and another one split."""
    days = days_of(copied, DAYS)
    put_away(days, aside)
    done = set()
    for number, folders in enumerate(days):
        if DEMO_DAYS[0] + timedelta(days=number) == AREA_CHANGE:
            change_areas(project)
        done |= done_by(folders, aside)
    one_by_one = tables(copied)

    assert {"rebuilt", "extended", "untouched"} == done
    assert {"untouched"} == done_by([], aside)

    lake.warehouse_file().unlink()
    assert {"rebuilt"} == done_by([], aside)
    at_once = tables(copied)

    assert at_once == one_by_one
    assert at_once["governance.case_merges"][0] > 0


@pytest.mark.long
def test_days_in_any_order_are_days_at_once(
    channel: Channel, copied: Path, project: Path, unjudged: None, aside: Path
) -> None:
    folders = [folder for day in days_of(copied, 6) for folder in day]
    put_away([folders], aside)
    random.Random(6).shuffle(folders)
    for first in range(0, len(folders), 25):
        done_by(folders[first : first + 25], aside)
    found = tables(copied, WHAT_LOADING_DID)
    lake.warehouse_file().unlink()
    done_by([], aside)
    expected = tables(copied, WHAT_LOADING_DID)

    # What a build remembers of its sources knows what loading did.
    described = {name for name in expected if not name.startswith(("builds.", "build."))}
    assert {name: expected[name] for name in described} == {name: found[name] for name in described}


@pytest.mark.long
def test_a_build_killed_while_it_extends_ends_as_one_that_was_not(
    channel: Channel, copied: Path, aside: Path, forks: Forks, tmp_path: Path
) -> None:
    days = days_of(copied, 5)
    put_away(days, aside)
    calls: tuple[Call, ...] = (("load",), ("build",))
    for folders in days[:-1]:
        arrive(aside, folders)
    assert 0 == forks.run(calls).code, forks.said.read_text()
    arrive(aside, days[-1])
    start = tmp_path / "start"
    shutil.copytree(copied, start)
    attempt = forks.run(calls)
    assert 0 == attempt.code, forks.said.read_text()
    undisturbed = tables(copied)
    shutil.rmtree(copied)
    shutil.copytree(start, copied)
    dice = random.Random(7)
    instants = [attempt.seconds * (number + dice.random()) / KILLS for number in range(KILLS)]
    instants += [attempt.seconds * dice.random() for _ in range(3 * KILLS)]
    killed_and_ended(forks, copied, calls, instants, start, KILLS)

    assert undisturbed == tables(copied)
