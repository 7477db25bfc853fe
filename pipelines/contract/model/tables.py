"""What a contract says of a table: where it comes from, when, and what its rows have to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from pipelines.contract.model.columns import Column
from pipelines.contract.model.words import FEED_LEVELS, HISTORY, Level, Mode, Severity


@dataclass(frozen=True)
class CoordinateSystem:
    """The two columns of a point and how the source means them; what is stored is WGS-84.

    `inside_share` is the share of points that should lie in the area their row names; below it the batch warns.
    More than `centroid_rows` rows at one and the same point are flagged: it is a centre, not a place.
    """

    lon: str
    lat: str
    system: str
    inside_share: float = 0.0
    centroid_rows: int = 20


@dataclass(frozen=True)
class RePull:
    """When the last `reach` of a feed is pulled once more, for what changed later than any look-back reaches."""

    schedule: str
    reach: timedelta


@dataclass(frozen=True)
class Census:
    """When a feed that brings what changed is asked for all it holds of the last `reach`, so that what is gone shows.

    `by` is the column by whose time the source is asked. A census with fewer rows than `floor` times the one before
    is not believed.
    """

    schedule: str
    reach: timedelta
    by: str
    floor: float = 0.5


@dataclass(frozen=True)
class DriftModes:
    """What happens when a source no longer sends what the contract says; contracts/README.md tells every mode.

    A column is retyped when more than `retyped_share` of its values, and of no fewer than twenty, cannot be read.
    """

    new_columns: Mode = "warn"
    missing_columns: Mode = "hold"
    retyped_columns: Mode = "hold"
    reordered_columns: Mode = "accept"
    new_values: Mode = "quarantine"
    retyped_share: float = 0.5


@dataclass(frozen=True)
class Rule:
    """One promise about rows or about the whole batch, as Great Expectations will judge it.

    `kind` is the promise's shape, `column` the column it is about ("" for several), `arguments` what the
    shape needs. `expected_en` and `expected_zh` finish the sentence "expected …" for a person.
    """

    rule_id: str
    kind: str
    column: str
    arguments: dict[str, Any] = field(hash=False)
    severity: Severity
    expected_en: str
    expected_zh: str
    scope: Literal["row", "batch"] = "row"
    instead: tuple[tuple[str, str, str], ...] = ()
    """Special cases: a SQL condition over the staged row, and the two sentences that then say what was expected."""


@dataclass(frozen=True)
class DropRule:
    """Rows that are not wanted at all: subtotals, secret devices. They count as refused, with the reason."""

    wire: tuple[str, ...]
    pattern: str
    reason: str
    totals: tuple[str, ...] = ()
    """Columns whose value in such a row should be the sum of those in the rows before it."""


@dataclass(frozen=True)
class Unpivot:
    """How a wide file becomes long: columns to keep, and the names of the two new ones."""

    keep: tuple[str, ...]
    name: str
    value: str


@dataclass(frozen=True)
class Server:
    """Where and how a feed is pulled in one environment.

    `location` and the values of `query` may hold `${NAME:-default}` from the environment and
    `{start:…}`, `{end:…}`, strftime formats of the window in the contract's time zone.
    """

    name: str
    location: str
    connector: str
    query: dict[str, str] = field(default_factory=dict, hash=False)
    page_size: int = 1000
    format: str = "json"
    encoding: str = "utf-8"
    secret: str = ""
    records: str = ""
    total: str = ""
    sheet: str = ""
    header_rows: tuple[int, ...] = (1,)
    unpivot: Unpivot | None = None
    trailer: str = ""
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    max_bytes: int = 500_000_000


@dataclass(frozen=True)
class Contract:
    """One table's promise. `contract_id`, `<level>_<name>`, names the feed, its DAG and its lake folder."""

    contract_id: str
    level: Level
    name: str
    title: str
    business_name: str
    description: str
    grain: str
    version: str
    status: str
    path: str
    sha256: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    servers: tuple[Server, ...] = ()
    schedule: str = ""
    timezone: str = "UTC"
    look_back: timedelta = timedelta()
    latency: timedelta = timedelta(hours=24)
    retention: timedelta | None = None
    delivery: Literal["incremental", "snapshot"] = "incremental"
    version_columns: tuple[str, ...] = ()
    keep_versions: bool = False
    snapshot_floor: float = 0.5
    re_pull: RePull | None = None
    census: Census | None = None
    forbidden_columns: tuple[str, ...] = ()
    forbidden_values: tuple[str, ...] = ()
    drift: DriftModes = DriftModes()
    drop_rules: tuple[DropRule, ...] = ()
    crs: CoordinateSystem | None = None
    outline: str = ""
    reject_limit: float = 1.0
    audience: Literal["everyone", "district", "offices", "engineers"] = "everyone"
    counts_nobody: str = ""
    """Why no number of the table counts people or calls, where that is so."""
    may_be_empty: Literal["always", "days_off", "never"] = "always"
    delivery_days: Literal["every_day", "working_days"] = "every_day"
    mandatory: bool = True
    caller_secret: str = ""
    landing_secret: str = ""
    end_of_support: date | None = None
    """Last day a table is served that another takes the place of."""
    partition_by: str = ""
    """Column of time by whose month a release splits the table, once it is large."""
    superseded_by: str = ""
    """Schema and table of that other."""
    owner: str = ""
    tags: tuple[str, ...] = ()

    @property
    def is_feed(self) -> bool:
        """Whether the table is pulled from a source, and not built or kept by us."""
        return self.level in FEED_LEVELS

    @property
    def feed_id(self) -> str:
        return self.contract_id

    @property
    def table(self) -> str:
        """Schema and table in the warehouse, such as `city.hotline_orders`."""
        return f"{self.level}.{self.name}"

    @property
    def is_deprecated(self) -> bool:
        """Whether another table takes its place, and both are served until its end of support."""
        return self.status == "deprecated"

    @property
    def is_snapshot(self) -> bool:
        """Whether a pull brings everything there is, so that what it lacks is gone."""
        return self.delivery == "snapshot"

    @property
    def tells_what_is_gone(self) -> bool:
        """Whether the table marks what the source no longer has."""
        return self.is_snapshot or self.census is not None

    @property
    def history_table(self) -> str:
        """Where every version of every row is kept, when the contract asks for it."""
        return f"{self.table}{HISTORY}"

    @property
    def is_reduced(self) -> bool:
        """Whether rows are summed up once they are judged, so that the table holds fewer than arrived."""
        return any(column.role == "measure" for column in self.columns)

    @property
    def judged_columns(self) -> tuple[Column, ...]:
        """Columns of a row as it is judged."""
        return tuple(column for column in self.columns if column.is_stored and column.arrives)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """Columns of the table; of a reduced feed its dimensions and measures."""
        is_reduced = self.is_reduced
        return tuple(
            column
            for column in self.columns
            if column.is_stored and not (is_reduced and column.role == "column")
        )

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the primary key's columns."""
        return tuple(column.name for column in self.stored_columns if column.is_key)

    @property
    def row_key(self) -> tuple[str, ...]:
        """Names of the columns that tell rows apart as they arrive; the primary key unless the feed is reduced."""
        return tuple(column.name for column in self.judged_columns if column.is_key)

    @property
    def row_versions(self) -> tuple[str, ...]:
        """Names of the version columns that arrive."""
        return tuple(name for name in self.version_columns if self.column(name).arrives)

    @property
    def is_personal(self) -> bool:
        """Whether what lands may hold personal values, so that it is encrypted at rest."""
        return any(column.privacy in ("drop", "token", "mask") for column in self.columns)

    @property
    def has_area(self) -> bool:
        return any(column.area for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.contract_id} has no column {name!r}")

    def server(self, name: str) -> Server:
        """The server of that environment. Raises KeyError when the contract has none."""
        for server in self.servers:
            if server.name == name:
                return server
        raise KeyError(f"{self.contract_id} has no server {name!r}")
