"""The small languages inside a contract: cron lines, durations, patterns, placeholders, SQL conditions.

Each function looks at one text and returns what is wrong with it in words, or "" when nothing is.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator
from datetime import timedelta

from pipelines.contract.problems import did_you_mean, shown

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
JSON_PATH = re.compile(r"[^.\[\]]+(\[\d+\])*(\.[^.\[\]]+(\[\d+\])*)*")

# Words DuckDB does not take as a bare name; a test compares them with DuckDB's own list.
_RESERVED = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    default deferrable desc describe distinct do else end except false fetch for foreign from group having in
    initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer
    pivot_wider placing primary qualify references returning select show some summarize symmetric table then
    to trailing true union unique unpivot using variadic when where window with
    """
RESERVED = frozenset(_RESERVED.split())


def wrong_name(name: str) -> str:
    """A table or column name that works unquoted in SQL, in file names and in Python."""
    if not NAME.fullmatch(name):
        return f"is {shown(name)}, expected small letters, digits and _, starting with a letter"
    if name in RESERVED:
        return f"is {name!r}, a word SQL keeps for itself"
    return ""


_DURATION = re.compile(r"([1-9]\d{0,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta | None:
    """The span `60s`, `30m`, `72h` or `14d` means, or None."""
    match = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


_SLA_UNITS = {
    **dict.fromkeys(("min", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hr", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("y", "yr", "year", "years"), timedelta(days=365)),
}
SLA_UNITS = tuple(_SLA_UNITS)


def sla_span(value: float, unit: str) -> timedelta | None:
    """The span of a service level, such as 2 h; None for a unit nobody knows or a span without end."""
    try:
        return _SLA_UNITS[unit] * value
    except (KeyError, OverflowError):
        return None


_CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_WEEKDAYS = "sun mon tue wed thu fri sat"
_CRON_WORDS = {
    "month": {word: i for i, word in enumerate(_MONTHS.split(), start=1)},
    "weekday": {word: i for i, word in enumerate(_WEEKDAYS.split())},
}
_CRON_ITEM = re.compile(r"(?:(\*)|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:/(\d+))?")
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


@functools.cache
def wrong_cron(text: str) -> str:
    """Five fields, as cron reads them; no seconds, no `@daily`."""
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        return f"it has {len(fields)} fields, expected 5: minute hour day month weekday"
    times: dict[str, set[int]] = {}
    for given, (name, low, high) in zip(fields, _CRON_FIELDS, strict=True):
        times[name] = set()
        for item in given.lower().split(","):
            match = _CRON_ITEM.fullmatch(item)
            if not match:
                return f"its {name} {given!r} cannot be read"
            first = low if match[1] else _cron_number(match[2], name)
            # `5/15` means from 5 on, `5` only 5.
            last = (
                high if match[1] or (match[4] and not match[3]) else _cron_number(match[3] or match[2], name)
            )
            step = int(match[4] or 1)
            if first is None or last is None:
                return f"its {name} {given!r} cannot be read"
            if not low <= first <= last <= high or step < 1:
                return f"its {name} {given!r} lies outside {low}-{high} or runs backwards"
            times[name].update(range(first, last + 1, step))
    if fields[4] == "*" and min(times["day"]) > max(_LONGEST.get(month, 31) for month in times["month"]):
        return "no month it names has such a day"
    return ""


def _cron_number(text: str, name: str) -> int | None:
    if text.isdecimal():
        return int(text)
    return _CRON_WORDS.get(name, {}).get(text)


_GROUP = re.compile(r"\(\?(?:P<[A-Za-z_]\w*>|[ims]+\)|[ims]*(?:-[ims]+)?:)")
_REPEAT = re.compile(r"\{(\d*)(,(\d*))?\}")
_ESCAPES = frozenset("dDwWsSbBAnrtfvx") | frozenset("\\.+*?()|[]{}^$/-\"'#&~%:;,@!=<> _`")
_LONGEST_REPEAT = 1000


@functools.cache
def wrong_pattern(pattern: str) -> str:
    """A regular expression that Python, RE2 (DuckDB) and JSON Schema readers all take the same way."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"it is not a regular expression: {getattr(error, 'msg', None) or error}"
    except Warning as error:
        return f"it means different things to different programs: {error}"
    return next(_not_in_re2(pattern), "")


def _not_in_re2(pattern: str) -> Iterator[str]:
    in_class, place, quantified = False, 0, False
    while place < len(pattern):
        letter, rest = pattern[place], pattern[place:]
        was_quantified, quantified = quantified, False
        if letter == "\\":
            escaped = pattern[place + 1]
            if escaped.isdigit():
                yield f"back-references (\\{escaped}) are not available in DuckDB's RE2"
            elif escaped not in _ESCAPES:
                yield f"\\{escaped} is not available in DuckDB's RE2"
            place += 2
            continue
        if in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
            # A bracket right after the opening one (or its ^) is an ordinary letter.
            place += 2 if rest[1:2] == "]" else 3 if rest[1:3] == "^]" else 0
        elif rest.startswith("(?") and not _GROUP.match(rest):
            yield f"{rest[:3]} (look-around and the like) is not available in DuckDB's RE2"
        elif letter in "*+?":
            if letter == "+" and was_quantified:
                yield "possessive repetition is not available in DuckDB's RE2"
            quantified = not was_quantified
        elif letter == "{" and (repeat := _REPEAT.match(rest)):
            if max(int(repeat[1] or 0), int(repeat[3] or 0)) > _LONGEST_REPEAT:
                yield f"RE2 repeats at most {_LONGEST_REPEAT} times"
            quantified = True
            place += repeat.end() - 1
        place += 1


_DIRECTIVES = frozenset("aAbBdHIjmMpSfyYzZeTDFRs%-uwWUVG")


EPOCHS = ("epoch_s", "epoch_ms")


def wrong_strftime(text: str) -> str:
    """A format such as `%Y-%m-%d %H:%M`, or a count of seconds or milliseconds since 1970."""
    if text in EPOCHS:
        return ""
    used = re.findall(r"%(.?)", text)
    if not used:
        return "it has no part such as %Y"
    for directive in used:
        if directive not in _DIRECTIVES or not directive:
            return f"%{directive} is not a part of a date or time"
    return ""


_DOLLAR = re.compile(r"\$\{([^{}]*)\}")
_FROM_ENVIRONMENT = re.compile(r"[A-Z][A-Z0-9_]*(:-.*)?")
_FROM_WINDOW = re.compile(r"\{([A-Za-z_]\w*)(?::([^{}]*))?\}")


def wrong_placeholders(text: str, only: bool = False) -> Iterator[str]:
    """What is wrong with `${NAME:-default}` and `{start:%Y%m%d}` in a text.

    `only` says that no other braces are expected, as in an address; a query may hold JSON, and `{last:field}`,
    from which the next page goes on.
    """
    for match in _DOLLAR.finditer(text):
        if not _FROM_ENVIRONMENT.fullmatch(match[1]):
            yield f"has placeholder ${{{_clipped(match[1])}}}, expected ${{NAME}} or ${{NAME:-default}}"
    text = _DOLLAR.sub("", text)
    if "${" in text:
        yield "has a ${ that is never closed"
        text = text.replace("${", "")
    for match in _FROM_WINDOW.finditer(text):
        if match[1] == "last" and not only:
            if not JSON_PATH.fullmatch(match[2] or ""):
                yield f"has placeholder {_clipped(match[0])}, expected the path of a field, such as {{last:id}}"
        elif match[1] not in ("start", "end"):
            hint = did_you_mean(match[1], ("start", "end"))
            yield f"has placeholder {{{match[1]}}}, expected start or end{hint}"
        elif match[2] is None:
            yield f"has placeholder {{{match[1]}}} without a format, such as {{{match[1]}:%Y-%m-%d}}"
        elif objection := wrong_strftime(match[2]):
            yield f"has placeholder {match[0]}, but {objection}"
    rest = _FROM_WINDOW.sub("", text)
    if re.search(r"\{\s*(start|end|last)\b", rest) or (only and re.search(r"[{}]", rest)):
        yield "has braces that are no placeholder such as {start:%Y%m%d}"


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


_SECRET_NAME = re.compile(
    r"(?i)(^|[_\-.])(pass(word|wd)?|pwd|secret|token|api[_-]?key|app[_-]?key|app[_-]?secret|access[_-]?key|auth"
    r"|credentials?|signature)$|(token|password|secret|apikey|appkey)$"
)
_SECRET_IN_ADDRESS = re.compile(r"[?&;]([^=&?;]+)=|//[^/@\s]*:[^/@\s]*@")


def secret_in_parameter(name: str) -> str:
    """Why a request parameter of that name must not stand in a contract."""
    if _SECRET_NAME.search(name):
        return "looks like a secret; a contract names secrets (custom property 'secret') and never holds one"
    return ""


def wrong_address(text: str) -> Iterator[str]:
    """What is wrong with a server's location. Never repeats a secret it finds."""
    yield from wrong_placeholders(text, only=True)
    plain = _DOLLAR.sub(lambda match: match[1].partition(":-")[2], text)
    for match in _SECRET_IN_ADDRESS.finditer(plain):
        if match[1] is None:
            yield "holds a user and password; a contract names secrets (custom property 'secret')"
        elif objection := secret_in_parameter(match[1]):
            yield f"has parameter {match[1]!r}, which {objection}"
    if not re.match(r"https?://[^\s/]|\$\{", text):
        yield "does not begin with http://, https:// or ${NAME}"
    elif re.search(r"\s", _FROM_WINDOW.sub("", text)):
        yield "holds a blank"


_COUNT_QUERY = re.compile(
    r"(?is)\s*select\s+count\s*\(\s*\*\s*\)\s+from\s+\{object\}\s+where\s+(.*?)\s*;?\s*"
)
_SQL_TOKEN = re.compile(
    r"""(?isx)
    (?P<text>'(?:[^']|'')*') | (?P<name>"(?:[^"]|"")*") | (?P<comment>--|/\*)
    | (?P<open>[(\[]) | (?P<close>[)\]]) | (?P<stray>['"])
    | (?P<brace>[{}]) | (?P<end>;) | (?P<word>[a-z_]\w*) | (?P<other>.)
    """
)
_AFTER_WHERE = frozenset(
    {"group", "having", "order", "limit", "offset", "union", "intersect", "except", "qualify"}
)


def condition_of(query: str) -> str:
    """The condition after `where` in `select count(*) from {object} where …`, or ""."""
    match = _COUNT_QUERY.fullmatch(query)
    return match[1].strip() if match else ""


def wrong_condition(condition: str) -> str:
    """What keeps a condition from standing alone in brackets. The database judges the rest."""
    depth = 0
    for match in _SQL_TOKEN.finditer(condition):
        kind, text = match.lastgroup or "", match[0]
        depth += {"open": 1, "close": -1}.get(kind, 0)
        if depth < 0:
            return f"a bracket {text} closes what was never opened"
        if kind in _NOT_IN_CONDITION:
            return _NOT_IN_CONDITION[kind]
        if kind == "word" and depth == 0 and text.lower() in _AFTER_WHERE:
            return f"{text!r} is about many rows, and this rule judges one row at a time"
    return "a bracket is never closed" if depth else ""


_NOT_IN_CONDITION = {
    "comment": "comments are not allowed in it",
    "stray": "a quote is never closed",
    "brace": "braces other than {object} are not allowed in it",
    "end": "it holds more than one statement (;)",
}
