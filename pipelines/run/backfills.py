"""The past of a feed, window by window: pulled and judged here, one after the other, in one process.

The lake is all that is remembered. What it holds, judged under today's contract, is not pulled again; what was landed
and not judged yet is only judged. So a run that was killed, or stopped, is continued by the same call.
"""

from __future__ import annotations

import bisect
import json
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import connection
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import lake, settings
from pipelines.contract.model import Contract
from pipelines.contract.syntax import duration
from pipelines.errors import (
    BatchHeld,
    BatchRejected,
    ContractError,
    DataError,
    DataRefused,
    SettingError,
    UrbanBrainError,
)
from pipelines.lake import Window
from pipelines.receipt import SOURCE, Receipt
from pipelines.run.batches import ROW_EQUATION, gate, is_judged, land
from pipelines.run.windows import Instant, instant, window

State = Literal["there", "held", "refused", "judge", "pull"]
TO_DO: tuple[State, ...] = ("judge", "pull")
Outcome = Literal["validated", "held", "refused", "failed"]
Came = Receipt | UrbanBrainError
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Step:
    """One window, and what has to be done about it: nothing, where it is there, held or refused."""

    feed_id: str
    window: Window
    state: State
    landed: str = ""
    """The folder that only has to be judged."""


@dataclass(frozen=True)
class Plan:
    """The windows of one feed in the order in which they are worked on, and what a window comes to."""

    feed_id: str
    timezone: str
    steps: tuple[Step, ...]
    not_over: int = 0
    """Windows left out because they have not ended yet."""
    rows_each: float | None = None
    seconds_each: float | None = None
    unreadable: tuple[str, ...] = ()
    """Batches there whose receipt cannot be read, a sentence each: what they brought counts as not there."""

    @property
    def to_do(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.state in TO_DO)


@dataclass(frozen=True)
class Told:
    """How far a backfill is, after one more window."""

    step: Step
    number: int
    total: int
    outcome: Outcome
    rows: int
    seconds: float
    seconds_left: float
    message: str = ""


@dataclass
class Backfilled:
    """What a backfill came to."""

    feed_id: str
    windows: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    held: list[Step] = field(default_factory=list)
    refused: list[Step] = field(default_factory=list)
    failed: list[tuple[Step, UrbanBrainError]] = field(default_factory=list)
    not_tried: int = 0


def backfill_plan(
    feed_id: str,
    first: Instant,
    last: Instant,
    every: str = "",
    *,
    newest_first: bool = False,
    again: bool = False,
    as_of: Instant | None = None,
) -> Plan:
    """The windows of a feed's schedule, or `every` so long, that touch these days, and what is there of them.

    With `again` everything is pulled once more. Windows that are not over at `as_of` are left out. Raises
    ContractError when range or `every` mean nothing.
    """
    feed = contracts.load(feed_id)
    until = instant(as_of, ZoneInfo(feed.timezone)).astimezone(UTC) if as_of else settings.now()
    whole = window(feed, first, last)
    wanted = list(_slices(feed, whole, every) if every else _scheduled(feed, whole))
    over = [each for each in wanted if each.end <= until]
    known = _Known(feed)
    steps = [Step(feed_id, each, "pull") if again else known.step(each) for each in over]
    if newest_first:
        steps.reverse()
    rows, seconds = known.rows_each(over), _remembered_pace(feed_id)
    return Plan(
        feed_id, feed.timezone, tuple(steps), len(wanted) - len(over), rows, seconds, tuple(known.unreadable)
    )


