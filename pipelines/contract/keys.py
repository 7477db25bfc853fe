"""The keys the standard has no word for: every entry of `customProperties` we know, and what it looks like.

One row per key in `KEYS`; `contracts/README.md` explains the same rows to people, and a test compares both.
A shape turns a value into what `model` holds, or says what is wrong with it.
"""

from __future__ import annotations

import codecs
import functools
import math
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol

from pipelines.contract import syntax
from pipelines.contract.model import (
    AREA_LEVELS,
    AUDIENCES,
    CONNECTORS,
    CONSTANTS,
    COORDINATE_SYSTEMS,
    FORBIDDEN_VALUES,
    FORMATS,
    LEVELS,
    AreaReference,
    ClockSkew,
    CoordinateSystem,
    Magnitude,
    OtherPlaces,
    TextPart,
    Unpivot,
)
from pipelines.contract.places import Say
from pipelines.contract.problems import did_you_mean, expected_one_of, shown

Place = Literal["contract", "server", "property", "enum value"]


class Shape(Protocol):
    """What a value should look like. `read` returns None after saying what is wrong."""

    def read(self, value: Any, say: Say) -> Any: ...


@dataclass(frozen=True)
class Text:
    """Text that is not empty; `wrong` may object to it in words."""

    noun: str = "text"
    wrong: Callable[[str], str] | None = None

    def read(self, value: Any, say: Say) -> str | None:
        if not isinstance(value, str) or not value:
            say((), f"is {shown(value)}, expected {self.noun}{_quote_it(value)}")
            return None
        objection = self.wrong(value) if self.wrong else ""
        if objection:
            say((), objection)
            return None
        return value


@dataclass(frozen=True)
class SecretName:
    """The name of a secret. What was given is not repeated: it might be the secret itself."""

    def read(self, value: Any, say: Say) -> str | None:
        if isinstance(value, str) and re.fullmatch(r"[a-z][a-z_]*", value):
            return value
        say((), "is not a name of small letters and _; a contract names a secret and never holds one")
        return None


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    choices: tuple[str, ...]

    def read(self, value: Any, say: Say) -> str | None:
        if value in self.choices:
            return str(value)
        say((), f"is {shown(value)}, {expected_one_of(value, self.choices)}")
        return None


@dataclass(frozen=True)
class Truth:
    """Yes or no."""

    def read(self, value: Any, say: Say) -> bool | None:
        if isinstance(value, bool):
            return value
        say((), f"is {shown(value)}, expected true or false")
        return None


@dataclass(frozen=True)
class Number:
    """A number within bounds; whole when `whole`."""

    low: float
    high: float
    whole: bool = True

    def read(self, value: Any, say: Say) -> Any:
        kinds = int if self.whole else (int, float)
        if not isinstance(value, bool) and isinstance(value, kinds) and self.low <= value <= self.high:
            return value
        noun = "a whole number" if self.whole else "a number"
        upper = "" if math.isinf(self.high) else f" to {self.high:g}"
        say((), f"is {shown(value)}, expected {noun} from {self.low:g}{upper}")
        return None


@dataclass(frozen=True)
class Several:
    """A list of one or more, without repetition; a single one may stand without a list where `or_one`."""

    of: Shape
    or_one: bool = False

    def read(self, value: Any, say: Say) -> tuple[Any, ...] | None:
        if self.or_one and not isinstance(value, list):
            one = self.of.read(value, say)
            return None if one is None else (one,)
        if not isinstance(value, list) or not value:
            say((), f"is {'an empty list' if value == [] else shown(value)}, expected a list of one or more")
            return None
        found = []
        for index, item in enumerate(value):
            read = self.of.read(item, lambda path, text, index=index: say((index, *path), text))  # type: ignore[misc]
            if read is not None and read in found:
                say((index,), f"repeats {shown(item)}")
            found.append(read)
        return None if None in found else tuple(found)


