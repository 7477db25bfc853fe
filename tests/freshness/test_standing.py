"""How a feed stands by the clock: late, then missing, then well again; and when nobody is to be called."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from arriving import arrive, arrive_daily, daily, here, hourly, standing, state

from pipelines import freshness, lake, settings
from pipelines.decisions import batches
from pipelines.receipt import Receipt

WORKING = {"delivery_days": "working_days"}


def test_a_silent_feed_is_waited_for_then_late_then_missing_then_well_again(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-16", "2026-11-17")

    assert "learning" == state(feed, "2026-11-18T23:59")
    assert "waiting" == state(feed, "2026-11-19T00:01")
    assert "waiting" == state(feed, "2026-11-19T06:00")
    assert "late" == state(feed, "2026-11-19T06:01")
    assert "late" == state(feed, "2026-11-20T00:00")  # four latencies after midnight
    assert "missing" == state(feed, "2026-11-20T00:01")

    late = standing(feed, "2026-11-19T06:01")
    assert (date(2026, 11, 18), here("2026-11-19T06:00"), True) == (late.day, late.due, late.is_overdue)

    arrive(feed, "2026-11-18", "2026-11-19", "2026-11-20T09:00")
    again = standing(feed, "2026-11-20T09:30")
    assert ("missing", date(2026, 11, 18)) != (again.state, again.day)


def test_what_came_late_is_late_and_not_overdue(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-16")
    arrive(feed, "2026-11-17", "2026-11-18", "2026-11-18T09:00")
    found = standing(feed, "2026-11-18T10:00")

    assert ("late", here("2026-11-18T09:00"), False, "ok") == (
        found.state, found.arrived, found.is_overdue, found.condition,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "days"),
    [
        ("2026-09-29", ["2026-10-01", "2026-10-03", "2026-10-07"]),
        ("2026-11-19", ["2026-11-21", "2026-11-22"]),
    ],
)
def test_a_feed_of_working_days_calls_nobody_on_a_day_off(home: Path, before: str, days: list[str]) -> None:
    feed = daily(**WORKING, latency=timedelta(hours=24))
    arrive_daily(feed, before)  # the day after it never comes

    for at in (f"{day}T{hour}" for day in days for hour in ("00:00", "00:01", "12:00", "23:59")):
        found = standing(feed, at)
        assert ("waiting", True) == (found.state, found.due > here(at)), at


def test_after_the_days_off_it_is_called_for(home: Path) -> None:
    feed = daily(**WORKING)
    arrive_daily(feed, "2026-09-29")

    assert "waiting" == state(feed, "2026-10-08T05:59")
    assert "late" == state(feed, "2026-10-08T06:01")


def test_a_saturday_worked_in_exchange_is_called_for(home: Path) -> None:
    feed = daily(**WORKING)
    arrive_daily(feed, "2026-10-08", "2026-10-09")

    assert "learning" == state(feed, "2026-10-10T20:00")
    assert "late" == state(feed, "2026-10-12T06:01")  # Sunday is off again
    assert date(2026, 10, 10) == standing(feed, "2026-10-12T06:01").day


def test_a_feed_of_every_day_is_called_for_on_a_holiday(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-09-29", "2026-09-30")

    assert "late" == state(feed, "2026-10-02T06:01")


def test_an_hourly_feed_is_late_within_the_day(home: Path) -> None:
    feed = hourly()
    arrive(feed, "2026-11-17T00:10", "2026-11-17T09:10", "2026-11-17T09:11")

    assert "waiting" == state(feed, "2026-11-17T12:10")
    assert "late" == state(feed, "2026-11-17T12:11")
    assert "late" == state(feed, "2026-11-17T18:10")
    assert "missing" == state(feed, "2026-11-17T18:11")


def test_a_lost_hour_makes_a_day_partial_until_a_pull_reaches_back_over_it(home: Path) -> None:
    for look_back, expected in ((timedelta(), "partial"), (timedelta(hours=12), "learning")):
        feed = hourly(look_back=look_back, contract_id=f"street_f{look_back.seconds}")
        arrive(feed, "2026-11-15T23:10", "2026-11-17T09:10", "2026-11-17T09:11")
        arrive(feed, "2026-11-17T10:10", "2026-11-17T23:10", "2026-11-17T23:11")

        assert expected == state(feed, "2026-11-17T23:30")


def test_a_day_that_never_came_stays_owed_beside_newer_ones(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-15", "2026-11-17")
    found = standing(feed, "2026-11-18T01:00")

    assert ((date(2026, 11, 16),), True) == (found.gaps, found.is_overdue)

    snapshot = daily(delivery="snapshot", contract_id="street_snapshot")
    arrive_daily(snapshot, "2026-11-15", "2026-11-17")
    assert () == standing(snapshot, "2026-11-18T01:00").gaps  # the newer one brought everything


def test_no_row_is_missing_on_a_working_day_and_nothing_on_a_sunday(home: Path, counted: None) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-20")
    arrive_daily(feed, "2026-11-22", "2026-11-23", rows=0)

    assert "learning" == state(feed, "2026-11-23T01:00")
    assert "missing" == state(feed, "2026-11-24T01:00")


@pytest.mark.parametrize(("rows", "expected"), [(100, "ok"), (106, "drifted"), (94, "partial"), (95, "ok")])
def test_rows_are_held_against_what_is_usual(
    home: Path, counted: None, monkeypatch: pytest.MonkeyPatch, rows: int, expected: str
) -> None:
    monkeypatch.setattr("pipelines.freshness.due._BACK", timedelta(days=60))  # nothing is published here
    feed = daily()
    for week in range(8, 0, -1):
        arrive_daily(feed, f"{date(2026, 11, 17) - timedelta(weeks=week)}", rows=100)
    arrive_daily(feed, "2026-11-17", rows=rows)
    found = standing(feed, "2026-11-18T01:00")

    assert (expected, 95, 105) == (found.state, found.expected_lo, found.expected_hi)


def test_a_broken_model_is_told_of_and_stops_nobody(
    home: Path,
    counted: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    project = tmp_path / "project"
    (project / "warehouse" / "core").mkdir(parents=True)
    (project / "contracts").symlink_to(settings.project() / "contracts")
    for name in ("batches", "row_bands"):
        (project / "warehouse" / "core" / f"{name}.sql").write_text("select nonsense", encoding="utf-8")
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(project))
    feed = daily()
    arrive_daily(feed, "2026-11-17")

    assert "learning" == state(feed, "2026-11-18T01:00")
    assert "nobody can tell how many rows are usual" in caplog.text


def test_a_held_batch_waits_for_a_person_and_a_refused_one_is_told(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-16")
    arrive(feed, "2026-11-17", "2026-11-18", "2026-11-18T00:40", stage="held")
    assert ("held", 1, False) == (
        standing(feed, "2026-11-18T08:00").state,
        standing(feed, "2026-11-18T08:00").held,
        standing(feed, "2026-11-18T08:00").is_overdue,
    )

    (held,) = (lake.lake() / "held" / feed.feed_id).glob("*/*")
    decision = batches.BatchDecision(
        feed.feed_id, held.name.removeprefix("batch="), feed.version, batches.REJECTED, here("2026-11-18T09:00"), "desk", "", batches.COMMAND_LINE
    )  # fmt: skip
    batches.write(decision)
    assert "refused" == state(feed, "2026-11-18T09:01")

    other = daily(contract_id="street_other")
    arrive_daily(other, "2026-11-16")
    arrive(other, "2026-11-17", "2026-11-18", "2026-11-18T00:40", stage="refused")
    assert "refused" == state(other, "2026-11-18T01:00")
    arrive(other, "2026-11-17", "2026-11-18", "2026-11-18T02:00")
    assert "learning" == state(other, "2026-11-18T03:00")


def test_what_landed_and_was_never_judged_is_late_and_says_so(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-16")
    arrive(feed, "2026-11-17", "2026-11-18", "2026-11-18T00:40", stage="landing", refused=0)
    found = standing(feed, "2026-11-18T06:01")

    assert ("late", True) == (found.state, found.is_unjudged)


def test_rows_an_office_sent_back_are_no_delivery(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-16")
    arrive(feed, "2026-11-17", "2026-11-18", "2026-11-18T00:40", origin="correction")

    assert "late" == state(feed, "2026-11-18T06:01")


def test_a_new_channel_owes_nothing_and_a_silent_feed_of_a_running_one_does(home: Path) -> None:
    silent, other = daily(), daily(contract_id="street_other")
    assert {"waiting"} == {
        each.state for each in freshness.standings([silent, other], here("2026-11-20T12:00"))
    }

    arrive_daily(other, "2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19")
    found = freshness.standings([silent, other], here("2026-11-20T12:00"))
    assert ["missing", "learning"] == [each.state for each in found]


def test_an_optional_feed_is_no_failure(home: Path) -> None:
    feed = daily(mandatory=False)
    arrive_daily(feed, "2026-11-15")
    found = standing(feed, "2026-11-20T12:00")

    assert ("missing", False) == (found.state, found.is_overdue)


def test_the_future_is_not_known(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-15", "2026-11-16", "2026-11-17")

    assert "waiting" == state(feed, "2026-11-18T00:39")
    assert here("2026-11-17T00:40") == standing(feed, "2026-11-17T12:00").arrived


@pytest.mark.parametrize(
    "name",
    ["window=", "window=yesterday", "window=20269999T000000Z", ".writing-x", "window=20261116T160000Z.old"],
)
def test_folders_that_are_no_windows_are_passed_over(home: Path, name: str) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-16")
    (lake.lake() / "validated" / feed.feed_id / name / "batch=x").mkdir(parents=True)

    assert "learning" == state(feed, "2026-11-17T01:00")


def test_a_broken_receipt_is_no_arrival_and_stops_nobody(home: Path) -> None:
    feed = daily()
    arrive_daily(feed, "2026-11-16", "2026-11-17")
    for text in ("", "{}", "[]", '{"window": 3}', "\x00"):
        path = next((lake.lake() / "validated" / feed.feed_id).glob("window=20261116*/*/receipt.json"))
        path.write_text(text, encoding="utf-8")

        assert "late" == state(feed, "2026-11-18T06:01")


def test_a_year_of_hourly_batches_costs_a_listing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = hourly()
    root = lake.lake() / "validated" / feed.feed_id
    begin = here("2025-11-01T00:10")
    for number in range(8760):
        (root / f"window={lake.stamp(begin + timedelta(hours=number))}").mkdir(parents=number == 0)
    arrive(feed, "2026-11-17T08:10", "2026-11-17T09:10", "2026-11-17T09:11")
    opened: list[Path] = []
    read = Receipt.read.__func__  # type: ignore[attr-defined]

    def note(kind: type[Receipt], folder: Path) -> Receipt:
        opened.append(folder)
        return read(kind, folder)

    monkeypatch.setattr(Receipt, "read", classmethod(note))

    assert "learning" != state(feed, "2026-11-17T23:30")
    assert 1 == len(opened)