def backfill(
    plan: Plan,
    *,
    workers: int = 1,
    max_failures: int = 10,
    pause: float = 0.2,
    as_of: Instant | None = None,
    told: Callable[[Told], None] | None = None,
) -> Backfilled:
    """Work through a plan. A window that fails is told and left for another time; the others go on.

    Two `workers` are two processes. Between pulls of a worker the source has `pause` seconds of rest. After `max_failures` the rest is not tried. Raises UrbanBrainError while another backfill of the feed
    runs, ContractError or SettingError when no window could do.
    """
    done, todo = Backfilled(plan.feed_id), plan.to_do
    began, first_took = time.monotonic(), 0.0
    with lake.only_one(f"backfill-{plan.feed_id}") as is_first:
        if not is_first:
            raise UrbanBrainError(
                f"another backfill of {plan.feed_id} is running",
                next_step="wait for it to end; two would pull the same windows",
            )
        try:
            for number, (step, came) in enumerate(_worked_on(todo, workers, pause, as_of), 1):
                if isinstance(came, ContractError | SettingError):
                    raise came
                outcome = _count(done, step, came)
                done.windows, done.seconds = number, time.monotonic() - began
                first_took = first_took or done.seconds  # with imports, which no other window has
                if told:
                    rows, message = (
                        (0, came.message) if isinstance(came, UrbanBrainError) else (came.received, "")
                    )
                    pace = (done.seconds - first_took) / (number - 1) if number > 1 else first_took
                    left = pace * (len(todo) - number)
                    told(Told(step, number, len(todo), outcome, rows, done.seconds, left, message))
                if len(done.failed) >= max_failures:
                    break
        finally:
            done.not_tried = len(todo) - done.windows
            _remember_pace(done)
    return done


def _count(done: Backfilled, step: Step, came: Came) -> Outcome:
    """Write down what one window came to."""
    if isinstance(came, DataRefused | BatchRejected):
        done.refused.append(step)
        return "refused"
    if isinstance(came, BatchHeld):
        done.held.append(step)
        return "held"
    if isinstance(came, UrbanBrainError):
        done.failed.append((step, came))
        return "failed"
    for name in ROW_EQUATION:
        done.rows[name] = done.rows.get(name, 0) + getattr(came, name)
    return "validated"


def _worked_on(
    steps: Sequence[Step], workers: int, pause: float, as_of: Instant | None
) -> Iterator[tuple[Step, Came]]:
    """Each step with what came of it, in their order; never more than `workers` at once."""
    if workers == 1:
        for number, step in enumerate(steps):
            yield step, _work(step, pause if number else 0.0, as_of)
        return
    # Processes of their own, which import Great Expectations once each; a fork would take over locks of threads.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    waiting: deque[tuple[Step, Future[Came]]] = deque()
    try:
        for number, step in enumerate(steps):
            waiting.append((step, pool.submit(_work, step, pause if number >= workers else 0.0, as_of)))
            if len(waiting) > workers:
                first, came = waiting.popleft()
                yield first, came.result()
        for first, came in waiting:
            yield first, came.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """A worker ends when whoever started it does, also by a kill; an interrupt is for that one to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_wait_for_the_end, args=(parent.sentinel,), daemon=True).start()


def _wait_for_the_end(of: int) -> None:
    connection.wait([of])
    os._exit(1)


def _work(step: Step, pause: float, as_of: Instant | None) -> Came:
    """Pull a window where it has to be, and judge it; the receipt, or why there is none."""
    try:
        folder = step.landed
        if step.state == "pull":
            time.sleep(pause)
            folder = land(step.feed_id, step.window.start, step.window.end, as_of)
        return Receipt.read(Path(gate(folder)))
    except UrbanBrainError as error:
        return error


def _scheduled(feed: Contract, whole: Window) -> Iterator[Window]:
    """The data intervals of the feed's DAG that touch a range."""
    import croniter

    zone = ZoneInfo(feed.timezone)
    after = whole.start.astimezone(zone) + timedelta(microseconds=1)
    start: datetime = croniter.croniter(feed.schedule, after, ret_type=datetime).get_prev()
    while start < whole.end:
        end = croniter.croniter(feed.schedule, start, ret_type=datetime).get_next()
        yield Window(start.astimezone(UTC), end.astimezone(UTC))
        start = end


def _slices(feed: Contract, whole: Window, every: str) -> Iterator[Window]:
    """A range in pieces of one length; whole days begin and end at midnight of the feed's zone."""
    length = duration(every)
    if length is None:
        raise ContractError(f"{every!r} is no duration", next_step="write 6h, 1d or 7d")
    zone = ZoneInfo(feed.timezone)
    start = whole.start
    while start < whole.end:
        # Same-zone arithmetic moves the calendar day, whatever the clock does.
        end = start + length if length % _DAY else (start.astimezone(zone) + length).astimezone(UTC)
        yield Window(start, min(end, whole.end))
        start = end


