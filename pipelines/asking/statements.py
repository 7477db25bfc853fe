"""Where one statement ends and the next begins, and whether one only reads.

Whether it reads is decided by DuckDB's own lexer and parser: a second reading of SQL would differ from the first
somewhere, and that is where a statement that writes would hide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.errors import UrbanBrainError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONGEST = 1_000_000
_OPAQUE = re.compile(
    r"""--[^\n]* | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) """
    r"""| \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z) | /\* | [;；]""",
    re.VERBOSE | re.DOTALL,
)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_COMMENT = re.compile(r"/\*|\*/")
_FULL_WIDTH = re.compile("[！-～‘’“”、。]")
"""What a Chinese keyboard writes for a sign of SQL. The full-width blank is none of them: DuckDB takes it for a blank."""


def split(text: str) -> tuple[list[str], str]:
    """Whole statements, each ended by `;` or `；`, and what is left after the last; for people who write several.

    Only says where a person meant a statement to end: each is judged by `only_reads` on its own.
    """
    statements, start, at = [], 0, 0
    while found := _OPAQUE.search(text, at):
        at = found.end()
        if found[0] == "/*":
            at = _end_of_comment(text, at)
        elif found[0] in ";；":
            statements.append(f"{text[start : found.start()]};".strip())
            start = at
    return [each for each in statements if each != ";"], text[start:].strip()


def several(text: str) -> list[str]:
    """Statements of a file, the last with or without `;`. Raises UrbanBrainError when there is none."""
    statements, rest = split(text)
    statements += [rest] if _COMMENTS.sub("", rest).strip() else []
    if not statements:
        raise UrbanBrainError(
            "there is no question 没有查询语句", next_step='write one, such as "show all tables"'
        )
    return statements


def full_width(sql: str) -> str:
    """Full-width signs of a question, each once, as they stand; those in texts, quoted names and comments are meant."""
    plain, at = [], 0
    while found := _OPAQUE.search(sql, at):
        plain.append(sql[at : found.start()])
        at = _end_of_comment(sql, found.end()) if found[0] == "/*" else found.end()
        plain.append(found[0] if found[0] == "；" else " ")
    plain.append(sql[at:])
    return "".join(dict.fromkeys(_FULL_WIDTH.findall("".join(plain))))


def _end_of_comment(text: str, at: int) -> int:
    depth = 1
    for found in _COMMENT.finditer(text, at):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return found.end()
    return len(text)


def only_reads(connection: DuckDBPyConnection, sql: str) -> bool:
    """Whether the statement is an `explain`. Raises UrbanBrainError unless it is one statement, and one that reads."""
    if len(sql) > LONGEST:
        raise UrbanBrainError(
            f"the question has {len(sql):,} characters, at most {LONGEST:,} are read",
            next_step="ask with `in (select …)` instead of a long list",
        )
    if "\0" in sql:
        raise UrbanBrainError("the question holds a character that is none (NUL)", next_step="write it anew")
    statements = connection.extract_statements(sql)
    if not statements:
        raise UrbanBrainError("there is no question", next_step='write one, such as "show all tables"')
    if len(statements) > 1:
        pivot = any(word in sql.lower() for word in ("pivot", "unpivot"))
        raise UrbanBrainError(
            f"these are {len(statements)} statements, expected one question",
            next_step="name the values to pivot on with `in (…)`" if pivot else "ask one after the other",
        )
    kind = statements[0].type.name
    if kind == "EXPLAIN":
        # `explain analyze copy …` would run the copy: what is explained must be a question itself.
        only_reads(connection, explained(connection, sql))
        return True
    if kind != "SELECT":
        raise UrbanBrainError(
            f"a question only reads, and this is a statement of kind {kind.replace('_', ' ')}",
            next_step="use select, from, describe, show, summarize or explain",
        )
    return False


def explained(connection: DuckDBPyConnection, sql: str) -> str:
    """What an `explain` statement explains: without `analyze`, without options in parentheses."""
    import duckdb

    text = sql.encode()
    tokens = [offset for offset, _ in duckdb.tokenize(sql)]  # in bytes; comments are none
    ends = [*tokens[1:], len(text)]
    words = [_word(text[start:end]) for start, end in zip(tokens, ends, strict=True)]
    if not words or words[0] != "explain":
        raise UrbanBrainError("this explain cannot be read", next_step="begin with `explain select …`")
    at = 1
    while at < len(words) and words[at] in ("analyze", "analyse", "verbose"):
        at += 1
    plain = _from(text, tokens, at)
    if at < len(words) and words[at] == "(" and not _is_read(connection, plain):
        depth = 0
        for place in range(at, len(words)):
            depth += {"(": 1, ")": -1}.get(words[place], 0)
            if not depth:
                return _from(text, tokens, place + 1)
    return plain


def _word(text: bytes) -> str:
    found = re.match(rb"\w+|.", text, re.DOTALL)
    return found[0].decode(errors="replace").lower() if found else ""


def _from(text: bytes, tokens: list[int], at: int) -> str:
    return text[tokens[at] :].decode() if at < len(tokens) else ""


def _is_read(connection: DuckDBPyConnection, sql: str) -> bool:
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error:
        return False
    return [each.type.name for each in statements] == ["SELECT"]
