"""`urbanbrain status` and `urbanbrain notify`: at a glance, in any state of the channel."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import duckdb
import pytest
from arriving import arrive_daily
from typer.testing import CliRunner

from pipelines import cli, contract, deadlines, lake, run
from pipelines.errors import ContractError
from pipelines.run import freshness as watching

FEED = contract.load("street_steward_requests")  # daily, due at six


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel has no other feed: those that never bring anything are called for, too."""
    monkeypatch.setattr(watching, "_feeds", lambda: ([FEED], []))


def asked(*words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(cli.app, list(words))
    return answer.exit_code, answer.output


def test_before_anything_is_loaded_everything_is_waited_for(home: Path) -> None:
    code, said = asked("status")

    assert 2 == code
    assert f"nothing is in {home}" in said
    assert "URBANBRAIN_HOME" in said
    for feed in contract.load_all():
        assert f"{feed.feed_id} " in said
    for words in (
        "city 市",
        "district 区",
        "street 街道",
        "waiting 未到时",
        "8 of 8 feeds well 正常",
        "release none yet",
    ):
        assert words in said
    assert not home.exists()


def test_what_is_overdue_shows_and_is_an_exit_code(home: Path, counted: None, alone: None) -> None:
    arrive_daily(FEED, "2026-11-16", "2026-11-17", rows=12)
    code, said = asked("status", "--at", "2026-11-18T23:00")
    assert (0, 1) == (code, said.count("learning 观察期")), said
    line = next(line for line in said.splitlines() if FEED.feed_id in line)
    assert line.split()[:8] == [
        FEED.feed_id, "learning", "观察期", "2026-11-17", "2026-11-19", "06:00", "2026-11-18", "00:40",
    ]  # fmt: skip
    assert "12" in line.split()

    code, said = asked("status", "--at", "2026-11-19T07:00")
    assert (1, True, True) == (code, "late 迟到" in said, "1 overdue 逾期" in said)
    code, said = asked("status", "--at", "2026-11-20T07:00")
    assert (1, True) == (code, "missing 缺失" in said)


def test_json_says_the_same(home: Path, alone: None) -> None:
    arrive_daily(FEED, "2026-11-16")
    code, said = asked("status", "--format", "json", "--at", "2026-11-18T07:00+08:00")
    found = json.loads(said)
    feed = next(feed for feed in found["feeds"] if feed["feed_id"] == FEED.feed_id)

    assert (1, [FEED.feed_id]) == (code, found["overdue"])
    assert ("late", "2026-11-17", "2026-11-18T06:00:00+08:00", True) == (
        feed["state"], feed["day"], feed["due"], feed["is_overdue"],
    )  # fmt: skip
    assert [("street", 1)] == [(each["level"], each["overdue"]) for each in found["levels"]]


def test_a_level_is_as_its_worst_feed_that_must_deliver(home: Path, alone: None) -> None:
    arrive_daily(FEED, "2026-11-16")
    levels = {each["level"]: each["state"] for each in run.status("2026-11-18T07:00")["levels"]}

    assert "late" == levels["street"]


def test_it_tells_while_the_warehouse_is_being_written(home: Path, alone: None) -> None:
    arrive_daily(FEED, "2026-11-16")
    lake.warehouse_file().parent.mkdir(parents=True)
    with duckdb.connect(str(lake.warehouse_file())) as writer:
        writer.execute("create table busy as select 1")
        assert 0 == asked("status", "--at", "2026-11-17T01:00")[0]


def test_a_feed_nobody_can_watch_is_not_silently_well(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_feeds", lambda: ([FEED], ["city_broken"]))
    code, said = asked("status")

    assert (1, True) == (code, "city_broken: its contract cannot be read" in said)


def test_a_replay_tells_of_its_own_day_only(home: Path, alone: None) -> None:
    arrive_daily(FEED, "2026-11-16", "2026-11-17", "2026-11-18")

    assert (
        "2026-11-17"
        not in asked("status", "--at", "2026-11-17T01:00")[1].split("street 街道")[1].split()[3:8]
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["status", "--at", "yesterday"], 2, "neither a date nor an instant"),
        (["status", "--format", "xml"], 2, "no format"),
        (["notify", "--at", "2026-11-18"], 2, "--dry-run"),
    ],
)
def test_what_cannot_be_asked_is_explained(
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["urbanbrain", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert code == ended.value.code
    assert said in "".join(capsys.readouterr())


@pytest.mark.parametrize("at", ["0001-01-01", "0999-12-31T23:59", "9999-12-31T23:59", "9999-01-01"])
def test_an_instant_beyond_any_calendar_is_refused_in_words(home: Path, alone: None, at: str) -> None:
    with pytest.raises(ContractError, match="lies outside the calendar"):
        run.status(at)
    for far in ("1000-01-02", "9000-12-30"):
        assert run.status(far)["feeds"]


def test_notify_shows_what_changed_and_the_next_time_nothing(home: Path, alone: None) -> None:
    arrive_daily(FEED, "2026-11-16")

    assert (
        f"{FEED.feed_id}  ok 正常 → late 迟到  (nobody to tell)\n"
        == asked("notify", "--dry-run", "--at", "2026-11-18T07:00")[1]
    )
    first, second = asked("notify"), asked("notify")
    assert (0, True) == (first[0], f"{FEED.feed_id}  ok 正常 → missing 缺失" in first[1])
    assert (0, "nothing changed\n0 messages taken\n") == second


def test_a_missed_deadline_leads_to_the_same_notices(home: Path, alone: None) -> None:
    arrive_daily(FEED, "2026-11-16")

    assert {"changes": 1} == deadlines.missed({"dag_run": {}}, name="x")
    assert {"changes": 0} == deadlines.missed({})


def test_a_monitor_waits_for_another_one(home: Path) -> None:
    (home / "locks").mkdir(parents=True)
    (home / "lake").mkdir()
    with (home / "locks" / "notices").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert 0 == asked("status")[0]  # looking is free
