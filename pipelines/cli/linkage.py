"""`urbanbrain linkage …`: why a case is one, what a person decides about a pair, how well records are linked."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from pipelines.cli.screen import err, out, say

app = typer.Typer(
    help="How records of city, district and street are held to be one problem. 同一问题的关联、复核与评估。",
    no_args_is_help=True,
)


@app.command("explain")
def explain(
    case_id: Annotated[str, typer.Argument(help="Case, such as GC2611-0123456789ab; an old id will do.")],
) -> None:
    """Say why the records of a case are one problem: every link with what was measured, the weakest first."""
    from pipelines import linkage

    found = linkage.explain(case_id)
    if found["case_id"] != case_id:
        out.print(f"{case_id} is part of {found['case_id']} today", highlight=False)
    out.print(f"{found['case_id']}: {_counted(found['members'], 'record')}", highlight=False)
    for member in found["members"]:
        say(
            f"  {member['source_feed']} {member['source_id']}  {member['reported_at']:%Y-%m-%d %H:%M}  "
            f"{escape(member['why_en'])}\n      {escape(member['why_zh'])}"
        )
    if found["links"]:
        out.print("links, the weakest first:", highlight=False)
    for link in found["links"]:
        mark = "  (weakest)" if link["is_weakest"] else ""
        say(
            f"  {link['link_score']:.3f} {link['link_method']}{mark}  {escape(link['why_en'])}\n"
            f"      {escape(link['why_zh'])}"
        )
    for merge in found["merges"]:
        end = f", until {merge['unmerged_at']:%Y-%m-%d %H:%M}" if merge["unmerged_at"] else ""
        out.print(
            f"merge: {merge['old_case_id']} → {merge['new_case_id']} "
            f"from {merge['merged_at']:%Y-%m-%d %H:%M}{end}",
            highlight=False,
        )


@app.command("decide")
def decide(
    one_id: Annotated[
        str, typer.Argument(help="Number of one record in its source, such as HL-20261117-000123.")
    ],
    other_id: Annotated[str, typer.Argument(help="Number of the other record.")],
    is_same: Annotated[bool, typer.Option("--same/--different", help="Whether they are one problem.")],
    by: Annotated[str, typer.Option(help="Desk that decides; no person's name.")],
    why: Annotated[str, typer.Option(help="Reason, for those who ask later; masked before it is kept.")],
) -> None:
    """Decide about two records; kept in the lake, followed by every build from the next one on."""
    from pipelines import linkage
    from pipelines.decisions import links

    path = linkage.decide(one_id, other_id, links.ACCEPTED if is_same else links.REJECTED, by, why)
    say(f"kept in {path}; `urbanbrain build` follows it")


@app.command("evaluate")
def evaluate(
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days of the made-up city.")] = 365,
    scale: Annotated[float, typer.Option(min=0.01, help="1.0 is all of the sample city.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Which city.")] = 7,
    form: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
) -> None:
    """Link a made-up city whose truth is known; print and keep precision and recall.

    The figures are kept in this home's `samplecity.linkage_evaluations`. Exit code 1 when they are below the targets.
    """
    from pipelines.samplecity import evaluation

    if form not in ("text", "json"):
        raise typer.BadParameter(f"{form!r} is no format; give text or json", param_hint="--format")
    found = evaluation.evaluate(days, scale, seed, lambda said: err.print(said, highlight=False))
    evaluation.record(found)
    if form == "json":
        sys.stdout.write(json.dumps(evaluation.figures(found), ensure_ascii=False) + "\n")
    else:
        _show(evaluation.figures(found))
    if not found.reaches():
        err.print(
            f"below the targets: precision {evaluation.LEAST_PRECISION}, recall {evaluation.LEAST_RECALL}",
            highlight=False,
        )
        raise typer.Exit(1)


def _show(figures: dict[str, Any]) -> None:
    """Precision, recall, and where they come from."""
    say(
        f"precision {figures['precision']:.4f}  recall {figures['recall']:.4f}  "
        f"({figures['records']:,} records, {figures['true_pairs']:,} true pairs, "
        f"{figures['linked_pairs']:,} linked, linked in {figures['link_seconds']:.1f} s)\n"
        f"B-cubed   {figures['b_cubed_precision']:.4f}         {figures['b_cubed_recall']:.4f}\n"
        f"waiting for a person: {figures['review_pairs']:,} pairs, of which {figures['review_right_pairs']:,} are one problem"
    )
    for title, counts in (("rule", figures["by_rule"]), ("tied by", figures["by_evidence"])):
        table = Table(
            title, "links" if title == "rule" else "records", "right" if title == "rule" else "found", "share"
        )
        for name, (count, right) in counts.items():
            table.add_row(name, f"{count:,}", f"{right:,}", f"{right / count:.3f}" if count else "")
        out.print(table)


def _counted(rows: list[Any], noun: str) -> str:
    return f"{len(rows)} {noun}" if len(rows) == 1 else f"{len(rows)} {noun}s"
