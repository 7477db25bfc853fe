"""`urbanbrain scorecard`: a period's figures as they were known on a day, computed anew."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from pipelines.cli.screen import out

app = typer.Typer(
    help="Compute the three rates of a period anew, as known on a day, by its rule or another. 按某日所知重算三率。",
)


@app.callback(invoke_without_command=True)
def scorecard(
    period: Annotated[str, typer.Option("--period", help="Assessment period, such as 2026-11.")],
    as_of: Annotated[
        str, typer.Option("--as-of", help="Day whose end is meant, or an instant. Default: everything known.")
    ] = "",
    rule: Annotated[
        str, typer.Option("--rule", help="Rule of ref.score_rules to use instead of the period's own.")
    ] = "",
) -> None:
    """Compute a period's scorecard from what was known on a day; the warehouse is only read."""
    from pipelines import run

    rows = run.scorecard(period, as_of, rule)
    first = rows[0]
    state = f"frozen {first['frozen_at']} by {first['frozen_by']}" if first["frozen_at"] else "open"
    out.print(
        f"{period}  {first['period_starts_on']} … {first['period_ends_on']}  rule {first['rule_id']}"
        f"{' (an example)' if first['is_example_rule'] else ''}  revision {first['revision']}, "
        f"known at {first['known_at']}, {state}",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("street", "", *(heading for heading, _ in _COLUMNS), box=None)
    for row in rows:
        table.add_row(row["street_code"], row["street_name"], *(_shown(row[name]) for _, name in _COLUMNS))
    out.print(table)


_COLUMNS = (
    ("assessed", "assessed_count"),
    ("callbacks", "callback_count"),
    ("响应率", "response_rate"),
    ("解决率", "resolution_rate"),
    ("满意率", "satisfaction_rate"),
    ("综合得分", "composite_score"),
    ("rank", "rank_in_scope"),
    ("official", "official_composite_score"),
    ("official rank", "official_rank"),
    ("reconciled", "is_reconciled"),
)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