@dataclass(frozen=True)
class Fields:
    """A mapping with known keys, made into a value by `make`."""

    fields: dict[str, Shape]
    make: Callable[..., Any]
    optional: frozenset[str] = frozenset()

    def read(self, value: Any, say: Say) -> Any:
        if not isinstance(value, dict):
            say((), f"is {shown(value)}, expected a mapping with {', '.join(self.fields)}")
            return None
        good = True
        for key in value:
            if key not in self.fields:
                say((key,), f"has unknown key {key!r}{did_you_mean(key, self.fields)}")
                good = False
        read: dict[str, Any] = {}
        for key, shape in self.fields.items():
            if key in value:
                text = f"has key {key!r} that "
                read[snake(key)] = shape.read(
                    value[key],
                    lambda path, message, key=key, text=text: say((key, *path), text + message),  # type: ignore[misc]
                )
                good = good and read[snake(key)] is not None
            elif key not in self.optional:
                say((), f"lacks {key!r}")
                good = False
        return self.make(**read) if good else None


@dataclass(frozen=True)
class Query:
    """Parameters of a request: names, and values that are text, numbers or truths."""

    def read(self, value: Any, say: Say) -> dict[str, str] | None:
        if not isinstance(value, dict) or not value:
            say((), f"is {shown(value)}, expected a mapping of parameters")
            return None
        found: dict[str, str] = {}
        for name, given in value.items():
            match given:
                case bool():
                    found[name] = str(given).lower()
                case str() | int() | float():
                    found[name] = str(given)
                    for objection in (
                        syntax.secret_in_parameter(name),
                        *syntax.wrong_placeholders(str(given)),
                    ):
                        if objection:
                            say((name,), f"has parameter {name!r}, which {objection}")
                case _:
                    say((name,), f"has parameter {name!r} that is {shown(given)}, expected text or a number")
        return found


@dataclass(frozen=True)
class Span:
    """A span of time such as `72h`."""

    def read(self, value: Any, say: Say) -> timedelta | None:
        span = syntax.duration(value) if isinstance(value, str) else None
        if span is None:
            say((), f"is {shown(value)}, expected a duration such as 30m, 72h or 14d")
        return span


@dataclass(frozen=True)
class RawDrop:
    """Rows to leave out, before the names of a column have been looked up."""

    pattern: str
    reason: str
    column: str = ""
    wire: tuple[str, ...] = ()
    totals: tuple[str, ...] = ()


def _quote_it(value: Any) -> str:
    return "; write it in quotes" if isinstance(value, bool | int | float) else ""


def _word(text: str) -> str:
    if re.fullmatch(r"[a-z][a-z_]*", text):
        return ""
    return f"is {shown(text)}, expected a word of small letters and _"


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


@dataclass(frozen=True)
class Key:
    """One custom property: where it may stand, what it looks like, and what it means."""

    name: str
    place: Place
    shape: Shape
    meaning: str
    feeds_only: bool = field(default=False, kw_only=True)


