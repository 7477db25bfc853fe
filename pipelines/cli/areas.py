"""`urbanbrain areas …`: official editions of the code list, as a person meets them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer
from rich.table import Table

from pipelines.cli.screen import out

app = typer.Typer(
    help="Official editions of the area code list: what one changes, and loading it. 区划代码新版本：比对与加载。",
    no_args_is_help=True,
)

_WORDS = {
    "new": "新增",
    "gone": "撤销",
    "renamed": "更名",
    "recoded": "改码",
    "relabelled": "改称",
    "moved": "划转",
    "reused": "名称重用",
    "conflict": "与沿革登记矛盾",
}
EditionArgument = Annotated[
    str,
    typer.Argument(
        help="CSV or Parquet file; without one, the newest edition of city_area_register that was pulled."
    ),
]
DateOption = Annotated[
    str, typer.Option("--edition-date", help="Day the list describes, where the file does not say.")
]
InForceOption = Annotated[
    str, typer.Option("--in-force", help="Day its changes count from, when it is another than the edition's.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Show changes of style only, too.")]


@app.command()
def diff(
    edition: EditionArgument = "",
    edition_date: DateOption = "",
    in_force: InForceOption = "",
    everything: AllOption = False,
) -> None:
    """Show what an edition changes against the register of the day before: new, gone, renamed, recoded, reused."""
    from pipelines import run

    _print(run.edition_differences(edition, edition_date, in_force), everything)


@app.command()
def load(
    edition: EditionArgument = "",
    edition_date: DateOption = "",
    in_force: InForceOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and load nothing.")] = False,
    everything: AllOption = False,
) -> None:
    """Load an edition on top of the reference files. Refused while loaded facts use a code that it drops."""
    from pipelines import run

    found = run.load_edition(edition, edition_date, in_force, dry_run=dry_run)
    _print(found, everything)
    if dry_run:
        out.print("nothing was loaded; it would hold", highlight=False)
    else:
        out.print(
            "loaded; `urbanbrain build` makes the tables with it, new batches are judged with it",
            highlight=False,
        )


def _print(found: list[dict[str, Any]], everything: bool) -> None:
    shown = [each for each in found if everything or each["note"] != "style only"]
    table = Table("change", "code", "name", "was", "", box=None)
    for each in shown:
        was = " ".join(part for part in (each["was_code"], each["was_name"]) if part)
        note = "; ".join(
            part for part in (each["note"], "in the register already" if each["is_known"] else "") if part
        )
        table.add_row(
            f"{each['kind']} {_WORDS[each['kind']]}", each["area_code"], each["area_name"], was, note
        )
    if shown:
        out.print(table)
    counts = Counter(each["kind"] for each in found)
    said = ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "no difference"
    hidden = len(found) - len(shown)
    out.print(
        f"{said}{f' ({hidden} of style only not shown; --all shows them)' if hidden else ''}", highlight=False
    )
