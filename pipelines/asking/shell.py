"""One question after the other at a terminal, from the first to the last to the same release.

A line that begins with a dot is for the shell itself (`commands`); all else is SQL and ends with `;`. Answers never go
through a pager: a pager can open files and start programs, which whoever asks an office's file has no business doing.
"""

from __future__ import annotations

import signal
import sys
import time

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import completion_is_selected
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import PostgresLexer
from rich.console import Console

from pipelines import releases
from pipelines.asking import commands, statements
from pipelines.asking.history import QuestionHistory, history_file
from pipelines.asking.names import NameCompleter
from pipelines.asking.session import Session
from pipelines.asking.writing import FORMATS, Form, Question
from pipelines.errors import UrbanBrainError, WarehouseError

_GREETING = "SQL ends with ; · .help for help · Ctrl-C stops a question · Ctrl-D leaves   语句以 ; 结尾，.help 帮助，Ctrl-C 中止，Ctrl-D 退出"
_WORDS = {"exit": ".exit", "quit": ".exit", "help": ".help", "?": ".help"}


class Shell:
    """Holds what a person has set: the format, how many rows a table shows, how long a question may take."""

    def __init__(self, session: Session, form: Form = "table", limit: int = 100) -> None:
        self.session = session
        self.form: Form = form
        self.limit = limit
        self.is_over = False
        self._announced = session.release.release_id

    def take(self, text: str) -> None:
        """Do what one entry says, a command or statements, and tell what is wrong with it instead of failing."""
        text = _half_width(text)
        text = _WORDS.get(text.rstrip(";；").strip().lower(), text)
        try:
            if text.startswith("."):
                commands.run(self, text)
                return
            for statement in statements.several(text) if text else ():
                self.answer(statement)
        except UrbanBrainError as error:
            self.say(f"error 错误: {error}", style="red")
        except KeyboardInterrupt:
            self.say("stopped 已中止", style="yellow")

    def answer(self, statement: str, *, is_plan: bool = False) -> None:
        """Answer one statement on standard output, within the session's bounds."""
        began = time.monotonic()
        rows = self.session.answer(Question(statement, self.form, self.limit, is_plan=is_plan), sys.stdout)
        sys.stdout.flush()
        if not is_plan:
            self.say(f"{rows:,} rows 行 · {time.monotonic() - began:.2f} s", style="dim")

    def say(self, text: str, style: str = "") -> None:
        """Tell a person something that is no answer."""
        console = Console(stderr=True, highlight=False)
        console.print(text, style=style, markup=False, soft_wrap=True)

    def tell_of_newer(self) -> None:
        """Say once that a newer release is out; this session stays with its own, so that answers go together."""
        try:
            newest = releases.current().release_id
        except WarehouseError:
            return
        if newest != self._announced:
            self._announced = newest
            self.say(
                f"a newer release is out: {newest}; this shell stays with {self.session.release.release_id}, leave and "
                "start again to ask the newer one 有新版本发布，重新进入后可查询",
                style="yellow",
            )


def run(session: Session, form: Form = "table", limit: int = 100, history: History | None = None) -> None:
    """Ask until the person leaves. Ctrl-C ends the question that runs, or clears what is being typed."""
    shell = Shell(session, form, limit)
    shell.say(session.name, style="bold")
    shell.say(_GREETING, style="dim")
    session.start()
    history = QuestionHistory(history_file()) if history is None else history
    completer = NameCompleter(session.described(), commands.names(), FORMATS)
    prompts: PromptSession[str] = PromptSession(
        message=f"{session.office or ('open' if session.is_open else 'district')}> ",
        multiline=True,
        prompt_continuation=lambda width, *_: " " * (width - 2) + "· ",
        history=history,
        completer=completer,
        complete_while_typing=True,
        auto_suggest=AutoSuggestFromHistory(),
        lexer=PygmentsLexer(PostgresLexer),
        key_bindings=_keys(),
        enable_open_in_editor=False,
        enable_system_prompt=False,
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        while not shell.is_over:
            shell.tell_of_newer()
            try:
                shell.take(prompts.prompt())
            except KeyboardInterrupt:  # clears what is being typed
                continue
            except EOFError:
                break
    finally:
        signal.signal(signal.SIGINT, before)


def is_whole(text: str) -> bool:
    """Whether an entry is ready: a command, one of the plain words for one, or statements that end with `;`."""
    text = _half_width(text)
    if not text or text.startswith(".") or text.lower() in _WORDS:
        return True
    ended, rest = statements.split(text)
    return bool(ended) and not rest


def _half_width(text: str) -> str:
    """An entry without the blanks around it, where a Chinese keyboard may have written the dot of a command."""
    text = text.strip()
    return f".{text[1:]}" if text[:1] in ("。", "．") else text


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=~completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @keys.add("enter", filter=completion_is_selected)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    return keys
