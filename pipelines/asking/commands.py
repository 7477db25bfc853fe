"""What a shell does itself, without a question: lines that begin with a dot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.asking import catalogue
from pipelines.asking.opening import Bounds
from pipelines.asking.writing import FORMATS
from pipelines.errors import UrbanBrainError

if TYPE_CHECKING:
    from pipelines.asking.shell import Shell


@dataclass(frozen=True)
class Command:
    """One of them: what it takes, what it does, 做什么."""

    takes: str
    english: str
    chinese: str
    run: Callable[[Shell, str], None]


def names() -> tuple[str, ...]:
    return tuple(_COMMANDS)


def run(shell: Shell, line: str) -> None:
    """Do what a line says. Raises UrbanBrainError when it is no command, or what it takes is wrong."""
    name, _, argument = line.rstrip(";；").strip().partition(" ")
    command = _COMMANDS.get(name)
    if command is None:
        near = [each for each in _COMMANDS if each.startswith(name)]
        if len(near) != 1:
            raise UrbanBrainError(f"there is no command {name} 没有这个命令", next_step=".help lists them")
        command = _COMMANDS[near[0]]
    command.run(shell, argument.strip())


def _help(shell: Shell, argument: str) -> None:
    del argument
    for name, command in _COMMANDS.items():
        shell.say(f"{f'{name} {command.takes}':<18} {command.english} {command.chinese}")
    shell.say(
        "SQL: one statement or several, each ended by `;`. Only reading works; Tab completes names, Up finds earlier questions.\n"
        "SQL：一条或多条语句，以 ; 结尾，只读；Tab 补全名称，↑ 查找历史。"
    )


def _tables(shell: Shell, argument: str) -> None:
    found = shell.session.described(argument)
    catalogue.write(found, sys.stdout, "table", is_one=bool(argument))


def _describe(shell: Shell, argument: str) -> None:
    if not argument:
        raise UrbanBrainError(
            ".describe takes the name of a table or view 需要表名", next_step=".tables lists them"
        )
    _tables(shell, argument)


def _format(shell: Shell, argument: str) -> None:
    known = [form for form in FORMATS if form != "parquet"]
    for form in known:
        if form == argument:
            shell.form = form
            return
    raise UrbanBrainError(
        f"{argument!r} is no format of a shell 没有这种格式", next_step=f"one of {', '.join(known)}"
    )


def _limit(shell: Shell, argument: str) -> None:
    if not argument.isdecimal():
        raise UrbanBrainError(f"{argument!r} is no number of rows 不是行数", next_step="such as .limit 50")
    shell.limit = int(argument)


def _seconds(shell: Shell, argument: str) -> None:
    try:
        seconds = float(argument)
    except ValueError:
        raise UrbanBrainError(
            f"{argument!r} is no number of seconds 不是秒数", next_step="such as .seconds 120"
        ) from None
    shell.session.bounds = Bounds(seconds, shell.session.bounds.memory)


def _explain(shell: Shell, argument: str) -> None:
    shell.answer(argument, is_plan=True)


def _release(shell: Shell, argument: str) -> None:
    del argument
    shell.say(shell.session.name)


def _exit(shell: Shell, argument: str) -> None:
    del argument
    shell.is_over = True


_COMMANDS = {
    ".help": Command("", "This.", "显示帮助。", _help),
    ".tables": Command("[NAME]", "What can be asked, or the columns of one.", "列出表和视图。", _tables),
    ".describe": Command("NAME", "Columns, types and meanings.", "列、类型与含义。", _describe),
    ".explain": Command(
        "SQL", "How a question would be answered; nothing is run.", "执行计划，不执行。", _explain
    ),
    ".format": Command("FORM", "table, csv, json or markdown.", "输出格式。", _format),
    ".limit": Command("ROWS", "How many rows a table shows.", "表格最多显示的行数。", _limit),
    ".seconds": Command("SECONDS", "How long a question may take.", "查询时限（秒）。", _seconds),
    ".release": Command("", "Which release is asked, as of when.", "当前查询的版本与截止时间。", _release),
    ".exit": Command("", "Leave; Ctrl-D does so, too.", "退出。", _exit),
}
