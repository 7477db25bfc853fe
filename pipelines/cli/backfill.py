"""`urbanbrain backfill` and `urbanbrain repull`: the past of a feed, as a person asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from pipelines.cli.screen import err, out, print_counts, progress
from pipelines.errors import DataError, UrbanBrainError

if TYPE_CHECKING:
    from pipelines.run import Backfilled, Plan, Told
    from pipelines.run.backfills import Step

_EVERY_SECONDS = 5.0  # a pipe is told no more often than that
_WORDS = {
    "there": "there already",
    "held": "held for a person",
    "refused": "refused before",
    "judge": "landed, to be judged",
    "pull": "to be pulled",
}
_SHOWN = 40
_INTERRUPTED = 130


def backfill(
    feeds: Annotated[
        list[str] | None, typer.Argument(help="Feeds, one after the other; `urbanbrain feeds` lists them.")
    ] = None,
    first: Annotated[str, typer.Option("--from", help="First day.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day, included.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every feed.")] = False,
    every: Annotated[
        str,
        typer.Option("--every", help="Windows of this length (6h, 1d, 7d) instead of the feed's schedule."),
    ] = "",
    newest_first: Annotated[
        bool,
        typer.Option("--newest-first/--oldest-first", help="Where to begin; both end in the same tables."),
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Pull once more what is there already.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which windows are there and which are not; pull nothing.")
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=2, help="2: two windows at once, each in a process.")
    ] = 1,
    max_failures: Annotated[
        int,
        typer.Option("--max-failures", min=1, help="Windows of a feed that may fail before the rest waits."),
    ] = 10,
    pause: Annotated[
        float, typer.Option("--pause", min=0.0, help="Seconds of rest a source has between two pulls.")
    ] = 0.2,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Instant the pulls claim to happen at; for replays. Default: now."),
    ] = None,
) -> None:
    """Pull and judge the past of feeds, window by window; what is there already is left alone.

    Stopped or killed at any moment, the same command continues where it was. A window that fails does not stop the
    others: it is listed at the end, and tried again by the next run. Nothing is loaded: `urbanbrain load` does that.
    """
    from pipelines import contract, run

    if not first or not last:
        raise typer.BadParameter("give the first and the last day", param_hint="--from, --to")
    if bool(feeds) == everything:
        raise typer.BadParameter("name feeds, or give --all", param_hint="feeds")
    names = [each.feed_id for each in contract.load_all()] if everything else list(dict.fromkeys(feeds or ()))
    plans = [
        run.backfill_plan(name, first, last, every, newest_first=newest_first, again=again, as_of=as_of)
        for name in names
    ]
    if not any(plan.steps for plan in plans) and any(plan.not_over for plan in plans):
        raise typer.BadParameter(
            f"no window since {first} is over yet; nothing was pulled", param_hint="--from"
        )
    for plan in plans:
        _say_plan(plan)
        if dry_run:
            _say_windows(plan)
    if dry_run:
        out.print("dry run: nothing was pulled", highlight=False)
        raise typer.Exit(DataError.exit_code if any(plan.unreadable for plan in plans) else 0)
    done: list[Backfilled] = []
    for plan in plans:
        if not plan.to_do:
            continue
        try:
            with _Watched(plan) as told:
                done.append(
                    run.backfill(
                        plan, workers=workers, max_failures=max_failures, pause=pause, as_of=as_of, told=told
                    )
                )
        except KeyboardInterrupt:
            err.print("stopped; the same command continues from here", highlight=False)
            raise typer.Exit(_INTERRUPTED) from None
    _say_end(plans, done)


def _say_plan(plan: Plan) -> None:
    counts = {state: sum(step.state == state for step in plan.steps) for state in _WORDS}
    said = ", ".join(f"{number:,} {_WORDS[state]}" for state, number in counts.items() if number)
    out.print(f"[bold]{plan.feed_id}[/]: {len(plan.steps):,} windows: {said or 'none'}", highlight=False)
    for line in plan.unreadable:
        err.print(f"  [bold red]error[/] {escape(line)}; remove its folder", highlight=False, soft_wrap=True)
    if plan.not_over:
        out.print(f"  {plan.not_over:,} more are not over yet and left out", highlight=False)
    if plan.to_do:
        rows = (
            f"about {plan.rows_each * len(plan.to_do):,.0f} rows" if plan.rows_each else "rows not known yet"
        )
        seconds = (
            f"about {_lasting(plan.seconds_each * len(plan.to_do))}"
            if plan.seconds_each
            else "time known once a window ran"
        )
        out.print(f"  estimate: {rows}, {seconds}", highlight=False)


def _say_windows(plan: Plan) -> None:
    """The windows, those in a row with the same to be done in one line."""
    zone = ZoneInfo(plan.timezone)
    groups = [list(group) for _, group in groupby(plan.steps, key=lambda step: step.state)]
    for group in groups[:_SHOWN]:
        start = min(step.window.start for step in group).astimezone(zone)
        end = max(step.window.end for step in group).astimezone(zone)
        out.print(
            f"  {_when(start)} … {_when(end)}  {len(group):>5,}  {_WORDS[group[0].state]}", highlight=False
        )
    if len(groups) > _SHOWN:
        out.print(f"  … {len(groups) - _SHOWN:,} more stretches", highlight=False)


class _Watched:
    """Tells of each window: live in a terminal, a line every few seconds elsewhere; of what went wrong always."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._zone = ZoneInfo(plan.timezone)
        self._status = err.status(plan.feed_id) if err.is_terminal else None
        self._said_at = 0.0

    def __enter__(self) -> Callable[[Told], None]:
        if self._status:
            self._status.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def _tell(self, told: Told) -> None:
        where = _when(told.step.window.start.astimezone(self._zone))
        if told.outcome != "validated":
            err.print(f"  {where}  {told.outcome}  {escape(told.message)}", highlight=False, soft_wrap=True)
        line = (
            f"{self._plan.feed_id} {told.number:,} of {told.total:,}  {where}  {told.rows:,} rows  "
            f"{_lasting(told.seconds)}, about {_lasting(told.seconds_left)} left"
        )
        if self._status:
            self._status.update(line)
        elif told.number == told.total or time.monotonic() - self._said_at > _EVERY_SECONDS:
            self._said_at = time.monotonic()
            err.print(f"  {line}", highlight=False, soft_wrap=True)


