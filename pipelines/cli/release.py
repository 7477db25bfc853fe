"""`urbanbrain release …`: what is published, is it whole, what changed and why, and making one again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from pipelines.cli.screen import counted, err, out, release_ids

if TYPE_CHECKING:
    from pipelines.run import Difference

app = typer.Typer(
    help="Releases: list, verify, attack, compare, keep and make again. 发布：查看、校验、攻防检查、对比、保留、重建。\n\n"
    "A release is named by its id, the start of one, `current` or `previous`.",
    no_args_is_help=True,
)
ReleaseArgument = Annotated[str, typer.Argument(help="Id, the start of one, `current` or `previous`.")]
_FORMS = ("table", "markdown", "json")


@app.command("list")
def list_() -> None:
    """List the releases: as of when, batches, size, and what was different from the one before.

    Exit code 1 when one is damaged so that nobody can read it, or CURRENT names none; `urbanbrain release verify` looks at
    every byte of the others.
    """
    from pipelines import releases, run

    table = Table(release_ids(), "as of", "batches", "MB", "changed since the one before", "", box=None)
    rows = run.release_list()
    damaged = [row for row in rows if row["damage"]]
    for row in rows:
        if row["damage"]:
            continue
        changed = ", ".join(f"{name} {run.CAUSES[name]} ({n})" for name, n in row["changed"].items())
        table.add_row(
            row["release_id"],
            row["as_of"][:16],
            f"{row['batches']:,}",
            f"{row['bytes'] / 1e6:,.1f}",
            changed or "–",
            ", ".join(filter(None, ("current" if row["is_current"] else "", _pinned(row["pin"])))),
        )
    out.print(table)
    lines = []
    for row in damaged:
        current = ", current: readers find nothing 当前发布" if row["is_current"] else ""
        lines += [
            f"{row['release_id']} is damaged 已损坏{current}: {row['damage']}",
            f"  → {row['next_step']}",
        ]
    if not any(row["is_current"] for row in rows) and (why := releases.damage_of_current()):
        lines += [f"readers find nothing 无当前发布: {why}", "  → `urbanbrain publish` writes CURRENT again"]
    for line in lines:
        err.print(line, highlight=False, soft_wrap=True)
    if lines:
        raise typer.Exit(1)


def _pinned(pin: dict[str, str] | None) -> str:
    if pin is None:
        return ""
    said = " ".join(filter(None, (pin.get("by"), pin.get("reason"))))
    return f"pinned 固定{f': {said}' if said else ''}"


@app.command()
def show(release: ReleaseArgument = "current") -> None:
    """Say what one release was made from and what it holds."""
    from pipelines import run

    said = run.release_summary(release)
    code = said["code"]
    lines = {
        "release": said["release_id"],
        "as of": said["as_of"],
        "areas": said["area_edition"],
        "code": f"{code.get('version', '?')} {str(code.get('digest', ''))[:12]}",
        "libraries": ", ".join(f"{name} {version}" for name, version in code.get("libraries", {}).items()),
        "inputs": ", ".join(f"{n} {kind}" for kind, n in said["inputs"].items())
        + (f"; {said['inputs_gone']} are gone" if said["inputs_gone"] else ""),
        "batches": ", ".join(f"{n:,} {kind}" for kind, n in said["batches"].items()),
        "held": f"{said['held']}",
        "offices": f"{len(said['offices'])}",
        "size": f"{said['bytes'] / 1e6:,.1f} MB",
        "sha256": said["sha256"],
    }
    for name, value in lines.items():
        out.print(f"{name:<10} {value}", highlight=False, soft_wrap=True)
    table = Table("table", "rows", box=None)
    for name, rows in said["tables"].items():
        table.add_row(name, f"{rows:,}")
    out.print(table)


@app.command()
def verify(
    release: Annotated[
        str, typer.Argument(help="Id, the start of one, `current`; none: every release.")
    ] = "",
) -> None:
    """Hold every file against its checksum: changed, missing and extra files. Exit code 1 when there is one."""
    from pipelines import run

    is_whole = True
    found = run.verify_releases(release)
    if not found:
        out.print("nothing is published yet, so nothing was verified", highlight=False)
    for release_id, problems in found.items():
        out.print(f"{release_id} {'is whole' if not problems else 'is damaged'}", highlight=False)
        for line in problems:
            out.print(f"  {line}", soft_wrap=True, highlight=False)
        is_whole = is_whole and not problems
    raise typer.Exit(0 if is_whole else 1)


@app.command()
def audit(
    release: ReleaseArgument = "current",
    form: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
) -> None:
    """Attack what a release hides, as anybody and as each office, with all earlier ones at hand.

    Exit code 1 when a hidden count can be told.
    """
    from pipelines import run

    if form not in ("text", "json"):
        raise typer.BadParameter(f"{form!r} is no format; give text or json", param_hint="--format")
    found = run.audit_release(release)
    if form == "json":
        said = asdict(found) | {"narrowest": None if math.isinf(found.narrowest) else found.narrowest}
        out.print_json(json.dumps(said, ensure_ascii=False))
        raise typer.Exit(1 if found.findings else 0)
    table = Table("table", "counts", "below 5", "hidden beside", "share", "figures hidden", box=None)
    for each in found.utility:
        hidden = each.small + each.complementary
        table.add_row(
            each.table,
            f"{each.counts:,}",
            f"{each.small:,}",
            f"{each.complementary:,}",
            f"{hidden / max(each.counts, 1):.1%}",
            f"{each.figures_hidden:,} of {each.figures:,}",
        )
    out.print(table)
    width = "any" if math.isinf(found.narrowest) else f"{found.narrowest:.0f}"
    out.print(
        f"{found.attacked:,} hidden counts of {found.releases} release(s) attacked by {found.attackers} readers; "
        f"of the one that is told best {width} numbers are possible; {len(found.findings)} can be told",
        highlight=False,
        soft_wrap=True,
    )
    for finding in found.findings:
        out.print(
            f"  {finding.release_id} {finding.table} {' '.join(finding.key)} {finding.column}: {finding.attacker} can tell "
            f"that it is between {finding.low:g} and {finding.high:g}",
            highlight=False,
            soft_wrap=True,
        )
    raise typer.Exit(1 if found.findings else 0)


@app.command()
def diff(
    one: ReleaseArgument = "previous",
    other: ReleaseArgument = "current",
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Count every row under what changed it: makes the tables again, one cause after the other.",
        ),
    ] = False,
    form: Annotated[str, typer.Option("--format", "-f", help="table, markdown or json.")] = "table",
    with_this_code: Annotated[
        bool,
        typer.Option(
            "--with-this-code", help="Explain though other code or libraries made the older release."
        ),
    ] = False,
) -> None:
    """Say what changed for readers between two releases, and why. 两次发布之间的变化及原因。

    Causes: new data, correction, decision, area change, rule change. Without --explain they are what the manifests and
    the models say can have reached a table.
    """
    from pipelines import markdown, run

    if form not in _FORMS:
        raise typer.BadParameter(
            f"{form!r} is no format; give one of {', '.join(_FORMS)}", param_hint="--format"
        )
    with counted("making tables again") as counter:
        found = run.release_difference(
            run.find_release(one).release_id,
            run.find_release(other).release_id,
            explain=explain,
            with_this_code=with_this_code,
            progress=counter,
        )
    if form == "json":
        out.print_json(json.dumps(found.as_dict(), ensure_ascii=False))
        return
    heads = ("table 表", "added 新增", "removed 减少", "changed 变化", "columns 列", "cause 原因")
    rows = [_row(found, change) for change in found.tables]
    if form == "markdown":
        out.print(f"### {found.one} → {found.other}\n", highlight=False, soft_wrap=True)
        lines = [f"- {markdown.line(line)}" for line in _causes(found)]
        lines += ["", markdown.row(*heads), markdown.row("---", "--:", "--:", "--:", "---", "---")]
        lines += [markdown.row(*map(markdown.cell, cells)) for cells in rows]
        out.print("\n".join(lines), highlight=False, soft_wrap=True, markup=False)
        return
    out.print("\n".join((*_causes(found), "")), highlight=False, soft_wrap=True, markup=False)
    table = Table(*heads, box=None)
    for cells in rows:
        table.add_row(*cells)
    out.print(table if rows else "no table differs 各表无变化")


def _causes(found: Difference) -> Iterator[str]:
    """A line a cause."""
    from pipelines import run

    shown = 3
    for cause in found.causes:
        more = f" … {len(cause.what):,} in all" if len(cause.what) > shown else ""
        yield f"{cause.name} {run.CAUSES[cause.name]}: {'; '.join(cause.what[:shown])}{more}"


def _row(found: Difference, change: Any) -> tuple[str, ...]:
    columns = [f"{name} ({rows:,})" for name, rows in change.columns.items()]
    if rows := found.by_cause.get(change.table):
        causes = ", ".join(f"{cause} ({n:,})" for cause, n in rows.items())
    else:
        causes = ", ".join(
            f"{cause.name}?" for cause in found.causes if change.table in found.reached[cause.name]
        )
    return (
        change.table,
        *(f"{number:,}" for number in (change.added, change.removed, change.changed)),
        ", ".join((*change.shape, *columns)) or "–",
        causes or "–",
    )


@app.command()
def rebuild(
    release: ReleaseArgument,
    into: Annotated[Path, typer.Option("--into", help="An empty folder, outside this home.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="landing: judge the landed bytes again; validated: take the rows as they were judged.",
        ),
    ] = "landing",
    with_this_code: Annotated[
        bool,
        typer.Option(
            "--with-this-code", help="Go on though the release was made by other code or libraries."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it takes and what stands against it; make nothing.")
    ] = False,
) -> None:
    """Make a release again in another folder and compare every byte. 在另一目录重建发布并逐字节比对。

    Contracts, reference files, models, editions and decisions come from what was kept of that time, rows from landing.
    This home is only read. Exit code 0 when every file is the same, 1 when one differs, 5 when it cannot be made.
    """
    from pipelines import run

    if source not in ("landing", "validated"):
        raise typer.BadParameter(f"{source!r}: give landing or validated", param_hint="--from")
    release_id = run.find_release(release).release_id
    with counted(f"making {release_id} again") as counter:
        made = run.rebuild_release(
            release_id,
            str(into),
            source=source,
            with_this_code=with_this_code,
            dry_run=dry_run,
            progress=counter,
        )
    if not isinstance(made, run.Rebuilt):
        out.print(
            f"{made.batches:,} batches from {made.source}, {made.refused} of them refused; "
            f"{made.landed_bytes:,} landed bytes; {made.judged_apart} judged with other contracts or areas",
            highlight=False,
        )
        for line in (*made.problems, *made.another_code):
            out.print(f"  {line}", soft_wrap=True, highlight=False)
        if made.next_step:
            err.print(f"  → {made.next_step}", soft_wrap=True, highlight=False)
        raise typer.Exit(1 if made.problems or (made.another_code and not with_this_code) else 0)
    out.print(made.folder, soft_wrap=True, highlight=False)
    for line in made.differences:
        out.print(f"  {line}", soft_wrap=True, highlight=False)
    if made.not_compared:
        out.print(f"  not compared, they name the code: {', '.join(made.not_compared)}", highlight=False)
    equal = made.files - len(made.differences)
    out.print(f"{equal} of {made.files} files are the same, byte for byte", highlight=False)
    raise typer.Exit(1 if made.differences else 0)
