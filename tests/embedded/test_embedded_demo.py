"""What the demo decides before Airflow is there: windows, settings, keys, and what it says."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import socket
import stat
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
import yaml
from answering import Quiet, listening
from rich.console import Console

from pipelines import contract as contracts
from pipelines import lake, settings
from pipelines.embedded import api, due, scenario, supervisor, task_log
from pipelines.embedded.interrupts import Interrupts
from pipelines.embedded.summary import QUESTIONS, Screen
from pipelines.embedded.supervisor import Embedded
from pipelines.errors import SettingError, UrbanBrainError

CITY_TIME = ZoneInfo("Asia/Shanghai")
PROJECT = Path(__file__).resolve().parents[2]


def windows(day: date) -> dict[str, tuple[str, str]]:
    pulls = due.due(contracts.load_all(folder=PROJECT / "contracts"), day)
    return {
        pull.feed_id: (f"{pull.window.start:%m-%d %H:%M}", f"{pull.window.end:%m-%d %H:%M}") for pull in pulls
    }


def test_a_feed_that_runs_at_least_daily_owes_the_whole_day() -> None:
    expected = ("11-18 00:00", "11-19 00:00")

    daily = (
        "city_hotline_orders",
        "city_transit_ridership",
        "street_device_status",
        "district_school_places",
    )

    assert {expected} == {windows(date(2026, 11, 18))[feed_id] for feed_id in daily}
    assert len(windows(date(2026, 11, 18))) < len(contracts.load_all(folder=PROJECT / "contracts"))


def test_a_weekly_feed_owes_its_week_on_the_day_it_ends_and_nothing_on_others() -> None:
    found = {day: windows(date(2026, 11, day)).get("city_projects") for day in range(16, 25)}

    assert {day: window for day, window in found.items() if window} == {
        17: ("11-11 00:00", "11-18 00:00"),
        24: ("11-18 00:00", "11-25 00:00"),
    }


def test_the_three_demo_days_pull_every_feed() -> None:
    pulled = {feed_id for day in scenario.DAYS for feed_id in windows(day)}

    assert pulled == {feed.feed_id for feed in contracts.load_all(folder=PROJECT / "contracts")}


def test_airflow_is_told_only_what_it_knows() -> None:
    found = importlib.util.find_spec("airflow")
    assert found is not None
    assert found.origin is not None
    reference = Path(found.origin).parent / "config_templates" / "config.yml"
    sections = yaml.load(reference.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    known = {
        f"AIRFLOW__{name}__{key}".upper() for name, section in sections.items() for key in section["options"]
    }
    per_component = {"AIRFLOW__SCHEDULER__MP_START_METHOD"}  # documented at [core] mp_start_method

    assert set(supervisor.airflow_settings(1, 2, paused=True)) - known - per_component == {"AIRFLOW_HOME"}


def test_everybody_is_admin_so_nobody_else_can_connect() -> None:
    chosen = supervisor.airflow_settings(1, 2, paused=True)
    hosts = {value for name, value in chosen.items() if name.endswith("HOST")}

    assert chosen["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "True"
    assert hosts == {"127.0.0.1"}


def test_keys_are_long_and_new_each_time() -> None:
    names = ("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")
    first, second = (supervisor.airflow_settings(1, 2, paused=True) for _ in range(2))

    assert len(first["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert all(first[name] != second[name] for name in names)


def test_another_airflow_on_this_machine_stays_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://production")
    monkeypatch.setenv("URBANBRAIN_DUCKDB_THREADS", "3")
    with Interrupts() as interrupts:
        embedded = Embedded(interrupts, fresh=True, paused=True, scheduled=True, environment={"EXTRA": "1"})

    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in embedded.environment
    assert embedded.environment["URBANBRAIN_DUCKDB_THREADS"] == "3"
    assert embedded.environment["AIRFLOW_HOME"] == str(lake.airflow_home())
    assert embedded.environment["EXTRA"] == "1"


def test_every_preloaded_module_is_installed() -> None:
    """The fork server keeps silent about a name it cannot import."""
    supervisor.check_preload()


@pytest.mark.parametrize("name", ["no_such_package", "pipelines.no_such_module", "json.decoder.deeper"])
def test_a_module_that_is_not_installed_is_named(name: str) -> None:
    with pytest.raises(SettingError, match=re.escape(name)):
        supervisor.check_preload(["json.decoder", name])


def test_an_airflow_home_that_is_not_ours_is_left_alone() -> None:
    theirs = lake.airflow_home() / "airflow.db"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    with Interrupts() as interrupts, pytest.raises(SettingError, match="will not touch"):  # noqa: SIM117
        with Embedded(interrupts, fresh=True, paused=True, scheduled=True, environment={}):
            pass

    assert theirs.read_text() == "theirs"


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert supervisor.free_port(port) != port
    assert supervisor.free_port(port) == port


def test_a_project_without_dags_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(tmp_path))
    with Interrupts() as interrupts, pytest.raises(SettingError, match="set URBANBRAIN_PROJECT"):  # noqa: SIM117
        with Embedded(interrupts, fresh=True, paused=True, scheduled=True, environment={}):
            pass


def test_a_fresh_run_forgets_the_last_one_and_two_at_once_are_refused() -> None:
    with Interrupts() as interrupts:
        with Embedded(interrupts, fresh=True, paused=True, scheduled=True, environment={}):
            (lake.airflow_home() / "airflow.db").write_text("ours")
            second = Embedded(interrupts, fresh=True, paused=True, scheduled=True, environment={})
            with pytest.raises(UrbanBrainError, match="another demo"), second:
                pass

            assert (lake.airflow_home() / "airflow.db").exists()
        with Embedded(interrupts, fresh=True, paused=True, scheduled=True, environment={}):
            assert not (lake.airflow_home() / "airflow.db").exists()


def test_a_component_that_dies_is_told_with_its_last_words() -> None:
    with Interrupts() as interrupts:  # noqa: SIM117
        with Embedded(interrupts, fresh=True, paused=True, scheduled=True, environment={}) as embedded:
            embedded.run("talker", ["sh", "-c", "echo famous last words; exit 3"])
            with pytest.raises(
                UrbanBrainError, match=r"talker ended by itself with code 3:\nfamous last words"
            ):
                embedded.wait_for(lambda: False, seconds=300)


def test_throw_away_keys_are_private_and_stay_the_same() -> None:
    path = scenario.make_keys()
    first = path.read_text()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert scenario.make_keys().read_text() == first
    assert re.fullmatch(r"(URBANBRAIN_SECRET_(LANDING|CALLER)=[0-9a-f]{64}\n){2}", first)


def test_the_demos_keys_are_found_by_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("URBANBRAIN_SECRET_LANDING")
    scenario.make_keys()

    assert len(settings.secret("landing")) == 64


def test_a_task_log_is_shown_as_a_person_reads_it(tmp_path: Path) -> None:
    log = task_log.path(tmp_path, "feed__x", "demo__1", "land", 2)
    log.parent.mkdir(parents=True)
    entries = [
        {"level": "info", "event": "::group::Pre Execute"},
        {
            "level": "error",
            "event": "Task failed",
            "error_detail": [{"exc_type": "FeedError", "exc_value": "no"}],
        },
    ]
    log.write_text("\n".join([*map(json.dumps, entries), "not JSON"]))

    assert task_log.tail(log) == "    error Task failed\n      FeedError: no\n    not JSON"
    assert task_log.tail(tmp_path / "none") == "    (no log was written)"


def test_the_summary_is_whole_lines_without_a_terminal() -> None:
    counts = {
        "batches": 3,
        "received": 1234567,
        "validated": 1234560,
        "quarantined": 5,
        "duplicate": 2,
        "refused": 0,
    }
    feeds = [
        {"feed_id": "street_steward_requests", "level": "street", **counts, "difference": 0},
        {"feed_id": "district_school_places", "level": "district", **counts, "difference": 0},
    ]
    tables = [{"table": "governance.street_scorecard", "rows": 9}]
    text = io.StringIO()
    screen = Screen(Console(file=text, highlight=False))
    screen.summary({"feeds": feeds, "tables": tables, "release": "r1", "days": 3}, 61.4)
    screen.places({"warehouse": Path("/x/warehouse.duckdb")})
    screen.questions()

    for word in (
        "street_steward_requests",
        "1,234,567",
        "2,469,120",
        "quarantined",
        "governance.street_scorecard",
    ):
        assert word in text.getvalue()
    assert "3 business days in 61 s. Release r1." in text.getvalue()
    assert "…" not in text.getvalue()
    assert all(f'urbanbrain sql "{question}"' in text.getvalue() for question in QUESTIONS)


class Moody(Quiet):
    """Answers with the next of `codes`, then with 200."""

    codes: ClassVar[list[int]] = []
    seen: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.path)
        self.answer(b'{"ok": true}', self.codes.pop(0) if self.codes else 200)


@pytest.fixture
def moody() -> Iterator[str]:
    Moody.codes, Moody.seen = [], []
    with listening(Moody) as url:
        yield url


def test_a_busy_metadata_database_is_asked_again(moody: str) -> None:
    Moody.codes = [500]

    assert api.call("POST", f"{moody}/x", {}) == {"ok": True}
    assert len(Moody.seen) == 2


def test_a_run_that_was_made_in_spite_of_the_error_is_not_an_error(moody: str) -> None:
    Moody.codes = [500, 409]

    assert api.call("POST", f"{moody}/x", {}) is None


def test_a_refusal_is_told_in_the_servers_words(moody: str) -> None:
    Moody.codes = [422]
    with pytest.raises(UrbanBrainError, match=r"422 .*ok"):
        api.call("POST", f"{moody}/x", {})

    assert len(Moody.seen) == 1


def test_the_clock_of_a_day_stands_after_the_last_hourly_feed_is_due() -> None:
    day = due.business_day(date(2026, 11, 17))

    assert day.end + scenario.PULLED_AFTER == datetime(2026, 11, 18, 0, 40, tzinfo=CITY_TIME)


def test_tasks_are_told_of_where_somebody_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = supervisor.task_lineage(is_wanted=True)
    transport = json.loads(wanted["AIRFLOW__OPENLINEAGE__TRANSPORT"])["type"]
    module, _, name = transport.rpartition(".")

    assert {} == supervisor.task_lineage(is_wanted=False)
    assert hasattr(importlib.import_module(module), name)
    assert not settings.tells_tasks()
    monkeypatch.setenv("URBANBRAIN_TASK_LINEAGE", "on")
    assert settings.tells_tasks()
