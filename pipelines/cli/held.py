"""`urbanbrain held …`: batches that wait for a person, and deciding about one."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from pipelines.cli.screen import err, out
from pipelines.decisions import batches
from pipelines.errors import DataError

app = typer.Typer(
    help="Batches held for a person, because too many rows break the contract or their shape changed. 待审批次。\n\n"
    "`approve` lets the valid rows in, the others go to quarantine; `reject` keeps all of it out, its bytes stay until "
    "their retention ends. The newest decision holds. A DAG run that waits in Airflow is answered, too, when "
    "URBANBRAIN_AIRFLOW_URL says where Airflow is.",
    no_args_is_help=True,
)

BatchArgument = Annotated[str, typer.Argument(help="Batch id; `urbanbrain held list` names them.")]
ByOption = Annotated[str, typer.Option("--by", help="Desk that decides; no person's name.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", help="Why, for those who ask later; masked before it is kept.")
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Say what would come of it, and decide nothing.")]


@app.command("list")
def list_held(
    everything: Annotated[bool, typer.Option("--all", help="Decided ones, too.")] = False,
) -> None:
    """List the batches that wait, oldest window first. Exit code 4 when one cannot be read."""
    from pipelines import run

    table = Table("feed", "window", "batch", "received", "valid", "bad", "state", "why", box=None)
    for row in run.held("" if everything else "waiting"):
        table.add_row(
            row["feed_id"],
            f"{row['window_start']:%Y-%m-%d %H:%M}",
            row["batch_id"],
            *(f"{row[name]:,}" for name in ("received", "valid", "quarantined")),
            row["state"],
            escape(row["why_en"]),
        )
    out.print(table if table.row_count else "no batch waits")
    if broken := run.unreadable_held():
        for line in broken:
            err.print(f"[bold red]error[/] {escape(line)}", highlight=False, soft_wrap=True)
        err.print("  → remove its folder, then land and judge the window again", highlight=False)
        raise typer.Exit(DataError.exit_code)


@app.command()
def show(batch: BatchArgument) -> None:
    """Show why a batch is held, which rules it breaks, its first bad rows, and what was decided."""
    from pipelines import run

    row = run.held_batch(batch)
    lines = [
        f"{row['feed_id']}  {row['window_start']:%Y-%m-%d %H:%M} … {row['window_end']:%Y-%m-%d %H:%M} UTC  "
        f"batch {row['batch_id']}",
        f"{row['why_en']}\n{row['why_zh']}",
        f"received {row['received']:,} = valid {row['valid']:,} + bad {row['quarantined']:,} + duplicate "
        f"{row['duplicate']:,} + not wanted {row['refused']:,}",
        *(f"  {rule} rows" for rule in row["rules"]),
    ]
    for bad in row["first_rows"]:
        lines.append(f"row {bad['_row_number']} {bad['business_key']}")
        lines += [
            f"    {reason['rule']}: expected {reason['expected_en']} {reason['expected_zh']}; "
            f"found {reason['found'] if reason['found'] is not None else 'nothing'}"
            for reason in bad["reasons"]
        ]
    lines.append(_state(row))
    if not row["bytes_are_there"]:
        lines.append("its bytes are gone, so it can no longer be approved")
    for line in lines:
        out.print(escape(line), highlight=False, soft_wrap=True)


@app.command()
def approve(batch: BatchArgument, by: ByOption, reason: ReasonOption, dry_run: DryOption = False) -> None:
    """Let the valid rows of a held batch in. The next load brings them to the warehouse."""
    _decide(batch, batches.APPROVED, by, reason, dry_run)


@app.command()
def reject(batch: BatchArgument, by: ByOption, reason: ReasonOption, dry_run: DryOption = False) -> None:
    """Keep a held batch out. What had come in of it leaves the warehouse with the next load."""
    _decide(batch, batches.REJECTED, by, reason, dry_run)


def _decide(batch: str, decision: str, by: str, reason: str, dry_run: bool) -> None:
    from pipelines import run

    row = run.decide(batch, decision, by, reason, dry_run=dry_run)
    rows = (
        f"{row['valid']:,} rows come in, {row['quarantined']:,} go to quarantine"
        if decision == batches.APPROVED
        else f"none of {row['received']:,} rows comes in"
    )
    if dry_run:
        out.print(f"would be {decision}: {rows}; nothing was decided", highlight=False)
        return
    out.print(f"{_state(row)}: {rows}", highlight=False, soft_wrap=True)
    if not row["is_new"]:
        out.print("that was decided before, and stays as it was", highlight=False)
    answered = run.answer_airflow(batch, decision, reason)
    if answered:
        err.print(answered, highlight=False, soft_wrap=True)


def _state(row: dict[str, Any]) -> str:
    if row["state"] == "waiting":
        return "waiting for a decision"
    return (
        f"{row['state']} by {row['decided_by']} via {row['via']} on {row['decided_at']:%Y-%m-%d %H:%M} UTC: "
        f"{row['reason']}"
    )