class _Known:
    """What the lake holds of a feed. Asking again for a few days, or for all there is, is another thing."""

    def __init__(self, feed: Contract) -> None:
        self._feed = feed
        self._waiting: dict[Window, str] = {}
        self._judged: list[Receipt] = []
        self.unreadable: list[str] = []
        self._held = self._decided("held")
        self._refused = self._decided("refused")
        for folder, receipt in self._receipts("landing"):
            # What was pulled before its window was over has only a part of it.
            if receipt.origin != SOURCE or receipt.landed_at < receipt.window.end:
                continue
            if is_judged(receipt.batch, feed):
                # Of a CSV nobody knows how many rows it has before it was judged.
                self._judged.append(Receipt.read(receipt.batch.folder("validated")))
            elif "expired_at" not in receipt.details and receipt.window not in self._held:
                self._waiting[receipt.window] = str(folder)
        self._ends = {receipt.window.end for receipt in self._judged}
        self._covered = _joined(receipt.window for receipt in self._judged)
        self._starts = [each.start for each in self._covered]

    def _decided(self, stage: lake.Stage) -> set[Window]:
        """Windows that wait for a person, or were refused, under today's contract."""
        return {
            each.window
            for _, each in self._receipts(stage)
            if each.origin == SOURCE and each.contract_sha256 == self._feed.sha256
        }

    def _receipts(self, stage: lake.Stage) -> Iterator[tuple[Path, Receipt]]:
        for folder in lake.batches(stage, self._feed.feed_id):
            try:
                yield folder, Receipt.read(folder)
            except DataError as error:
                self.unreadable.append(error.message)

    def step(self, wanted: Window) -> Step:
        if self._is_there(wanted):
            return Step(self._feed.feed_id, wanted, "there")
        if wanted in self._held:
            return Step(self._feed.feed_id, wanted, "held")
        if wanted in self._refused:
            return Step(self._feed.feed_id, wanted, "refused")
        if wanted in self._waiting:
            return Step(self._feed.feed_id, wanted, "judge", self._waiting[wanted])
        return Step(self._feed.feed_id, wanted, "pull")

    def _is_there(self, wanted: Window) -> bool:
        """Whether windows that were pulled cover this one; of snapshots, whether one was taken at its end."""
        if self._feed.is_snapshot:
            return wanted.end in self._ends
        place = bisect.bisect_right(self._starts, wanted.start) - 1
        return place >= 0 and self._covered[place].end >= wanted.end

    def rows_each(self, wanted: Sequence[Window]) -> float | None:
        """Rows a window brings, as those of the same length did, or else in proportion."""
        if not wanted or not self._judged:
            return None
        length = wanted[-1].end - wanted[-1].start
        same = [each for each in self._judged if each.window.end - each.window.start == length]
        if same or self._feed.is_snapshot:
            return sum(each.received for each in same or self._judged) / len(same or self._judged)
        hours = sum((each.window.end - each.window.start) / _HOUR for each in self._judged)
        return sum(each.received for each in self._judged) / hours * (length / _HOUR)


def _joined(windows: Iterable[Window]) -> list[Window]:
    """The stretches of time that windows cover together."""
    stretches: list[Window] = []
    for each in sorted(windows):
        if stretches and each.start <= stretches[-1].end:
            stretches[-1] = Window(stretches[-1].start, max(stretches[-1].end, each.end))
        else:
            stretches.append(each)
    return stretches


def _remembered_pace(feed_id: str) -> float | None:
    """Seconds a window of this feed took in the backfill before; nobody but the estimate needs it."""
    try:
        return float(json.loads(lake.pace_file(feed_id).read_text(encoding="utf-8"))["seconds_each"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember_pace(done: Backfilled) -> None:
    if done.windows:
        said = json.dumps({"seconds_each": round(done.seconds / done.windows, 3)})
        lake.write_file(lake.pace_file(done.feed_id), said.encode())
