"""The keys the standard has no word for: every entry of `customProperties` we know, and what it looks like.

One row per key in `KEYS`; `contracts/README.md` explains the same rows to people, and a test compares both.
What a value looks like is told in `shapes` and `texts`; `custom` reads the entries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from pipelines.contract.model import (
    AREA_LEVELS,
    AUDIENCES,
    CONNECTORS,
    CONSTANTS,
    COORDINATE_SYSTEMS,
    COUNTED,
    FORBIDDEN_VALUES,
    FORMATS,
    LEVELS,
    AreaReference,
    Census,
    ClockSkew,
    CoordinateSystem,
    DriftModes,
    Figure,
    Magnitude,
    OtherPlaces,
    RePull,
    TextPart,
    Unpivot,
)
from pipelines.contract.shapes import (
    Choice,
    Fields,
    Number,
    Query,
    SecretName,
    Several,
    Shape,
    Span,
    Text,
    Truth,
)
from pipelines.contract.texts import (
    CRON,
    ENCODING,
    JSON_PATH,
    LETTER,
    PATTERN,
    TABLE,
    TABLE_COLUMN,
    TEXTS,
    TIME_FORMAT,
    TIMEZONE,
    WORD,
)

Place = Literal["contract", "server", "property", "enum value"]


@dataclass(frozen=True)
class RawDrop:
    """Rows to leave out, before the names of a column have been looked up."""

    pattern: str
    reason: str
    column: str = ""
    wire: tuple[str, ...] = ()
    totals: tuple[str, ...] = ()


_FIGURE: dict[str, Shape] = {
    "counts": Choice(COUNTED),
    "measure": WORD,
    "sumOf": TEXTS,
    "totalOf": TABLE_COLUMN,
    "rowsOf": TABLE,
    "partOf": Text(),
    "upTo": Text(),
    "addsTo": Text(),
    "takesFrom": Text(),
    "tellsOf": TEXTS,
    "base": Text(),
    "placeBy": Text(),
    "withheld": Text(),
    "harmless": Text(),
    "isRevision": Truth(),
}


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
        CRON,
        "When it is pulled, in the contract's time zone.",
        feeds_only=True,
    ),
    Key("timezone", "contract", TIMEZONE, "Zone of times without one, and of a day."),
    Key("lookBack", "contract", Span(), "How far before its window a pull reaches.", feeds_only=True),
    Key(
        "rePull",
        "contract",
        Fields({"schedule": CRON, "reach": Span()}, RePull),
        "When its last days are pulled once more, and how far back.",
        feeds_only=True,
    ),
    Key(
        "census",
        "contract",
        Fields(
            {"schedule": CRON, "reach": Span(), "by": Text(), "floor": Number(0, 1, whole=False)},
            Census,
            optional=frozenset({"floor"}),
        ),
        "When it is asked for all it holds, so that what is gone shows.",
        feeds_only=True,
    ),
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
        "drift",
        "contract",
        Fields(
            {
                "newColumns": Choice(("accept", "warn", "hold", "fail")),
                "missingColumns": Choice(("accept", "warn", "hold", "fail")),
                "retypedColumns": Choice(("quarantine", "hold", "fail")),
                "reorderedColumns": Choice(("accept", "warn", "hold", "fail")),
                "newValues": Choice(("warn", "quarantine", "hold", "fail")),
                "retypedShare": Number(0.01, 1, whole=False),
            },
            DriftModes,
            optional=frozenset(
                {
                    "newColumns",
                    "missingColumns",
                    "retypedColumns",
                    "reorderedColumns",
                    "newValues",
                    "retypedShare",
                }
            ),
        ),
        "What happens when the source no longer sends what the contract says, a mode for each kind of change.",
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
        "Who gets the table: everyone, the district and each street's own office, that office alone, or engineers only.",
    ),
    Key("countsNobody", "contract", Text(), "Why no number of the table counts people or calls."),
    Key(
        "supersededBy",
        "contract",
        TABLE,
        "The table that takes the place of this one, which is deprecated.",
    ),
    Key(
        "partitionBy",
        "contract",
        Text(),
        "Column of time by whose month a release splits the table into files, once it is large.",
    ),
    Key(
        "mayBeEmpty",
        "contract",
        Choice(("always", "days_off", "never")),
        "When a pull may bring no row at all.",
        feeds_only=True,
    ),
    Key(
        "deliveryDays",
        "contract",
        Choice(("every_day", "working_days")),
        "On which days of its schedule the feed delivers.",
        feeds_only=True,
    ),
    Key(
        "mandatory",
        "contract",
        Truth(),
        "Whether its absence is a failure of its level.",
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
    Key("encoding", "server", ENCODING, "Encoding of a text file."),
    Key("secret", "server", SecretName(), "Secret that is sent as bearer token."),
    Key("records", "server", JSON_PATH, "Path to the records in a JSON or XML answer."),
    Key("total", "server", JSON_PATH, "Path to the number of records an answer promises."),
    Key("sheet", "server", Text(), "Name of the sheet in a workbook."),
    Key("headerRows", "server", Several(Number(1, 100)), "Rows that make up the header, counted from 1."),
    Key(
        "unpivot",
        "server",
        Fields({"keep": TEXTS, "name": Text(), "value": Text()}, Unpivot),
        "How a wide file becomes long.",
    ),
    Key("trailer", "server", Text(), "How a last line begins that is not a row."),
    Key("delimiter", "server", LETTER, "What separates the fields of a CSV file."),
    Key("quote", "server", LETTER, "What stands around a field of a CSV file."),
    Key("escape", "server", LETTER, "What stands before a quote inside a field."),
    Key("maxBytes", "server", Number(1, 10**12), "Largest answer that is taken."),
    Key(
        "privacy",
        "property",
        Choice(("drop", "token", "mask", "coarsen")),
        "What happens to a personal value before anything else sees it.",
    ),
    Key("descriptionZh", "property", Text(), "What the column means, in Chinese."),
    Key("decimals", "property", Number(0, 8), "Decimals that coarsen leaves."),
    Key("missingValues", "property", TEXTS, "Texts that mean nothing was given."),
    Key("withheldValues", "property", TEXTS, "Texts that mean the caller asked for secrecy."),
    Key(
        "tokenOverlap",
        "property",
        Span(),
        "The column holds last year's token of the same text, this long into a new year.",
    ),
    Key("formats", "property", Several(TIME_FORMAT), "How dates and times are written."),
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
    Key(
        "figure",
        "property",
        Fields(_FIGURE, Figure, optional=frozenset(_FIGURE)),
        "What a number of an open table tells of people or calls, so that small counts are not shown.",
    ),
    Key("constant", "property", Choice(CONSTANTS), "The value comes from the pull, not from the source."),
    Key("wire", "enum value", Several(Text(), or_one=True), "More texts that mean this value."),
)