def _say_end(plans: list[Plan], done: list[Backfilled]) -> None:
    """What came of it, what did not; exit code of the failure when there was one, the same for all or 1."""
    if not done:
        out.print("nothing to do", highlight=False)
    zones = {plan.feed_id: ZoneInfo(plan.timezone) for plan in plans}
    for each in done:
        rows = ", ".join(f"{number:,} {name}" for name, number in each.rows.items() if number) or "no rows"
        out.print(
            f"{each.feed_id}: {each.windows:,} windows in {_lasting(each.seconds)}: {rows}", highlight=False
        )
        for what, steps in (("held", each.held), ("refused", each.refused)):
            if steps:
                out.print(f"  {len(steps):,} {what}: {_some(steps, zones[each.feed_id])}", highlight=False)
        for step, error in each.failed:
            where = _when(step.window.start.astimezone(zones[each.feed_id]))
            out.print(
                f"  [bold red]failed[/] {where}  {escape(error.message)}", highlight=False, soft_wrap=True
            )
        if each.not_tried:
            out.print(
                f"  {each.not_tried:,} not tried: too many failed; run the command again", highlight=False
            )
    failures = {error.exit_code for each in done for _, error in each.failed}
    failures |= {DataError.exit_code for plan in plans if plan.unreadable}
    if any(each.windows > len(each.failed) for each in done):
        out.print("next: urbanbrain load, urbanbrain build, urbanbrain publish", highlight=False)
    if failures:
        raise typer.Exit(failures.pop() if len(failures) == 1 else UrbanBrainError.exit_code)


def _some(steps: list[Step], zone: ZoneInfo) -> str:
    days = [_when(step.window.start.astimezone(zone)) for step in steps[:5]]
    return ", ".join(days) + (" …" if len(steps) > len(days) else "")


def _when(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d}" if (instant.hour, instant.minute) == (0, 0) else f"{instant:%Y-%m-%d %H:%M}"


def _lasting(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return str(timedelta(seconds=round(seconds)))


def repull(
    feed: Annotated[str, typer.Argument(help="Feed whose contract has `rePull` or `census`.")],
    census: Annotated[
        bool,
        typer.Option(
            "--census", help="All the source holds of some months: what it lacks is marked as gone."
        ),
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Instant the pull claims to happen at; for replays. Default: now."),
    ] = None,
) -> None:
    """Pull the last days of a feed once more, or all its source holds, as its contract says; then judge it.

    What was changed later than any look-back reaches comes in; with --census what is gone at the source shows, once it
    is loaded. Nothing is ever deleted here.
    """
    from pipelines import run

    with progress(f"asking {feed} again") as counter:
        folder = run.ask_again(feed, "census" if census else "re_pull", as_of, counter)
    print_counts([run.counts(run.gate(folder))])
