"""The demo: three business days through a real Airflow, then the checks and a summary. And `up`, which stays.

Both use the sample city. The demo replays the past, so it triggers each run with its window instead of
waiting for the schedule, and moves the sample city's clock to just after the day.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pipelines import contract as contracts
from pipelines import lake, settings
from pipelines.airflow_names import WAREHOUSE_DAG, feed_dag, feed_of
from pipelines.embedded import api, task_log
from pipelines.embedded.due import Pull, business_day, due
from pipelines.embedded.interrupts import Interrupted, Interrupts
from pipelines.embedded.summary import Screen
from pipelines.embedded.supervisor import Embedded, free_port
from pipelines.errors import DataError, UrbanBrainError

DAYS = (date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19))
PULLED_AFTER = timedelta(minutes=40)
"""How long after midnight a day is pulled: late enough for the last hourly feed to be due."""

_SEED = 7
_SCALE = 0.1
_DAY_SECONDS = 900.0  # a minute on two quiet cores; a busy or old machine may take its time
_BESIDE_SECONDS = 60.0
_QUIET_SECONDS = 15.0
_ENDED = ("success", "failed")


def demo(days: Sequence[date] = DAYS, *, keep: bool = False) -> int:
    """Run the demo and print it. Returns the exit code: 0 when every check held."""
    screen = Screen()
    with Interrupts() as interrupts:
        try:
            with _channel(screen, interrupts, fresh=True, paused=False) as channel:
                began = time.monotonic()
                pulled = _run_days(screen, channel, days)
                seconds = time.monotonic() - began
                if keep:
                    _check_and_show(screen, seconds, pulled)
                    _stay(screen, channel)
            _check_and_show(screen, seconds, pulled)
        except UrbanBrainError as error:
            return _explain(screen, error)
    return 0


def up(port: int = 0) -> int:
    """Start everything, print where it is, and stay until Ctrl-C. Returns the exit code."""
    screen = Screen()
    with Interrupts() as interrupts:
        try:
            with _channel(screen, interrupts, fresh=False, paused=True, port=port) as channel:
                _start(screen, channel)
                screen.say("feeds are paused: switch one on, or trigger it with a window")
                _stay(screen, channel)
        except UrbanBrainError as error:
            return _explain(screen, error)
    return 0


def make_keys() -> Path:
    """Throw-away keys for personal columns; keys that are there stay, so that tokens stay equal."""
    path = settings.demo_keys_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            for name in ("LANDING", "CALLER"):
                file.write(f"URBANBRAIN_SECRET_{name}={secrets.token_hex(32)}\n")
    return path


@dataclass(frozen=True)
class _Channel:
    """An embedded Airflow, and where the sample city and the page are served beside it."""

    embedded: Embedded
    city: str
    page: str


@contextlib.contextmanager
def _channel(
    screen: Screen, interrupts: Interrupts, *, fresh: bool, paused: bool, port: int = 0
) -> Iterator[_Channel]:
    """Everything chosen, the sample city and the page started, Airflow not yet."""
    city_port, page_port = free_port(), free_port(settings.PAGE_PORT if port else 0)
    city, page = f"http://127.0.0.1:{city_port}", f"http://127.0.0.1:{page_port}/"
    make_keys()
    environment = {
        "URBANBRAIN_SERVER": "sample",
        "URBANBRAIN_SAMPLE_CITY_URL": city,
        "URBANBRAIN_PAGE_URL": page,
    }
    embedded = Embedded(
        interrupts, fresh=fresh, paused=paused, scheduled=paused, port=port, environment=environment
    )
    with embedded:
        command = [sys.executable, "-m", "pipelines.samplecity", "serve"]
        settings_of_city = ["--port", str(city_port), "--seed", str(_SEED), "--scale", str(_SCALE)]
        embedded.run("sample-city", [*command, *settings_of_city])
        embedded.run("page", [sys.executable, "-m", "pipelines.cli", "page", "--port", str(page_port)])
        try:
            yield _Channel(embedded, city, page)
        finally:
            screen.say("stopping …")


def _start(screen: Screen, channel: _Channel) -> None:
    screen.say("starting the sample city and Airflow …")
    embedded = channel.embedded
    feeds = contracts.load_all()
    embedded.start({WAREHOUSE_DAG, *(feed_dag(feed.feed_id) for feed in feeds)})
    beside = {"sample-city": f"{channel.city}/clock", "page": f"{channel.page}health"}
    for name, address in beside.items():
        if not embedded.wait_for(partial(api.answers, address), seconds=_BESIDE_SECONDS):
            raise UrbanBrainError(
                f"{name} does not answer at {address}",
                next_step=f"its output is in {embedded.logs / 'components' / f'{name}.log'}",
            )


def _stay(screen: Screen, channel: _Channel) -> None:
    """Have the drop folder looked into, tell where things are, and wait for Ctrl-C."""
    embedded, inbox = channel.embedded, settings.inbox()
    inbox.mkdir(parents=True, exist_ok=True)
    embedded.watch()
    places = {"Airflow": embedded.airflow.url, "page": channel.page, "sample city": channel.city}
    screen.places({**places, "drop folder": str(inbox), "logs": str(embedded.logs)})
    screen.say("Ctrl-C stops everything")
    with contextlib.suppress(Interrupted):
        while True:
            embedded.wait_for(lambda: False, seconds=3600)


def _run_days(screen: Screen, channel: _Channel, days: Sequence[date]) -> list[tuple[date, Pull]]:
    """All days, one after the other. Returns what each of them pulled."""
    _start(screen, channel)
    embedded, city = channel.embedded, channel.city
    screen.say(f"ready; watch it at {embedded.airflow.url}")
    feeds = contracts.load_all()
    pulled: list[tuple[date, Pull]] = []
    for day in days:
        as_of = business_day(day).end + PULLED_AFTER
        api.set_clock(city, as_of)
        pulls = due(feeds, day)
        screen.say(f"{day}: {len(pulls)} feeds, the city's clock stands at {as_of:%Y-%m-%d %H:%M}")
        _Day(embedded, screen, day, as_of, pulls).run()
        pulled += ((day, pull) for pull in pulls)
    return pulled


@dataclass
class _Day:
    """One business day: its feeds' runs, and the warehouse runs they cause."""

    embedded: Embedded
    screen: Screen
    day: date
    as_of: datetime
    pulls: Sequence[Pull]
    _told: set[tuple[str, str]] = field(default_factory=set)
    _failed: list[tuple[str, str]] = field(default_factory=list)
    _news: float = 0.0

    def run(self) -> None:
        """Trigger, wait until nothing is left to do, and raise UrbanBrainError if a run failed."""
        self._told = {(run["dag_id"], run["dag_run_id"]) for run in self._airflow.runs()}
        for pull in self.pulls:
            conf = {
                "window_start": pull.window.start.isoformat(),
                "window_end": pull.window.end.isoformat(),
                "as_of": self.as_of.isoformat(),
            }
            self._airflow.trigger(feed_dag(pull.feed_id), self._run_id, conf)
        self._news = time.monotonic()
        if not self.embedded.wait_for(self._is_over, seconds=_DAY_SECONDS):
            raise UrbanBrainError(
                f"{self.day} was not over after {_DAY_SECONDS:.0f} s; still open: {', '.join(self._open())}",
                next_step=f"the task logs are in {self.embedded.logs}",
            )
        if self._failed:
            raise self._failure()

    @property
    def _run_id(self) -> str:
        return f"demo__{self.day}"

    @property
    def _airflow(self) -> api.Airflow:
        return self.embedded.airflow

    def _is_over(self) -> bool:
        """Whether every run has ended and no asset event waits for one.

        Events are asked for after every run was seen ended, and runs once more after that: a feed announces
        its data before its run ends, and the scheduler turns events into a run in one transaction. How many
        runs of the warehouse there will be, nobody can know.
        """
        return (
            self._has_ended(self._look())
            and not self._airflow.has_queued_events(WAREHOUSE_DAG)
            and self._has_ended(self._look())
        )

    def _look(self) -> list[dict[str, Any]]:
        """All runs, oldest first; tells what has ended since we looked last, or what takes so long."""
        runs = self._airflow.runs()[::-1]
        for run in runs:
            self._tell(run)
        if time.monotonic() - self._news > _QUIET_SECONDS:
            self._news = time.monotonic()
            self.screen.say(f"  waiting for {', '.join(self._open()) or 'the scheduler'}")
        return runs

    def _has_ended(self, runs: Sequence[Mapping[str, Any]]) -> bool:
        ours = {run["dag_id"] for run in runs if run["dag_run_id"] == self._run_id}
        wanted = {feed_dag(pull.feed_id) for pull in self.pulls}
        return wanted <= ours and all(run["state"] in _ENDED for run in runs)

    def _tell(self, run: Mapping[str, Any]) -> None:
        """One line for a run that has ended since we looked last."""
        name = (run["dag_id"], run["dag_run_id"])
        if run["state"] not in _ENDED or name in self._told:
            return
        self._told.add(name)
        self._news = time.monotonic()
        seconds = float(run["duration"] or 0)
        if run["state"] == "failed":
            self._failed.append(name)
            self.screen.done(feed_of(name[0]) or name[0], "failed", seconds)
            return
        if name[0] == WAREHOUSE_DAG:
            skipped = any(task["state"] == "skipped" for task in self._airflow.tasks(*name))
            self.screen.done(
                WAREHOUSE_DAG, "nothing new" if skipped else "loaded, built, checked, published", seconds
            )
        else:
            counts = self._airflow.announced(*name)
            self.screen.counted(feed_of(name[0]), counts, seconds)

    def _failure(self) -> UrbanBrainError:
        """Every run that failed, with the end of its failed tasks' logs."""
        parts = [f"{len(self._failed)} runs failed on {self.day}"]
        for dag_id, run_id in self._failed:
            for task in self._airflow.tasks(dag_id, run_id):
                if task["state"] == "failed":
                    log = task_log.path(
                        self.embedded.logs, dag_id, run_id, task["task_id"], task["try_number"]
                    )
                    parts.append(f"{dag_id}, task {task['task_id']}, {log}\n{task_log.tail(log)}")
        return UrbanBrainError("\n".join(parts))

    def _open(self) -> list[str]:
        """What is not over yet, with the state of its tasks."""
        waiting = []
        for run in self._airflow.runs():
            if run["state"] not in _ENDED:
                tasks = self._airflow.tasks(run["dag_id"], run["dag_run_id"])
                states = [f"{task['task_id']} {task['state'] or 'not started'}" for task in tasks]
                waiting.append(f"{run['dag_id']} ({', '.join(states)})")
        return waiting


def _check_and_show(screen: Screen, seconds: float, pulled: Sequence[tuple[date, Pull]]) -> None:
    """Print the summary, then raise DataError with everything that does not hold."""
    from pipelines import releases, run
    from pipelines.embedded import verdict
    from pipelines.publication import office_views

    found = run.summary()
    release = releases.current()
    screen.summary(found, seconds)
    promised = contracts.load_governance()
    views = office_views.read(settings.project(), promised)
    if complaints := verdict.complaints(found, release, contracts.load_all(), pulled, promised, views):
        raise DataError("\n  ".join(["the demo ran, but not everything holds:", *complaints]))
    screen.places(
        {
            "warehouse": lake.warehouse_file(),
            "release": release.path,
            "page": release.path / releases.PAGE,
            "task logs": lake.airflow_home() / "logs",
        }
    )
    screen.questions()


def _explain(screen: Screen, error: UrbanBrainError) -> int:
    screen.fail(str(error))
    return 128 + error.signal_number if isinstance(error, Interrupted) else error.exit_code