KEYS: tuple[Key, ...] = (
    Key("level", "contract", Choice(LEVELS), "Who publishes the data; equal to the folder."),
    Key(
        "schedule",
        "contract",
        Text("a cron line", _cron),
        "When it is pulled, in the contract's time zone.",
        feeds_only=True,
    ),
    Key("timezone", "contract", Text("a time zone", _timezone), "Zone of times without one, and of a day."),
    Key("lookBack", "contract", Span(), "How far before its window a pull reaches.", feeds_only=True),
    Key(
        "delivery",
        "contract",
        Choice(("incremental", "snapshot")),
        "Whether a pull brings what changed or everything.",
        feeds_only=True,
    ),
    Key("versionColumns", "contract", TEXTS, "Columns that tell which of two versions of a row is newer."),
    Key(
        "keepVersions",
        "contract",
        Truth(),
        "Whether every version of a row is kept, beside the newest.",
        feeds_only=True,
    ),
    Key(
        "snapshotFloor",
        "contract",
        Number(0, 1, whole=False),
        "Share of the snapshot before that a snapshot must bring to be believed about what is gone.",
        feeds_only=True,
    ),
    Key(
        "rejectLimit", "contract", Number(0, 1, whole=False), "Share of bad rows above which a batch is held."
    ),
    Key(
        "unknownColumns",
        "contract",
        Choice(("warn", "drop")),
        "What happens to columns the contract does not name.",
        feeds_only=True,
    ),
    Key(
        "forbiddenColumns", "contract", TEXTS, "Parts of column names that refuse the batch.", feeds_only=True
    ),
    Key(
        "forbiddenValues",
        "contract",
        Several(Choice(FORBIDDEN_VALUES)),
        "Kinds of value that refuse the batch.",
        feeds_only=True,
    ),
    Key(
        "dropRows",
        "contract",
        Several(
            Fields(
                {
                    "column": Text(),
                    "wire": Several(Text(), or_one=True),
                    "pattern": PATTERN,
                    "reason": WORD,
                    "totals": TEXTS,
                },
                RawDrop,
                optional=frozenset({"column", "wire", "totals"}),
            )
        ),
        "Rows that are not wanted, such as subtotals; they count as refused.",
        feeds_only=True,
    ),
    Key(
        "crs",
        "contract",
        Fields(
            {
                "lon": Text(),
                "lat": Text(),
                "system": Choice(COORDINATE_SYSTEMS),
                "insideShare": Number(0, 1, whole=False),
                "centroidRows": Number(2, 10**9),
            },
            CoordinateSystem,
            optional=frozenset({"insideShare", "centroidRows"}),
        ),
        "The columns of a point and the coordinate system the source means; stored is WGS-84.",
        feeds_only=True,
    ),
    Key(
        "audience",
        "contract",
        Choice(AUDIENCES),
        "Who gets the table: everyone, or each street's own office alone.",
    ),
    Key(
        "mayBeEmpty",
        "contract",
        Choice(("always", "days_off", "never")),
        "When a pull may bring no row at all.",
        feeds_only=True,
    ),
    Key(
        "outline",
        "contract",
        Text(),
        "The column that holds a polygon as GeoJSON, in WGS-84.",
        feeds_only=True,
    ),
    Key(
        "callerSecret",
        "contract",
        SecretName(),
        "Secret that makes tokens of telephone numbers.",
        feeds_only=True,
    ),
    Key("landingSecret", "contract", SecretName(), "Secret that encrypts what lands.", feeds_only=True),
    Key("connector", "server", Choice(CONNECTORS), "How the source talks."),
    Key("query", "server", Query(), "Parameters of each request."),
    Key("pageSize", "server", Number(1, 100_000), "Rows asked for at once."),
    Key("format", "server", Choice(FORMATS), "How the answer is written."),
    Key("encoding", "server", Text("an encoding", _encoding), "Encoding of a text file."),
    Key("secret", "server", SecretName(), "Secret that is sent as bearer token."),
    Key("records", "server", Text("a path", _json_path), "Path to the records in a JSON or XML answer."),
    Key("total", "server", Text("a path", _json_path), "Path to the number of records an answer promises."),
    Key("sheet", "server", Text(), "Name of the sheet in a workbook."),
    Key("headerRows", "server", Several(Number(1, 100)), "Rows that make up the header, counted from 1."),
    Key(
        "unpivot",
        "server",
        Fields({"keep": TEXTS, "name": Text(), "value": Text()}, Unpivot),
        "How a wide file becomes long.",
    ),
    Key("trailer", "server", Text(), "How a last line begins that is not a row."),
    Key("delimiter", "server", Text("a character", _one_letter), "What separates the fields of a CSV file."),
    Key("quote", "server", Text("a character", _one_letter), "What stands around a field of a CSV file."),
    Key("escape", "server", Text("a character", _one_letter), "What stands before a quote inside a field."),
    Key("maxBytes", "server", Number(1, 10**12), "Largest answer that is taken."),
    Key(
        "privacy",
        "property",
        Choice(("drop", "token", "mask", "coarsen")),
        "What happens to a personal value before anything else sees it.",
    ),
    Key("decimals", "property", Number(0, 8), "Decimals that coarsen leaves."),
    Key("missingValues", "property", TEXTS, "Texts that mean nothing was given."),
    Key("withheldValues", "property", TEXTS, "Texts that mean the caller asked for secrecy."),
    Key(
        "tokenOverlap",
        "property",
        Span(),
        "The column holds last year's token of the same text, this long into a new year.",
    ),
    Key("formats", "property", Several(Text("a format", _strptime)), "How dates and times are written."),
    Key(
        "normalise",
        "property",
        Choice(("code", "digits", "name")),
        "How a value is tidied: a code loses gaps and wide letters.",
    ),
    Key("testPattern", "property", PATTERN, "How a value looks that only test records have."),
    Key(
        "clockSkew",
        "property",
        Several(
            Fields(
                {"notBefore": Text(), "notAfter": Choice(("pull",)), "within": Span()},
                ClockSkew,
                optional=frozenset({"notBefore", "notAfter"}),
            ),
            or_one=True,
        ),
        "By how much a time may be before another column's, or after the pull, to be set right.",
    ),
    Key(
        "nightShare",
        "property",
        Number(0, 1, whole=False),
        "Share of times between midnight and six above which a batch is warned of.",
    ),
    Key(
        "magnitude",
        "property",
        Fields(
            {
                "low": Number(-math.inf, math.inf, whole=False),
                "high": Number(-math.inf, math.inf, whole=False),
            },
            Magnitude,
        ),
        "Between which values the median of a batch lies.",
    ),
    Key(
        "part",
        "property",
        Fields({"index": Number(1, 100), "separators": TEXTS}, TextPart),
        "Which piece of a value is meant, when one value holds several columns.",
    ),
    Key("join", "property", TEXTS, "Columns of the source whose texts are joined by a blank."),
    Key("separators", "property", TEXTS, "What separates the entries of a list in one text."),
    Key("fillDown", "property", TEXTS, "Texts that mean the value of the row above."),
    Key(
        "area",
        "property",
        Fields(
            {
                "level": Choice(AREA_LEVELS),
                "asOf": Text(),
                "via": Fields(
                    {"community": Text(), "lon": Text(), "lat": Text(), "address": Text()},
                    OtherPlaces,
                    optional=frozenset({"community", "lon", "lat", "address"}),
                ),
                "use": WORD,
            },
            AreaReference,
            optional=frozenset({"via", "use"}),
        ),
        "The column names an area, as it lived on the day of another column.",
    ),
    Key("constant", "property", Choice(CONSTANTS), "The value comes from the pull, not from the source."),
    Key("wire", "enum value", Several(Text(), or_one=True), "More texts that mean this value."),
)


