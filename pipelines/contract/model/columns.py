"""What a contract says of one column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pipelines.contract.model.words import Privacy


@dataclass(frozen=True)
class EnumValue:
    """One allowed value: as stored, as people read it, and as it may come over the wire."""

    value: str
    label: str
    wire: tuple[str, ...]


@dataclass(frozen=True)
class OtherPlaces:
    """Columns that tell where a row lies when its area column does not: a community, a point, an address."""

    community: str = ""
    lon: str = ""
    lat: str = ""
    address: str = ""


@dataclass(frozen=True)
class AreaReference:
    """A column that names an area: its level and the column whose day decides which areas lived.

    `use` names the row of `ref.area_uses` that says from which of its days an area counts.
    """

    level: str
    as_of: str
    via: OtherPlaces = OtherPlaces()
    use: str = "attribution"


@dataclass(frozen=True)
class TextPart:
    """The n-th piece (from 1) of a wire value split at any of the separators."""

    index: int
    separators: tuple[str, ...]


@dataclass(frozen=True)
class ClockSkew:
    """A time that clocks going apart may set a little wrong: it is no earlier than column `not_before`, or no
    later than the pull (`not_after` is "pull"); up to `within` beyond, it becomes that time.
    """

    within: timedelta
    not_before: str = ""
    not_after: str = ""


@dataclass(frozen=True)
class Magnitude:
    """Between which values the median of a column lies in every batch, whatever the unit it is said to be in."""

    low: float
    high: float


@dataclass(frozen=True)
class Figure:
    """What a number tells of people or calls, so that a table anybody may read tells of no handful of them.

    It counts them (`counts`), or it is made of columns that do (`tells_of`, `place_by`), or it never leaves for anybody
    (`withheld`), or it tells nothing of them (`harmless`); the last two say why. `is_revision` is the key column that
    tells revisions of one figure apart.
    """

    counts: Literal["", "calls", "people"] = ""
    measure: str = ""
    """Figures of one measure about one thing are hidden together, in every table, column and revision."""
    sum_of: tuple[str, ...] = ()
    """Columns of the same row that add up to it."""
    total_of: str = ""
    """Table and column it is the sum of, over the rows that agree in the key columns both tables have."""
    rows_of: str = ""
    """Closed table whose rows it counts, all together: how many those are is taken for known."""
    part_of: str = ""
    """Column of the same row it is a part of; the rest counts people or calls as well."""
    up_to: str = ""
    """Column of the same row it cannot pass; the rest tells of nobody."""
    adds_to: str = ""
    """Column of the same row that is greater by it than in the revision before."""
    takes_from: str = ""
    """Column of the same row that is smaller by it than in the revision before."""
    tells_of: tuple[str, ...] = ()
    base: str = ""
    """Column a rate is a share of; a rate of fewer than ten is not shown."""
    place_by: str = ""
    """Column whose order among the streets it tells."""
    withheld: str = ""
    harmless: str = ""
    is_revision: bool = False


@dataclass(frozen=True)
class Column:
    """One column: what it means, how it arrives, what is allowed in it.

    `type` is the DuckDB type it is stored as. `wire` lists the names it may arrive under; one with a dot or
    a bracket is a path into a JSON record.
    """

    name: str
    business_name: str
    description: str
    logical_type: str
    type: str
    wire: tuple[str, ...]
    required: bool = False
    unique: bool = False
    is_key: bool = False
    enum: tuple[EnumValue, ...] = ()
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    classification: str = ""
    privacy: Privacy = ""
    decimals: int = 3
    missing_values: tuple[str, ...] = ()
    withheld_values: tuple[str, ...] = ()
    token_overlap: timedelta | None = None
    formats: tuple[str, ...] = ()
    normalise: Literal["", "code", "digits", "name"] = ""
    test_pattern: str = ""
    clock_skew: tuple[ClockSkew, ...] = ()
    night_share: float | None = None
    magnitude: Magnitude | None = None
    part: TextPart | None = None
    join: tuple[str, ...] = ()
    separators: tuple[str, ...] = ()
    fill_down: tuple[str, ...] = ()
    area: AreaReference | None = None
    constant: str = ""
    role: Literal["column", "dimension", "measure"] = "column"
    logic: str = ""
    description_zh: str = ""
    references: tuple[str, ...] = ()
    figure: Figure | None = None
    line: int = 0

    @property
    def is_stored(self) -> bool:
        """Whether the column goes on past landing."""
        return self.privacy != "drop"

    @property
    def arrives(self) -> bool:
        """Whether the column is there when rows are judged; what a reduction makes comes after that."""
        return not self.logic

    @property
    def is_numeric(self) -> bool:
        return self.logical_type in ("integer", "number")
