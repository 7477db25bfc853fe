"""`urbanbrain sql` and `urbanbrain tables`: questions to what is published, and what can be asked.

用 SQL 查询已发布的数据，查看可查询的表。
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from pipelines import settings
from pipelines.cli.screen import err, written
from pipelines.errors import UrbanBrainError

_Form = TypeVar("_Form", bound=str)
_BY_ENDING = {".csv": "csv", ".json": "json", ".md": "markdown", ".parquet": "parquet"}
OfficeOption = Annotated[
    str | None,
    typer.Option("--office", help="One street office's own file, by street code. 街道代码，只查本街道"),
]
OpenOption = Annotated[
    bool, typer.Option("--open", help="The open tables, as dashboards read them. 只查公开汇总表（同大屏）")
]


def sql(
    query: Annotated[str | None, typer.Argument(help="One question, in quotes. 一条查询语句")] = None,
    office: OfficeOption = None,
    is_open: OpenOption = False,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Read the question from a file; - is standard input. 从文件读取"),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Only how it would be answered; nothing is run. 只看执行计划，不执行"),
    ] = False,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help="table, csv, json, markdown or parquet; default: as the file is named, else table. 输出格式，默认按文件扩展名",
        ),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file, which appears whole. 写入文件")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", help="Give up after so long. 时限（秒）")
    ] = settings.QUESTION_SECONDS,
    memory: Annotated[
        str, typer.Option("--memory", help="Memory it may have, such as 2GB; default 1GB. 内存上限")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Rows a table shows; files hold all. 表格最多显示的行数")
    ] = 200,
) -> None:
    """Ask the current release in SQL, read only. 用 SQL 查询当前发布的数据（只读）。

    \b
    urbanbrain sql "show all tables"                                 the district's tables in full 全区完整数据
    urbanbrain sql --open "from governance.street_scorecard"         what dashboards read 公开汇总
    urbanbrain sql --office CODE "from q02_due_next"                 one street office's own 本街道
    urbanbrain sql --office CODE                                     a shell, one question after the other 交互查询
    urbanbrain sql --office CODE --file due.sql -f csv -o due.csv
    urbanbrain sql --office CODE --explain "from q02_due_next"
    urbanbrain sql < several.sql                                     statements, each ended by ; 多条语句，以 ; 结尾

    Without a question a terminal gets a shell (.help says what it knows), and a pipe or a file is read for statements.
    Only reading works: no other file, no setting, no network. Exit codes 退出码: 0 answered, 1 the question cannot be
    answered or took too long, 2 the command is wrong, 5 nothing is published or a release is damaged, 130 Ctrl-C.
    """
    from pipelines.asking import Bounds, Question, Session, statements, writing

    if query is not None and file is not None:
        raise typer.BadParameter("a question and --file are two questions; give one", param_hint="--file")
    form_ = _form(form or _named(output), writing.FORMATS)
    with Session(office, is_open=is_open, bounds=Bounds(seconds, memory)) as session:
        if query is None and file is None and output is None and sys.stdin.isatty() and sys.stdout.isatty():
            from pipelines.asking import shell

            shell.run(session, form_, limit)
            return
        if err.is_terminal:
            err.print(session.name, style="dim", highlight=False, soft_wrap=True)
        text = query if query is not None else _read(file)
        for statement in [text] if query is not None or output else statements.several(text):
            question = Question(statement, form_, limit=limit, is_plan=explain)
            if output is None:
                session.answer(question, sys.stdout)
                continue
            with written(output, binary=form_ == "parquet" and not explain) as stream:
                rows = session.answer(question, stream)
            err.print(f"{rows:,} rows written to {output}", highlight=False)


def tables(
    name: Annotated[str, typer.Argument(help="One table or view: its columns. 表名或视图名")] = "",
    office: OfficeOption = None,
    is_open: OpenOption = False,
    form: Annotated[str, typer.Option("--format", "-f", help="table, markdown or json. 输出格式")] = "table",
) -> None:
    """List what can be asked, with what it means and how many rows it holds. 列出可查询的表和视图、含义与行数。

    \b
    urbanbrain tables                               every table of the district 全部表
    urbanbrain tables governance.cases              its columns, types and meanings 各列类型与含义
    urbanbrain tables --office CODE            one street office's tables and views 本街道的表和视图
    urbanbrain tables --open --format json          what dashboards read, for a program 供程序读取
    """
    from pipelines.asking import Session, catalogue

    form_ = _form(form, catalogue.FORMATS)
    with Session(office, is_open=is_open) as session:
        catalogue.write(session.described(name), sys.stdout, form_, is_one=bool(name))


def _named(output: Path | None) -> str:
    """The format that a file's name asks for. A workbook is none: what opens it would find a table of text."""
    ending = output.suffix.lower() if output else ""
    if ending in (".xlsx", ".xls"):
        raise typer.BadParameter(
            "no workbook is written; name a .csv, which Excel opens 不生成 Excel 文件，请改用 .csv",
            param_hint="--output",
        )
    return _BY_ENDING.get(ending, "table")


def _form(name: str, known: Sequence[_Form]) -> _Form:
    for form in known:
        if form == name:
            return form
    raise typer.BadParameter(f"{name!r} is no format; give one of {', '.join(known)}", param_hint="--format")


def _read(file: Path | None) -> str:
    """The text of a file, or of standard input. An editor's byte order mark is none of the question's."""
    is_input = file is None or str(file) == "-"
    try:
        content = sys.stdin.buffer.read() if is_input or file is None else file.read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UrbanBrainError(
            f"{'standard input' if is_input else file} is not UTF-8 文件不是 UTF-8 编码",
            next_step="save it as UTF-8",
        ) from error
    except OSError as error:
        raise UrbanBrainError(
            f"{file} cannot be read: {error.strerror} 无法读取",
            next_step="--file names a file with one question, or -",
        ) from error
