"""`urbanbrain contract …`: what changed in a promise and who is hit, agreeing on promises, who reads a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from pipelines.cli.screen import out
from pipelines.errors import UrbanBrainError

if TYPE_CHECKING:
    from pipelines.promises import Difference

app = typer.Typer(
    help="What contracts promise, how promises change and who is hit. 数据合同的变更及影响范围。",
    no_args_is_help=True,
)
_FORMATS = ("table", "json", "markdown")


@app.command("diff")
def diff(
    old: Annotated[
        str,
        typer.Argument(help="A file, a folder, a contract's id, or `lock`: the promises last agreed on."),
    ] = "lock",
    new: Annotated[str, typer.Argument(help="The same; without it the contracts of the project.")] = "",
    format: Annotated[str, typer.Option("--format", help="table, json or markdown.")] = "table",
) -> None:
    """Say what changed from OLD to NEW: breaking, compatible or cosmetic, and who is hit.

    Exit code 1 when something breaks and the first number of its version did not rise, or nothing says that it changed.
    `urbanbrain contract diff city_hotline_orders` compares one contract with what was agreed on.
    """
    from pipelines import run

    if format not in _FORMATS:
        raise UrbanBrainError(f"there is no format {format!r}, expected one of {', '.join(_FORMATS)}")
    found = run.contract_diff(old, new)
    match format:
        case "json":
            sys.stdout.write(
                json.dumps([_plain(each) for each in found], ensure_ascii=False, indent=1) + "\n"
            )
        case "markdown":
            sys.stdout.write(_markdown(found))
        case _:
            _print(found)
    if any(each.objection for each in found):
        raise typer.Exit(1)


@app.command("lock")
def lock(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be agreed on, and write nothing.")
    ] = False,
) -> None:
    """Agree on today's promises; `urbanbrain check` holds every change against them from then on.

    Refused, with exit code 2, while a version does not say how its promise changed.
    """
    from pipelines import run

    found = run.contract_lock(dry_run=dry_run)
    for each in found:
        out.print(f"{each.contract_id} {each.versions}: {each.klass}", highlight=False)
    done = "would be agreed on" if dry_run else "agreed on"
    out.print(f"{done}: {len(found)} changed promise(s)", highlight=False)


@app.command("show")
def show(
    contract_id: Annotated[str, typer.Argument(help="Contract, such as city_hotline_orders.")],
) -> None:
    """Show what one contract promises: columns, rules, and who reads them."""
    from pipelines import promises, run

    shown = run.contract_show(contract_id)
    found = shown.contract
    out.print(
        f"{found.table} {found.version} ({found.status})  {escape(found.title)} · {found.business_name}\n"
        f"{escape(found.description)}",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("column", "type", "must be", "read by", box=None)
    for column in found.stored_columns:
        rules = [
            rule.rule_id.partition(":")[0]
            for rule in found.rules
            if rule.column == column.name and rule.kind != "typed"
        ]
        hit = shown.readers[column.name]
        key = ["key"] if column.is_key else []
        table.add_row(
            column.name, column.type, ", ".join(dict.fromkeys([*key, *rules])), ", ".join((*hit.tables, *hit.views))
        )  # fmt: skip
    out.print(table)
    for rule in found.rules:
        if rule.rule_id.startswith(("rule:", "rows:")):
            out.print(
                f"{rule.rule_id} ({rule.severity}): {escape(rule.expected_en)} {rule.expected_zh}",
                highlight=False,
                soft_wrap=True,
            )
    for who, names in promises.parties(shown.everybody):
        out.print(f"read by {who} {names}", highlight=False, soft_wrap=True)


def _print(found: Sequence[Difference]) -> None:
    from pipelines import promises

    if not found:
        out.print("nothing changed", highlight=False)
    for each in found:
        out.print(f"[bold]{each.contract_id}[/] {each.versions}: {each.klass}", highlight=False)
        for change, hit in each.changes:
            out.print(f"  {change.klass:<10}  {escape(change.text)}", highlight=False, soft_wrap=True)
            if change.klass == "breaking":
                if change.side != "readers":
                    out.print("              hits the source", highlight=False)
                for who, names in promises.parties(hit):
                    out.print(f"              hits {who} {names}", highlight=False, soft_wrap=True)
                if not hit and change.side != "source":
                    out.print(
                        "              hits nobody: no table, view, office or export reads it",
                        highlight=False,
                    )
        if each.objection:
            out.print(f"  [bold red]refused[/]     {escape(each.objection)}", highlight=False, soft_wrap=True)


def _markdown(found: Sequence[Difference]) -> str:
    from pipelines import markdown, promises

    if not found:
        return "Nothing changed.\n"
    lines = []
    for each in found:
        lines += [f"### `{each.contract_id}` {each.versions}: {each.klass}", ""]
        if each.objection:
            lines += [f"**Refused:** {markdown.cell(each.objection)}", ""]
        lines += ["| class | change | hits |", "|---|---|---|"]
        for change, hit in each.changes:
            parties = ["the source"] if change.side != "readers" and change.klass == "breaking" else []
            parties += [f"{who} {names}" for who, names in promises.parties(hit)]
            cells = change.klass, markdown.cell(change.text), markdown.cell("; ".join(parties))
            lines.append(markdown.row(*cells))
        lines.append("")
    return "\n".join(lines)


def _plain(difference: Difference) -> dict[str, Any]:
    return {
        "contract_id": difference.contract_id,
        "before": difference.before["version"] if difference.before else None,
        "after": difference.after["version"] if difference.after else None,
        "class": difference.klass,
        "needed_version": difference.needed,
        "objection": difference.objection,
        "hit": asdict(difference.hit),
        "changes": [
            {
                "class": change.klass, "kind": change.kind, "column": change.column, "text": change.text,
                "side": change.side, "hit": asdict(hit),
            }
            for change, hit in difference.changes
        ],
    }  # fmt: skip


def drift(
    feed: Annotated[str, typer.Argument(help="Feed; without it all of them.")] = "",
    form: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
) -> None:
    """Say where sources no longer send what their contracts say, and since when. 数据源与合同不一致之处。"""
    from pipelines import contract, run

    if form not in ("text", "json"):
        raise typer.BadParameter(f"{form!r} is no format; give text or json", param_hint="--format")
    found = run.drifts(contract.load(feed).feed_id if feed else "")
    if form == "json":
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1, default=str) + "\n")
        return
    for each in found:
        until = "" if each["is_still_so"] else f" to {each['last_seen_at']:%Y-%m-%d}"
        out.print(
            f"[bold]{each['feed_id']}[/] since {each['first_seen_at']:%Y-%m-%d}{until}, "
            f"{each['batch_count']} batch(es), {each['mode']}: {escape(each['said_en'])} {escape(each['said_zh'])}",
            highlight=False,
            soft_wrap=True,
        )
    if not found:
        out.print("every source sends what its contract says", highlight=False)
