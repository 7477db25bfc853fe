"""A person's SQL, answered from the current release or from one office's file, and nothing else.

A question runs in a process of its own. DuckDB does not stop everywhere when it is told to (a distance between two
long texts holds out for minutes), counts only its own part of the memory, and a few statements end the process it is in.
The one that asks therefore gives no question to DuckDB: it waits, and ends the other when time is up.

    session      one release from the first question to the last: starts the process, waits, ends it
    answering    what runs in that process; memory and files are bounded there by the system, too
    opening      which release, which part of it; a DuckDB that can read that and do nothing else
    statements   where one statement ends; whether it only reads
    describing   tables, views, columns and what they mean
    plan         how DuckDB would answer, as an outline
    writing      answers as tables, CSV, JSON, Markdown and Parquet
    catalogue    what can be asked, as people and scripts read it
    shell        one question after the other, at a terminal
    commands     what a shell does itself: .tables, .format, …
    names        what a shell offers while a name is typed
    history      what a shell remembers of earlier questions

The pipeline's own database is never opened here; a question cannot get in the way of a load.
"""

from __future__ import annotations

import sys
from typing import IO, Any

from pipelines.asking.describing import Described
from pipelines.asking.opening import Bounds
from pipelines.asking.session import Session
from pipelines.asking.writing import FORMATS, Form, Question

__all__ = ["FORMATS", "Bounds", "Described", "Form", "Question", "Session", "ask", "tables"]


def ask(
    sql: str,
    office: str | None = None,
    format: Form = "table",
    out: IO[Any] | None = None,
    *,
    is_open: bool = False,
    limit: int = 100,
    seconds: float = Bounds.seconds,
    memory: str = "",
) -> int:
    """Answer one question into `out`, by default standard output, and return how many rows it gave.

    `limit` bounds the rows of a table for people, who are told how many more there are; the other formats give them all.
    Instants come in the release's time zone. Parquet goes to a binary stream.
    Raises UrbanBrainError when the question cannot be answered, WarehouseError when nothing is published.
    """
    stream: IO[Any] = sys.stdout if out is None else out
    with Session(office, is_open=is_open, bounds=Bounds(seconds, memory)) as session:
        return session.answer(Question(sql, format, limit=limit), stream)


def tables(office: str | None = None, *, is_open: bool = False, name: str = "") -> list[Described]:
    """What can be asked: tables and views, how many rows they hold, and what their contracts say of them."""
    with Session(office, is_open=is_open) as session:
        return session.described(name)
