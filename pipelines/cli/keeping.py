"""`urbanbrain release pin`, `unpin`, `prune`, `upload`: which releases stay, and where else they are."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.cli.release import ReleaseArgument
from pipelines.cli.screen import counted, err, out, release_ids

if TYPE_CHECKING:
    from pipelines.run import Pruned

OnlyOption = Annotated[
    str,
    typer.Option(
        "--only",
        help="What is uploaded, with commas: tables (what anybody may read), district, offices. Default: "
        "URBANBRAIN_UPLOAD_ONLY, tables.",
    ),
]


def pin(
    release: ReleaseArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why it stays.")] = "",
    by: Annotated[str, typer.Option("--by", help="The desk that says so, not a person.")] = "",
) -> None:
    """Keep a release whatever its age, until `unpin`. 固定发布，不被清理。"""
    from pipelines import run

    out.print(f"{run.pin(release, by=by, reason=reason)} is pinned", highlight=False)


def unpin(release: ReleaseArgument) -> None:
    """Let a pinned release go in its time. 取消固定。"""
    from pipelines import run

    out.print(f"{run.unpin(release)} is pinned no longer", highlight=False)


def prune(
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", min=1, help="So many of the newest stay. Default: URBANBRAIN_KEEP_RELEASES, 30."
        ),
    ] = None,
    months: Annotated[
        int | None,
        typer.Option(
            "--months",
            min=0,
            help="The last one of each of so many months stays. Default: URBANBRAIN_KEEP_MONTHS, 13.",
        ),
    ] = None,
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than", min=0, max=36_500, metavar="DAYS", help="Only those published longer ago go."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go and what stays and why; remove nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove old releases, and kept inputs that nothing needs any more. 清理旧发布。

    The current one, pinned ones, damaged ones and those that were current in the last 24 hours always stay. A terminal is
    asked before anything goes; elsewhere --yes has to be said. The DAG `upkeep` does the same once a night.
    """
    from pipelines import run

    def asked(*, only_ask: bool) -> run.Pruned:
        period = None if older_than is None else timedelta(days=older_than)
        return run.prune(keep=keep, months=months, older_than=period, dry_run=only_ask)

    if dry_run or not yes:
        would = asked(only_ask=True)
        _print_pruned(would, would=True)
        if dry_run or not (would.gone or would.inputs):
            return
        if not sys.stdin.isatty():
            raise typer.BadParameter("nothing was removed: say --yes, or --dry-run", param_hint="--yes")
        typer.confirm("Remove them? 确认清理？", abort=True, err=True)
    _print_pruned(asked(only_ask=False), would=False)


def _print_pruned(found: Pruned, *, would: bool) -> None:
    from pipelines.releases import retention

    table = Table(release_ids(), "as of", "MB", "", box=None)
    for fate in found.fates:
        if would or not fate.stays:
            said = (
                f"stays: {fate.stays} {retention.REASONS[fate.stays]}"
                if fate.stays
                else ("would go" if would else "gone")
            )
            table.add_row(fate.release_id, fate.as_of[:16], f"{fate.bytes / 1e6:,.1f}", said)
    if table.row_count:
        out.print(table)
    verb = "would go" if would else "gone"
    out.print(
        f"{len(found.gone)} releases and {len(found.inputs)} kept inputs {verb}; {found.rule}",
        highlight=False,
        soft_wrap=True,
    )
    if found.left_alone:
        err.print(f"  kept inputs are left alone: {found.left_alone}", highlight=False, soft_wrap=True)


def upload(
    release: ReleaseArgument = "current",
    to: Annotated[
        str,
        typer.Argument(
            metavar="URL", help="s3://bucket/folder or file:///folder. Default: URBANBRAIN_UPLOAD."
        ),
    ] = "",
    only: OnlyOption = "",
    verify: Annotated[bool, typer.Option("--verify", help="Read back what is there already, too.")] = False,
    prune: Annotated[
        bool | None,
        typer.Option(
            "--prune/--no-prune",
            help="Old releases go there as they go here. Default: URBANBRAIN_UPLOAD_PRUNE.",
        ),
    ] = None,
) -> None:
    """Upload a release to object storage or a folder: files, then the manifest, then CURRENT. 上传发布。

    What was cut short goes on; what is there already is not sent again. A release there is never replaced by another one.
    """
    from pipelines import run

    chosen = [each.strip() for each in only.split(",") if each.strip()]
    with counted("uploading", "file") as counter:
        done = run.upload(release, to, only=chosen, prune=prune, verify=verify, progress=counter)
    out.print(f"{done.url}/{done.release_id}", highlight=False, soft_wrap=True)
    out.print(
        f"{done.sent:,} files ({done.bytes / 1e6:,.1f} MB) sent, {done.there:,} were there"
        + ("; CURRENT names it" if done.is_current else "; CURRENT names another")
        + (f"; {len(done.pruned)} old ones removed" if done.pruned else ""),
        highlight=False,
        soft_wrap=True,
    )
