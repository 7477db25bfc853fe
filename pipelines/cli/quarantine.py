"""`urbanbrain quarantine …`: what waits for correction, sheets that go out to offices and come back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pipelines.cli.screen import err, out, say, written

if TYPE_CHECKING:
    from pipelines.run import RowOutcome

app = typer.Typer(
    help="Rows that broke their contract, and how they come back. 隔离区：导出更正表、收回更正、作废。\n\n"
    "An office gets its sheet (`export`), writes what is right into the yellow cells, and sends it back "
    "(`resubmit`, or the drop folder). Every corrected row is judged by the same contract again.",
    no_args_is_help=True,
)

FeedArgument = Annotated[str, typer.Argument(help="Feed, such as city_hotline_orders.")]
BatchArgument = Annotated[str, typer.Argument(help="Batch the row came in.")]
FeedOption = Annotated[str, typer.Option("--feed", help="Only this feed.")]
OfficeOption = Annotated[str, typer.Option("--office", "--street", help="Only rows of this street, by code.")]
UnassignedOption = Annotated[
    bool,
    typer.Option(
        "--unassigned", help="Only rows of which no street can be read; the feed's owner corrects them."
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Judge for real, tell what would happen, keep nothing.")
]
AsOfOption = Annotated[
    str, typer.Option("--as-of", help="Instant it claims to happen at; for replays. Default: now.")
]


@app.command("list")
def list_rows(
    feed: FeedOption = "",
    office: OfficeOption = "",
    state: Annotated[
        str, typer.Option("--state", help="open, corrected, returned or discarded; `all` for any.")
    ] = "open",
    older_than: Annotated[
        int, typer.Option("--older-than", min=0, max=36_500, help="Only rows that wait for so many days.")
    ] = 0,
    unassigned: UnassignedOption = False,
    rows: Annotated[bool, typer.Option("--rows", help="Each row by itself, the oldest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows that --rows shows.")] = 200,
) -> None:
    """Say how many rows wait, since when and whose they are, by feed and street."""
    from pipelines import run

    if state not in ("open", "corrected", "returned", "discarded", "all"):
        raise typer.BadParameter("give open, corrected, returned, discarded or all", param_hint="--state")
    asked = "" if state == "all" else state
    if rows:
        table = Table("feed", "batch", "row", "key", "street", "state", "broken rules", box=None)
        for each in run.quarantined_rows(feed, office, asked, unassigned=unassigned, limit=limit):
            table.add_row(
                each["feed_id"], each["batch_id"], str(each["row_number"]), escape(each["business_key"] or ""),
                each["street_code"] or "–", each["state"], ", ".join(each["rules"]),
            )  # fmt: skip
    else:
        table = Table("feed", "street", "state", "rows", "oldest", "days", "owner", box=None)
        for each in run.quarantined(feed, office, asked, older_than, unassigned=unassigned):
            table.add_row(
                each["feed_id"], each["street_code"] or "–", each["state"], f"{each['rows']:,}",
                f"{each['oldest_at']:%Y-%m-%d}", str(each["age_days"]), escape(each["owner"] or ""),
            )  # fmt: skip
    out.print(table if table.row_count else "nothing waits")


@app.command("show")
def show(
    feed: FeedArgument,
    batch: BatchArgument,
    row: Annotated[int, typer.Argument(min=1, help="Its row number.")],
) -> None:
    """Show one row as an office sees it, every reason, and what was done about it."""
    import json

    from pipelines import run

    found = run.quarantined_row(feed, batch, row)
    say(
        f"{feed} batch {batch} row {row}: {found['state']}, received {found['landed_at']:%Y-%m-%d %H:%M}, "
        f"street {found['street_code'] or '–'}, owner {found['owner'] or '–'}"
    )
    for chinese, english in zip(found["reasons_zh"], found["reasons_en"], strict=True):
        say(f"  {escape(chinese)}\n    {escape(english)}")
    table = Table("column", "as received", "", box=None)
    for name, value in json.loads(found["received"]).items():
        table.add_row(name, escape(value or "–"), "may be corrected" if name in found["correctable"] else "")
    out.print(table)
    for each in found["ledger"]:
        say(
            f"{each['outcome']}{' (a newer version counts)' if each['is_overtaken'] else ''} on {each['corrected_at']:%Y-%m-%d %H:%M} by {escape(each['corrected_by'])}: "
            f"{escape(each['reason'])} {escape(each['correction'] or '')}"
        )


@app.command("export")
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    office: Annotated[str, typer.Option("--office", help="Street office, by code.")] = "",
    unassigned: UnassignedOption = False,
    feed: FeedOption = "",
    form: Annotated[str, typer.Option("--format", "-f", help="xlsx, or csv for one feed.")] = "xlsx",
) -> None:
    """Write the open rows of a street as a sheet to correct: locked but for the faulty cells. 导出更正表。"""
    from pipelines import run

    if form not in ("xlsx", "csv"):
        raise typer.BadParameter(f"{form!r} is no format; give xlsx or csv", param_hint="--format")
    if bool(office) == unassigned:
        raise typer.BadParameter("give a street's code, or --unassigned", param_hint="--office")
    content, said = run.correction_sheet(office, feed, form)
    with written(output, binary=True) as stream:
        stream.write(content)
    table = Table("feed", "rows", box=None)
    for name, rows in said["rows"].items():
        table.add_row(name, f"{rows:,}")
    out.print(table)
    for line in said["left_out"]:
        say(f"left out: {escape(line)}")
    err.print(
        f"{sum(said['rows'].values()):,} rows of {escape(said['whose'])} written to {output}", highlight=False
    )


@app.command("resubmit")
def resubmit(
    sheet: Annotated[Path, typer.Argument(help="The sheet that came back, .xlsx or .csv.")],
    by: Annotated[
        str,
        typer.Option("--by", help="Desk that corrected it; no person's name. Default: what the sheet says."),
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", help="Why; masked before it is kept. Default: what the sheet says.")
    ] = "",
    dry_run: DryRunOption = False,
    as_of: AsOfOption = "",
) -> None:
    """Take a corrected sheet in: each row is judged again, and loaded or returned. 收回更正表。

    Exit code 4 when a row came back or could not be taken; the others are in all the same.
    """
    from pipelines import run

    outcomes = run.resubmit(sheet, by, reason, dry_run=dry_run, as_of=as_of or None)
    _say(outcomes)
    counts = Counter(each.outcome for each in outcomes)
    if dry_run:
        out.print("a trial: nothing was kept", highlight=False)
    elif counts["accepted"] or counts["returned"]:
        out.print("`urbanbrain load` and `urbanbrain build` take them into the tables", highlight=False)
    raise typer.Exit(4 if counts["returned"] or counts["objected"] else 0)


def _say(outcomes: list[RowOutcome]) -> None:
    table = Table("row", "key", "outcome", "why", box=None)
    for each in outcomes:
        if each.outcome == "untouched":
            continue
        lines = [line for pair in zip(each.reasons_zh, each.reasons_en, strict=True) for line in pair]
        if each.waits_in:
            lines.append(f"waits again as 再次待更正：{each.waits_in}")
        why = "\n".join([each.detail, *lines] if each.detail else lines)
        table.add_row(each.where, escape(each.business_key or ""), each.outcome, escape(why))
    if table.row_count:
        out.print(table)
    counts = Counter(each.outcome for each in outcomes)
    out.print(
        ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items())) or "no row",
        highlight=False,
    )


@app.command("discard")
def discard(
    feed: FeedArgument,
    batch: BatchArgument,
    rows: Annotated[
        str, typer.Argument(help="Row numbers, such as 3,7-9; `all` for every open row of the batch.")
    ],
    by: Annotated[str, typer.Option("--by", help="Desk that decides; no person's name.")],
    reason: Annotated[
        str, typer.Option("--reason", help="Why nobody will correct them; masked before it is kept.")
    ],
    dry_run: DryRunOption = False,
    as_of: AsOfOption = "",
) -> None:
    """Give rows up for good; the ledger keeps who decided it and why. 作废。"""
    from pipelines import run

    _say(run.discard(feed, batch, _numbers(rows), by, reason, dry_run=dry_run, as_of=as_of or None))
    if dry_run:
        out.print("a trial: nothing was kept", highlight=False)


def _numbers(text: str) -> list[int]:
    if text == "all":
        return []
    numbers: set[int] = set()
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(last or first) > 9:
            raise typer.BadParameter(f"{piece!r} is no row number; write 3,7-9 or all", param_hint="ROWS")
        if int(last or first) - int(first) > 1_000_000:
            raise typer.BadParameter(f"{piece!r} is too wide; write `all`", param_hint="ROWS")
        numbers.update(range(int(first), int(last or first) + 1))
    return sorted(numbers)


@app.command("inbox")
def inbox(
    unseal: Annotated[
        Path | None, typer.Option("--unseal", help="Give back a sheet that was put away.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to.")] = None,
) -> None:
    """Take in every sheet that waits in the drop folder, as the DAG does. Exit code 4 when one could not be taken."""
    from pipelines import run, settings
    from pipelines.run import inbox as drop_folder

    if unseal is not None:
        if output is None:
            raise typer.BadParameter("say where the sheet shall be written", param_hint="--output")
        content = drop_folder.unseal(unseal)
        with written(output, binary=True) as stream:
            stream.write(content)
        return
    taken = run.take_inbox()
    for each in taken:
        mark = "[green]taken[/]" if each.is_taken else "[bold red]failed[/]"
        say(f"{mark} {escape(each.name)}  {escape(each.message.splitlines()[0])}")
        say(f"  {escape(each.kept_in)}")
    if not taken:
        say(f"no sheet waits in {settings.inbox()}")
    raise typer.Exit(4 if any(not each.is_taken for each in taken) else 0)