def keys_at(place: Place) -> dict[str, Key]:
    """The keys that may stand at a place, by name."""
    return {key.name: key for key in KEYS if key.place == place}


@functools.cache
def snake(name: str) -> str:
    """`lookBack` as `look_back`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


_BY_PLACE: dict[Place, dict[str, Key]] = {
    place: keys_at(place) for place in ("contract", "server", "property", "enum value")
}


def read_custom(entries: Any, place: Place, say: Say) -> dict[str, Any]:
    """The values of a `customProperties` list, by their names in `model`.

    Faulty entries are said with their path inside the list and left out. Shape faults of the list itself are
    the standard's business.
    """
    known = _BY_PLACE[place]
    values: dict[str, Any] = {}
    seen: set[str] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("property") if isinstance(entry, dict) else None
        if not isinstance(name, str) or "value" not in entry:
            continue
        if name not in known:
            elsewhere = sorted({key.place for key in KEYS if key.name == name})
            hint = f" here; it belongs to a {elsewhere[0]}" if elsewhere else did_you_mean(name, known)
            say((index, "property"), f"is unknown{hint}")
            continue
        if name in seen:
            say((index, "property"), "is given twice")
            continue
        seen.add(name)
        value = known[name].shape.read(
            entry["value"],
            lambda path, text, index=index: say((index, "value", *path), text),  # type: ignore[misc]
        )
        if value is not None:
            values[snake(name)] = value
    return values
