"""Kinds of text that stand in contracts, and what is wrong with one that is of another kind."""

from __future__ import annotations

import codecs
import functools
import re
import zoneinfo

from pipelines.contract import syntax
from pipelines.contract.problems import did_you_mean, expected_one_of, shown
from pipelines.contract.shapes import Several, Text


def _word(text: str) -> str:
    if re.fullmatch(r"[a-z][a-z_]*", text):
        return ""
    return f"is {shown(text)}, expected a word of small letters and _"


def _table(text: str) -> str:
    if re.fullmatch(r"[a-z]+\.[a-z][a-z0-9_]*", text):
        return ""
    return f"is {shown(text)}, expected a table such as governance.cases"


def _table_column(text: str) -> str:
    if re.fullmatch(r"[a-z]+\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", text):
        return ""
    return f"is {shown(text)}, expected a column such as governance.totals.received_count"


def _one_letter(text: str) -> str:
    return "" if len(text) == 1 else f"is {shown(text)}, expected a single character"


def _encoding(text: str) -> str:
    try:
        known = codecs.lookup(text)
    except (LookupError, ValueError):
        known = None
    if known is not None and getattr(known, "_is_text_encoding", True):
        return ""
    usual = ("utf-8", "gb18030", "gbk", "big5", "utf-16", "latin-1")
    return f"is {shown(text)}, {expected_one_of(text, usual)}"


@functools.cache
def _timezone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return (
            f"is {shown(text)}, expected a time zone such as Asia/Shanghai"
            f"{did_you_mean(text, zoneinfo.available_timezones())}"
        )
    return ""


def _cron(text: str) -> str:
    objection = syntax.wrong_cron(text)
    return f"is {shown(text)}, but {objection}" if objection else ""


def _pattern(text: str) -> str:
    objection = syntax.wrong_pattern(text)
    return f"is {shown(text)}, but {objection}" if objection else ""


def _strptime(text: str) -> str:
    objection = syntax.wrong_strftime(text)
    return f"is {shown(text)}, but {objection}" if objection else ""


def _json_path(text: str) -> str:
    if syntax.JSON_PATH.fullmatch(text):
        return ""
    return f"is {shown(text)}, expected a path such as data.list or value.coordinates[0]"


TEXTS = Several(Text())
WORD = Text("a word of small letters and _", _word)
PATTERN = Text("a regular expression", _pattern)
CRON = Text("a cron line", _cron)
TABLE_COLUMN = Text("a column of a table such as governance.totals.received_count", _table_column)
TABLE = Text("a table such as governance.cases", _table)
TIMEZONE = Text("a time zone", _timezone)
ENCODING = Text("an encoding", _encoding)
JSON_PATH = Text("a path", _json_path)
LETTER = Text("a character", _one_letter)
TIME_FORMAT = Text("a format", _strptime)
