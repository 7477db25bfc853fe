"""The command line: `urbanbrain`. A command calls `run` as a DAG task does, and says in words what came back.

    commands   which commands there are, those that take a batch to a release, and the sample city's
    asking     `urbanbrain sql`, `tables`
    status     `urbanbrain status`, `notify`
    backfill   `urbanbrain backfill`, `repull`
    held       `urbanbrain held …`
    quarantine `urbanbrain quarantine …`
    linkage    `urbanbrain linkage …`
    release    `urbanbrain release …`
    keeping    `urbanbrain release pin`, `unpin`, `prune`, `upload`
    page       `urbanbrain page`
    serving    `urbanbrain release serve`, `release guard`: the copy in PostgreSQL
    trace      `urbanbrain trace`
    scorecard  `urbanbrain scorecard`
    contracts  `urbanbrain contract …`, `drift`
    areas      `urbanbrain areas …`
    screen     tables, counters and files that appear whole

Heavy imports sit inside the commands: `urbanbrain --help` answers at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence

from rich.markup import escape

from pipelines.cli.commands import app
from pipelines.cli.screen import err
from pipelines.errors import CommandError, UrbanBrainError, step_about_files

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; explain what this project can explain, and exit with its code."""
    _speak_chinese()
    before = signal.getsignal(signal.SIGINT)
    if not {"demo", "up", "sample-city", "page"} & set(
        sys.argv[1:2]
    ):  # those end what they started by themselves
        signal.signal(signal.SIGINT, _stop_at_once)
    try:
        _refuse_other_encodings(sys.argv[1:])
        app()
    except UrbanBrainError as error:
        err.print(f"[bold red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if not (said := _said_of_files(error)):
            raise
        otherwise = "URBANBRAIN_HOME, --output and --into must be places that can be written"
        if isinstance(error, UnicodeEncodeError):
            otherwise = "export PYTHONIOENCODING=utf-8, or write to a file with --output"
        step = step_about_files(said, otherwise)
        err.print(f"[bold red]error[/] {escape(said)}\n  → {escape(step)}", highlight=False, soft_wrap=True)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, before)


def _refuse_other_encodings(words: Sequence[str]) -> None:
    """Raise CommandError for a word whose bytes are no text here: it can be neither kept nor shown nor asked."""
    for number, word in enumerate(words, 1):
        if not word.isascii() and "\\udc" in ascii(word):
            raise CommandError(
                f"word {number} of the command is not written in {sys.getfilesystemencoding()} 命令编码有误",
                next_step="set the terminal and the locale to UTF-8: export LC_ALL=C.UTF-8",
            )


def _speak_chinese() -> None:
    """Have output in UTF-8 where the locale knows no Chinese; a terminal shows `?` for a letter it lacks."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue
        try:
            "街道 →".encode(stream.encoding)
        except UnicodeEncodeError:
            stream.reconfigure(encoding="utf-8")
        else:
            stream.reconfigure(errors="replace" if stream.isatty() else None)


def _said_of_files(error: Exception) -> str:
    """What the system, or DuckDB, says about a file it could not work with; "" for an error of another kind."""
    if isinstance(error, UnicodeEncodeError):
        return f"the output is written in {error.encoding}, which lacks {error.object[error.start : error.end][:9]!r}"
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{where}"
    if type(error).__module__ in ("duckdb", "_duckdb"):
        from pipelines import privacy

        line = str(error).splitlines()[0]
        return privacy.scrub(line) if step_about_files(line, "") else ""
    return ""


def _stop_at_once(*_: object) -> None:
    """End here and now. Libraries in the middle of work swallow an interrupt, and every step survives a kill."""
    os.write(2, b"\ninterrupted; what was not finished is not there, run it again\n")
    os._exit(130)
