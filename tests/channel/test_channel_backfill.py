"""The past of a feed, pulled window by window: what is there is left alone, and every way through it ends alike."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import requests
from channel_days import files, tables
from forking import Call, Forks
from typer.testing import CliRunner

from pipelines import cli, lake, run
from pipelines.errors import BatchHeld, FeedError, SettingError, UrbanBrainError
from pipelines.receipt import Receipt
from pipelines.run import backfills
from pipelines.samplecity import City, server

YEAR = City(scale=0.02, history_days=370)
VOLUNTEERS, STEWARDS, HOTLINE = (
    "street_volunteer_activities",
    "street_steward_requests",
    "city_hotline_orders",
)
AS_OF = "2026-11-19T00:40:00+08:00"


@pytest.fixture
def year(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A small city that remembers a year; its clock stands after it."""
    with server.running(YEAR) as url:
        assert requests.put(f"{url}/clock", json={"now": AS_OF}, timeout=300).ok
        monkeypatch.setenv("URBANBRAIN_SAMPLE_CITY_URL", url)
        yield url


def judged(home: Path) -> dict[str, object]:
    """What a backfill leaves, without what tells at which port the city was served, and when."""
    found: dict[str, object] = {
        name: digest
        for stage in ("landing", "validated", "quarantine")
        for name, digest in files(home / "lake" / stage).items()
        # Bytes as received are sealed for feeds with personal columns, each time with another nonce.
        if lake.RECEIPT not in name
        and "/.writing-" not in name
        and not (stage == "landing" and STEWARDS in name)
    }
    for folder in (path for stage in ("landing", "validated", "quarantine") for path in lake.batches(stage)):
        found[str(folder.relative_to(home))] = replace(Receipt.read(folder), details={})
    return found


def backfilled(
    first: str, last: str, *, feed: str = VOLUNTEERS, newest_first: bool = False
) -> run.Backfilled:
    plan = run.backfill_plan(feed, first, last, newest_first=newest_first, as_of=AS_OF)
    return run.backfill(plan, pause=0, as_of=AS_OF)


def states(first: str, last: str, every: str = "", feed: str = VOLUNTEERS) -> list[str]:
    return [step.state for step in run.backfill_plan(feed, first, last, every, as_of=AS_OF).steps]


