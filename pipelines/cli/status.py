"""`urbanbrain status`: how every feed stands by the clock. `urbanbrain notify`: telling its owners what changed."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from pipelines.cli.screen import err, out, say
from pipelines.errors import SettingError

_HEADINGS = (
    "state 状态", "day 业务日期", "due 应到", "arrived 到达", "rows 行数", "usual 通常", "bad 隔离", "open 待更正", "held 待审批",
)  # fmt: skip
_COLOURS = {
    "missing": "bold red",
    "late": "bold yellow",
    "refused": "bold red",
    "held": "bold yellow",
    "quarantined": "bold red",
    "partial": "yellow",
    "drifted": "yellow",
}


def status(
    at: Annotated[
        str | None, typer.Option("--at", help="Instant to look from, such as 2026-11-20T01:00. Default: now.")
    ] = None,
    form: Annotated[str, typer.Option("--format", "-f", help="table or json.")] = "table",
) -> None:
    """Show what is due, here, late or missing, a line per feed. 各数据集到达情况。

    Exit code 1 when something is overdue, or the release readers have is damaged; 2 when nothing is here at all.

    Told by the clock from contracts, business calendar and lake, so it answers before anything is loaded and while the
    warehouse is being written. `late` is due and not there (or came late), `missing` four latencies after the schedule
    fired, or without a row on a working day; rows are held against what is usual on such a day.
    """
    from pipelines import run

    if form not in ("table", "json"):
        raise typer.BadParameter(f"{form!r} is no format; give table or json", param_hint="--format")
    found = run.status(at)
    if form == "json":
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1, default=_plain) + "\n")
    else:
        _show(found)
    if found["is_empty"]:
        err.print(
            f"[bold red]error[/] nothing is in {escape(found['home'])}: nothing landed, nothing was published yet 此处没有任何数据\n"
            "  → if something should be, URBANBRAIN_HOME names another place; else run `make demo` or `urbanbrain run`",
            highlight=False,
            soft_wrap=True,
        )
    if found["overdue"] or found["unreadable"] or found["release_damage"]:
        raise typer.Exit(1)
    raise typer.Exit(SettingError.exit_code if found["is_empty"] else 0)


def notify(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be told; remember nothing, tell nobody.")
    ] = False,
    at: Annotated[str | None, typer.Option("--at", help="With --dry-run: instant to look from.")] = None,
) -> None:
    """Tell the owners of each level what changed about their feeds, once a change. 通知各层级负责人。

    The DAG `monitor` makes the same call every ten minutes. Who is told stands in URBANBRAIN_NOTIFY_CITY, …_DISTRICT
    and …_STREET: `mailto:desk@example.org,https://hooks.example.org/…`; mail needs URBANBRAIN_SMTP. Whoever cannot be
    reached is told by the next run; exit code 1 then, 2 when an addressee is garbled.
    """
    from pipelines import run
    from pipelines.freshness.words import STATES

    if at and not dry_run:
        raise typer.BadParameter("what is told is told of now; add --dry-run", param_hint="--at")
    found = run.notify(at, dry_run=dry_run)
    for change in found["changes"]:
        words = " → ".join(f"{name} {STATES[name]}" for name in (change["before"], change["after"]))
        whom = f"{len(change['tellings'])} to tell" if change["tellings"] else "nobody to tell"
        out.print(f"{change['feed_id']}  {words}  ({whom})", highlight=False)
    if not found["changes"]:
        out.print("nothing changed", highlight=False)
    if not dry_run:
        out.print(f"{found['sent']} messages taken", highlight=False)


def _show(found: dict[str, Any]) -> None:
    from pipelines.freshness.words import LEVELS, STATES

    zone = ZoneInfo(found["timezone"])
    out.print(f"{found['at'].astimezone(zone):%Y-%m-%d %H:%M %Z}", highlight=False)
    for level in found["levels"]:
        name = level["level"]
        words = [f"{level['well']} of {level['feeds']} feeds well 正常"]
        words += [f"{level['overdue']} overdue 逾期"] if level["overdue"] else []
        words += [f"{level['held']} held 待审批"] if level["held"] else []
        out.print(f"\n[bold]{name} {LEVELS[name]}[/]  {', '.join(words)}", highlight=False)
        table = Table(Column("feed", no_wrap=True), *_HEADINGS, box=None)
        for feed in found["feeds"]:
            if feed["level"] == name:
                state = Text(
                    f"{feed['state']} {STATES[feed['state']]}", style=_COLOURS.get(feed["state"], "")
                )
                table.add_row(feed["feed_id"], state, *_cells(feed, zone))
        out.print(table)
    for feed in found["feeds"]:
        if feed["gaps"]:
            days = ", ".join(map(str, feed["gaps"]))
            say(f"{feed['feed_id']}: never came for {days} 从未到达")
        if feed["is_unjudged"]:
            say(
                f"{feed['feed_id']}: landed, but the gate let nothing through 已接收，未通过校验; "
                f"look at the last task of feed__{feed['feed_id']}, or `urbanbrain gate BATCH`"
            )
    for feed_id in found["unreadable"]:
        say(
            f"{feed_id}: its contract cannot be read, so nobody knows what it owes 合同无法读取; `urbanbrain check`"
        )
    out.print(f"\nrelease {found['release'] or 'none yet'}", highlight=False)
    if found["release_damage"]:
        out.print(
            f"it is damaged, readers find nothing 当前发布已损坏: {found['release_damage']}; `urbanbrain release list`",
            highlight=False,
            soft_wrap=True,
        )


def _cells(feed: dict[str, Any], zone: ZoneInfo) -> list[str]:
    has_band = feed["expected_lo"] is not None
    return [
        str(feed["day"] or "–"),
        _instant(feed["due"], zone),
        _instant(feed["arrived"], zone),
        "–" if feed["rows"] is None else f"{feed['rows']:,}",
        f"{feed['expected_lo']:,}–{feed['expected_hi']:,}" if has_band else "–",
        f"{feed['quarantined']:,}" if feed["quarantined"] else "",
        f"{feed['quarantine_open']:,}" if feed["quarantine_open"] else "",
        str(feed["held"] or ""),
    ]


def _instant(value: datetime | None, zone: ZoneInfo) -> str:
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}" if value else "–"


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"a status holds no {type(value).__name__}")
