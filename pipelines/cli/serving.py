"""`urbanbrain release serve`, `release guard`: the copy of a release in PostgreSQL, and what keeps it free."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.table import Table

from pipelines.cli.screen import err, out
from pipelines.serving_limits import RELEASES, STATEMENT_SECONDS, TRANSACTION_SECONDS

PostgresOption = Annotated[
    str,
    typer.Option(
        "--postgres",
        metavar="DSN",
        help="postgresql://loader@host:5432/serving; default URBANBRAIN_POSTGRES. Its password is better kept in "
        "URBANBRAIN_SECRET_POSTGRES than typed.",
    ),
]


def serve(
    release: Annotated[
        str, typer.Argument(help="Id, the start of one, `current` or `previous`.")
    ] = "current",
    postgres: PostgresOption = "",
    keep: Annotated[
        int, typer.Option("--keep", min=2, help="How many releases stay in the database.")
    ] = RELEASES,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be served to whom; ask no server.")
    ] = False,
) -> None:
    """Copy a release into PostgreSQL and let its readers have it. 将发布加载到 PostgreSQL 供查询。

    Readers of the release before notice nothing; a release that is there already is not copied again.
    """
    if dry_run:
        print_offer(release)
    else:
        print_served(release, postgres, keep)


def guard(
    postgres: PostgresOption = "",
    every: Annotated[
        float, typer.Option("--every", help="Look again after so many seconds, until Ctrl-C; 0: look once.")
    ] = 0.0,
    statement: Annotated[
        float, typer.Option("--statement", help="Seconds a statement may last.")
    ] = STATEMENT_SECONDS,
    transaction: Annotated[
        float, typer.Option("--transaction", help="Seconds a transaction may last.")
    ] = TRANSACTION_SECONDS,
) -> None:
    """End sessions of PostgreSQL readers that outlast their limit. 终止超时的查询会话。"""
    from pipelines import run
    from pipelines.errors import ServingUnavailable

    while True:
        try:
            for ended in run.guard_serving(postgres, statement=statement, transaction=transaction):
                for each in ended:
                    what = f"{each.user_name} from {each.address} ended: {each.why}, {each.seconds:.0f} s"
                    out.print(what, highlight=False, markup=False)
                if not every:
                    out.print(f"{len(ended)} sessions ended", highlight=False)
                    return
                time.sleep(every)
        except ServingUnavailable as error:  # beside a server that starts or restarts
            if not every:
                raise
            err.print(str(error), soft_wrap=True, highlight=False, markup=False)
            time.sleep(every)


def print_offer(release: str) -> None:
    """What of a release would be served under which name, and to whom."""
    from pipelines import run

    table = Table("name", "rows", "columns", "readers", box=None)
    for each in run.offered_release(release):
        rows = "" if each["rows"] is None else f"{each['rows']:,}"
        readers = ", ".join(name.removeprefix("urbanbrain_") for name in each["readers"])
        table.add_row(each["name"], rows, str(each["columns"]), readers)
    out.print(table)


def print_served(release: str, postgres: str, keep: int = RELEASES) -> None:
    """Serve a release and say what came of it."""
    from pipelines import run

    if err.is_terminal:
        with err.status("copying into PostgreSQL") as status:
            served = run.serve_release(
                release, postgres, keep=keep, progress=lambda what: status.update(f"copying {what}")
            )
    else:
        served = run.serve_release(release, postgres, keep=keep)
    if served.is_new:
        copied = (
            f"{served.rows:,} rows copied in {served.seconds:.1f} s"
            if served.rows
            else "it was there already"
        )
        out.print(f"PostgreSQL serves {served.release_id}: {copied}", highlight=False, soft_wrap=True)
    else:
        out.print(f"PostgreSQL serves {served.release_id} already", highlight=False, soft_wrap=True)
    if served.dropped:
        out.print(f"dropped: {', '.join(served.dropped)}", highlight=False, soft_wrap=True)
    if served.left:
        out.print(
            f"still open by a reader, dropped next time: {', '.join(served.left)}",
            highlight=False,
            soft_wrap=True,
        )
    for text in served.advice:
        err.print(f"administrator: {text}", highlight=False, soft_wrap=True, markup=False)