@pytest.mark.long
def test_both_ways_through_the_past_end_alike_even_when_one_is_interrupted(
    year: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = ("2026-09-16", "2026-10-06")
    assert 3 == backfilled(*days).windows
    run.load()
    straight = judged(home), tables(home)
    home.rename(tmp_path / "straight")

    gate, calls = backfills.gate, []

    def interrupted(folder: str) -> str:
        calls.append(folder)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return gate(folder)

    monkeypatch.setattr(backfills, "gate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        backfilled(*days, newest_first=True)
    assert ["pull", "judge", "there"] == states(*days)
    assert 2 == backfilled(*days, newest_first=True).windows
    assert 0 == backfilled(*days).windows
    run.load()

    assert straight == (judged(home), tables(home))


def test_windows_are_those_of_the_schedule_or_as_long_as_was_asked_for() -> None:
    def windows(feed: str, first: str, last: str, every: str = "") -> list[tuple[str, str]]:
        plan = run.backfill_plan(feed, first, last, every, as_of=AS_OF)
        return [(lake.stamp(step.window.start), lake.stamp(step.window.end)) for step in plan.steps]

    weeks = windows(VOLUNTEERS, "2026-10-30", "2026-11-05")
    assert [("20261027T160000Z", "20261103T160000Z"), ("20261103T160000Z", "20261110T160000Z")] == weeks
    assert 25 == len(windows(HOTLINE, "2026-11-01", "2026-11-01"))  # from ten past to ten past
    assert [("20261031T160000Z", "20261101T160000Z")] == windows(HOTLINE, "2026-11-01", "2026-11-01", "1d")
    assert [3, 2] == [
        (datetime.fromisoformat(end) - datetime.fromisoformat(start)).days
        for start, end in windows(HOTLINE, "2026-11-01", "2026-11-05", "3d")
    ]


def test_what_is_not_over_is_left_out() -> None:
    plan = run.backfill_plan(STEWARDS, "2026-11-17", "2026-11-25", as_of=AS_OF)

    assert (2, 7) == (len(plan.steps), plan.not_over)


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> dict[date, UrbanBrainError]:
    """Pulls that bring nothing and are judged at once; those of some days fail."""
    fails: dict[date, UrbanBrainError] = {}

    def land(feed_id: str, start: datetime, end: datetime, as_of: str) -> str:
        if error := fails.get((start + timedelta(hours=8)).date()):
            raise error
        batch = lake.Batch(feed_id, lake.Window(start, end), lake.stamp(end))
        landed_at = datetime.fromisoformat(as_of)
        for stage in ("landing", "validated"):
            with lake.new_folder(batch.folder(stage)) as folder:  # type: ignore[arg-type]
                rows = 7 if stage == "validated" else 0  # what lands as CSV is not counted yet
                Receipt(
                    stage, feed_id, batch.window, batch.batch_id, landed_at, "1.0.0", "", received=rows
                ).write(folder)
        return str(batch.folder("validated"))

    monkeypatch.setattr(backfills, "land", land)
    monkeypatch.setattr(backfills, "gate", lambda folder: folder)
    monkeypatch.setattr(
        backfills, "is_judged", lambda batch, _: (batch.folder("validated") / lake.RECEIPT).exists()
    )
    return fails


def test_ten_windows_interrupted_again_and_again_are_done_once_each(
    lying: dict[date, UrbanBrainError], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled, land, dice = [], backfills.land, random.Random(3)

    def interrupted(feed_id: str, start: datetime, end: datetime, as_of: str) -> str:
        folder = land(feed_id, start, end, as_of)
        pulled.append(start)
        if dice.random() < 0.5:
            raise KeyboardInterrupt
        return folder

    monkeypatch.setattr(backfills, "land", interrupted)
    interruptions = 0
    while "pull" in states("2026-10-01", "2026-10-10", feed=STEWARDS):
        try:
            backfilled("2026-10-01", "2026-10-10", feed=STEWARDS, newest_first=interruptions % 2 == 1)
        except KeyboardInterrupt:
            interruptions += 1

    assert interruptions > 2
    assert 10 == len(pulled) == len(set(pulled))


def test_one_bad_window_does_not_stop_the_others(lying: dict[date, UrbanBrainError]) -> None:
    lying[date(2026, 10, 3)] = FeedError("the source lies about 3 October")
    done = backfilled("2026-10-01", "2026-10-05", feed=STEWARDS)

    assert (5, 28, ["the source lies about 3 October"], 0) == (
        done.windows,
        done.rows["received"],
        [error.message for _, error in done.failed],
        done.not_tried,
    )
    lying.clear()
    assert 1 == backfilled("2026-10-01", "2026-10-05", feed=STEWARDS).windows


def test_what_waits_for_a_person_is_told_and_stops_nobody(
    lying: dict[date, UrbanBrainError],
) -> None:
    lying[date(2026, 10, 3)] = BatchHeld("too many bad rows")
    done = backfilled("2026-10-01", "2026-10-05", feed=STEWARDS)

    assert (5, 1, 0, 0) == (done.windows, len(done.held), len(done.failed), done.not_tried)


def test_too_many_failures_leave_the_rest_for_another_time(lying: dict[date, UrbanBrainError]) -> None:
    lying.update({date(2026, 10, day): FeedError("closed") for day in range(1, 9)})
    plan = run.backfill_plan(STEWARDS, "2026-10-01", "2026-10-20", as_of=AS_OF)
    done = run.backfill(plan, pause=0, as_of=AS_OF, max_failures=3)

    assert (3, 3, 17) == (done.windows, len(done.failed), done.not_tried)


def test_what_no_window_could_do_stops_at_once(lying: dict[date, UrbanBrainError]) -> None:
    lying[date(2026, 10, 2)] = SettingError("secret 'landing' is not set")
    with pytest.raises(SettingError):
        backfilled("2026-10-01", "2026-10-05", feed=STEWARDS)

    assert ["there", "pull", "pull", "pull", "pull"] == states("2026-10-01", "2026-10-05", feed=STEWARDS)


def test_longer_windows_cover_shorter_ones(lying: dict[date, UrbanBrainError]) -> None:
    backfilled("2026-10-01", "2026-10-04", feed=STEWARDS)

    assert ["there", "pull"] == states("2026-10-01", "2026-10-08", "4d", STEWARDS)
    assert ["there"] * 16 + ["pull"] == states("2026-10-01", "2026-10-05T06:00+08:00", "6h", STEWARDS)


def test_of_two_at_once_the_second_is_told_to_wait(lying: dict[date, UrbanBrainError]) -> None:
    with (
        lake.only_one(f"backfill-{STEWARDS}") as is_first,
        pytest.raises(UrbanBrainError, match="another backfill"),
    ):
        assert is_first
        backfilled("2026-10-01", "2026-10-05", feed=STEWARDS)


def test_the_command_says_what_it_would_do_and_what_it_did(lying: dict[date, UrbanBrainError]) -> None:
    asked = [
        "backfill",
        STEWARDS,
        "--from",
        "2026-10-01",
        "--to",
        "2026-10-05",
        "--as-of",
        AS_OF,
        "--pause",
        "0",
    ]
    dry = CliRunner().invoke(cli.app, [*asked, "--dry-run"])
    assert "5 windows: 5 to be pulled" in dry.output
    assert "nothing was pulled" in dry.output
    lying[date(2026, 10, 3)] = FeedError("the source lies about 3 October")
    failed = CliRunner().invoke(cli.app, asked)
    assert 3 == failed.exit_code
    assert "failed 2026-10-03  the source lies about 3 October" in failed.output
    lying.clear()
    assert "estimate: about 7 rows" in CliRunner().invoke(cli.app, [*asked, "--dry-run"]).output
    assert 0 == CliRunner().invoke(cli.app, asked).exit_code
    again = CliRunner().invoke(cli.app, [*asked, "--dry-run"])

    assert "5 windows: 5 there already" in again.output
    assert 2 == CliRunner().invoke(cli.app, ["backfill", STEWARDS]).exit_code


@pytest.mark.soak
@pytest.mark.parametrize(
    ("feed", "every", "order", "first", "windows"),
    [
        (VOLUNTEERS, "", "oldest first", "2025-11-19", 53),
        (STEWARDS, "7d", "newest first", "2026-06-03", 24),
    ],
    ids=["schedule", "kept versions, newest first"],
)
def test_a_year_killed_in_the_middle_ends_as_one_that_was_not(
    year: str,
    home: Path,
    forks: Forks,
    tmp_path: Path,
    feed: str,
    every: str,
    order: str,
    first: str,
    windows: int,
) -> None:
    """A year of what comes weekly; of what keeps its versions half a year, newest first."""
    last = "2026-11-17"
    straight: tuple[Call, ...] = (("backfill", feed, first, last, every, "oldest first", AS_OF), ("load",))
    undisturbed = forks.run(straight)
    assert 0 == undisturbed.code, forks.said.read_text()
    expected = judged(home), tables(home)
    assert abs(len(lake.batches("validated", feed)) - windows) <= 1
    shutil.rmtree(home)

    calls: tuple[Call, ...] = (("backfill", feed, first, last, every, order, AS_OF), ("load",))
    dice = random.Random(9)
    kills = 0
    for share in (0.08, 0.12, 0.12, 0.12, 0.08):
        attempt = forks.run(calls, undisturbed.seconds * share * (0.5 + dice.random()))
        kills += attempt.is_killed
    assert 3 <= kills
    assert 0 == forks.run(calls).code, forks.said.read_text()

    assert expected == (judged(home), tables(home))
