"""What can be asked, written for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import IO, Any, Literal, get_args

from pipelines import markdown
from pipelines.asking.describing import Described
from pipelines.asking.writing import Screen, markdown_cell, visible

Form = Literal["table", "markdown", "json"]
FORMATS: tuple[Form, ...] = get_args(Form)


def write(found: Sequence[Described], out: IO[str], form: Form, *, is_one: bool) -> None:
    """Write a list of tables and views, or each with its columns when one was asked for. JSON always has columns."""
    _WRITERS[form](found, out, is_one)


def _kind(each: Described) -> str:
    rows = "" if each.rows is None else f"{each.rows:,} rows 行"
    return " · ".join(part for part in ("view 视图" if each.is_view else "table 表", rows) if part)


def _write_table(found: Sequence[Described], out: IO[str], is_one: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    screen = Screen.of(out)
    console = Console(file=out, width=screen.width, highlight=False)
    for each in found:
        console.print(Text.assemble((each.name, "bold"), f"  {each.comment}  ", (_kind(each), "dim")))
        if not is_one:
            continue
        table = Table("column 列", "type 类型", "meaning 含义", header_style="bold")
        for name, kind, comment in each.columns:
            table.add_row(Text(name), Text(kind), Text(comment))
        console.print(table)


def _write_markdown(found: Sequence[Described], out: IO[str], is_one: bool) -> None:
    if not is_one:
        out.write("| name 名称 | rows 行数 | meaning 含义 |\n| --- | ---: | --- |\n")
    for each in found:
        rows = "" if each.rows is None else f"{each.rows:,}"
        if not is_one:
            cells = markdown_cell(each.name), rows, markdown_cell(each.comment)
            out.write(f"{markdown.row(*cells)}\n")
            continue
        name, comment = markdown.cell(visible(each.name)), markdown.line(visible(each.comment))
        out.write(f"## {name}\n\n{comment} ({_kind(each)})\n\n")
        out.write("| column 列 | type 类型 | meaning 含义 |\n| --- | --- | --- |\n")
        out.writelines(f"{markdown.row(*map(markdown_cell, column))}\n" for column in each.columns)


def _write_json(found: Sequence[Described], out: IO[str], is_one: bool) -> None:
    del is_one
    values = [
        {
            "name": each.name,
            "kind": "view" if each.is_view else "table",
            "rows": each.rows,
            "comment": each.comment,
            "columns": [
                {"name": name, "type": kind, "comment": comment} for name, kind, comment in each.columns
            ],
        }
        for each in found
    ]
    json.dump(values, out, ensure_ascii=False, indent=1)
    out.write("\n")


_WRITERS: dict[Form, Callable[[Sequence[Described], IO[str], bool], Any]] = {
    "table": _write_table,
    "markdown": _write_markdown,
    "json": _write_json,
}
