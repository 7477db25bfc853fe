"""What a release offers to PostgreSQL, read off the release itself: who may read a table is how it was published.

    in tables/ and, with the same bytes, in district/   anybody reads it
    in both, with other bytes                           figures: in full for city and district, each office its own
    in district/ and office files                       records: the district reads all of them, an office its file's
    in district/ only                                   the district
    in office files only, in a schema of a level        a feed's rows: its office, the district; the city what it sent
    in office files only, in another schema             its office and nobody else
    a view of office files                              answers, worked out by each office file: its office, the district

Answers are copied and not asked again in PostgreSQL: as of one release they never change, and so they are the very
numbers of the office file, whatever the two dialects of SQL disagree about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pipelines import settings
from pipelines.companions.data_package import OFFICES_AS_ANYBODY
from pipelines.contract import FEED_LEVELS, dictionary
from pipelines.database import literal, quoted
from pipelines.errors import WarehouseError
from pipelines.releases import Release
from pipelines.releases.table_files import TableFiles
from pipelines.serving import columns, roles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Part = Literal["open", "detail", "offices"]
OPEN: Part = "open"
DETAIL: Part = "detail"
IN_OFFICES: Part = "offices"
PARTS: tuple[Part, ...] = (OPEN, DETAIL, IN_OFFICES)
OFFICE = "office_code"
"""Whose office file a row is from."""
POSITION = "_position"
"""Where a row of an answer stands in it."""
ANSWERS = "office"
"""The schema of the questions."""
SAID_OF_OFFICE = "Street whose office file the row is from. 数据所属街镇代码"


@dataclass(frozen=True)
class Column:
    """A column as DuckDB has it, and what it means."""

    name: str
    kind: str
    comment: str = ""

    @property
    def stored_as(self) -> str:
        return columns.type_of(self.kind)


@dataclass(frozen=True)
class Offer:
    """One name readers use, with the parts its rows come from."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    comment: str = ""
    open_files: TableFiles | None = None
    detail_files: TableFiles | None = None
    in_offices: str = ""
    """The relation in each office file, `schema.name`."""
    open_only: frozenset[str] = frozenset()
    """Columns only the open table has: what of a row is hidden there. In full nothing is, but for `as_anybody`."""
    as_anybody: frozenset[str] = frozenset()
    """Columns an office has in its own rows only where anybody has them: its place among others tells of those."""
    key: tuple[str, ...] = ()
    """Columns that tell rows of the open table and of the one in full apart, where offices have some as anybody has."""

    @property
    def is_answer(self) -> bool:
        return self.schema == ANSWERS

    @property
    def parts(self) -> tuple[Part, ...]:
        found = {OPEN: self.open_files, DETAIL: self.detail_files, IN_OFFICES: self.in_offices}
        return tuple(part for part in PARTS if found[part])

    def readers(self, part: Part) -> tuple[str, ...]:
        """Groups that may read rows of that part, which policies narrow further."""
        if part == OPEN or (part == DETAIL and self.open_files):
            return roles.GROUPS  # all ask by one name; policies leave nobody more than is theirs
        if part == DETAIL:
            return (roles.OFFICES, roles.DISTRICT) if self.in_offices else (roles.DISTRICT,)
        if self.is_answer or self.detail_files:
            return (roles.OFFICES, roles.DISTRICT)
        if self.schema not in FEED_LEVELS:
            return (roles.OFFICES,)
        city = (roles.CITY,) if self.schema == "city" else ()
        return (roles.OFFICES, roles.DISTRICT, *city)

    @property
    def audience(self) -> tuple[str, ...]:
        """Groups that may use the name at all."""
        return roles.GROUPS if self.open_files else self.readers(self.parts[-1])


def contents_of(release: Release) -> tuple[Offer, ...]:
    """Everything a release offers, sorted by name."""
    packages = (
        release.data_package(),
        release.detail_package(),
    )  # of what both describe the second says more
    described = {str(each["name"]): each for package in packages for each in package.get("resources", ())}
    of_open = {str(each["name"]): each for each in packages[0].get("resources", ())}
    found: dict[str, Offer] = {}
    with opened(release) as connection:
        for name in sorted(release.detail.keys() | release.tables.keys()):
            fields = _comments(of_open.get(name.lower(), {})) | _comments(described.get(name.lower(), {}))
            comment = _both(described.get(name.lower(), {}))
            offer = _of_files(connection, release, name, comment, fields)
            found[name] = _with_places(offer, of_open.get(name.lower(), {}))
    for name, offer in _of_offices(release).items():
        known = found.get(name)
        if known is None:
            found[name] = offer
        elif not known.open_files:  # an office holds its part of it; of open tables it holds what others hold
            found[name] = replace(known, in_offices=offer.in_offices)
    return tuple(found[name] for name in sorted(found))


def _of_files(
    connection: DuckDBPyConnection, release: Release, name: str, comment: str, comments: dict[str, str]
) -> Offer:
    detail, public = release.detail.get(name), release.tables.get(name)
    schema, _, short_name = name.partition(".")
    kinds: dict[str, str] = {}
    in_detail: set[str] = set()
    for files in (detail, public):
        if files:
            rows = connection.execute(f"describe from {files.sql}").fetchall()
            kinds |= {str(column): str(kind) for column, kind, *_ in rows if column not in kinds}
            in_detail = in_detail or set(kinds)
    return Offer(
        schema,
        short_name,
        tuple(Column(column, kind, comments.get(column, "")) for column, kind in kinds.items()),
        comment,
        public,
        None if detail and public and detail.has_bytes_of(public) else detail,
        open_only=frozenset(kinds.keys() - in_detail),
    )


def _with_places(offer: Offer, described: dict[str, Any]) -> Offer:
    places = frozenset(map(str, described.get(OFFICES_AS_ANYBODY, ())))
    key = tuple(map(str, described.get("schema", {}).get("primaryKey", ())))
    return replace(offer, as_anybody=places, key=key) if places and offer.detail_files else offer


def _comments(described: dict[str, Any]) -> dict[str, str]:
    return {str(field["name"]): _both(field) for field in described.get("schema", {}).get("fields", ())}


def _both(described: dict[str, Any]) -> str:
    return dictionary.both(described.get("description", ""), described.get("title", ""))


def _of_offices(release: Release) -> dict[str, Offer]:
    """What office files hold beside open tables, by the name readers use. They are all made alike."""
    found: dict[str, Offer] = {}
    for street in release.offices[:1]:
        with opened(release, street) as connection:
            rows = connection.execute(_RELATIONS).fetchall()
        for schema, name, comment, listed in rows:
            if any(column == OFFICE for column, *_ in listed):
                raise WarehouseError(f"{schema}.{name} of office {street} has a column {OFFICE} already")
            place = ANSWERS if schema == "main" else schema
            own = [Column(OFFICE, "VARCHAR", SAID_OF_OFFICE)] if schema == "main" else []
            described = tuple(own + [Column(*each) for each in listed])
            found[f"{place}.{name}"] = Offer(place, name, described, comment, in_offices=f"{schema}.{name}")
    return found


_RELATIONS = """
with relations as (
    select schema_name, table_name, comment from duckdb_tables() where not internal and schema_name <> 'shared'
    union all
    select schema_name, view_name, comment from duckdb_views() where not internal and schema_name = 'main'
)
select
    schema_name, table_name, coalesce(any_value(relations.comment), ''),
    list([column_name, data_type, coalesce(columns.comment, '')] order by column_index)
from relations
join duckdb_columns() as columns using (schema_name, table_name)
group by schema_name, table_name
order by schema_name, table_name
"""


def opened(release: Release, street: str = "") -> DuckDBPyConnection:
    """DuckDB to read an office file, or files of Parquet."""
    import duckdb

    path = str(release.office_file(street)) if street else ":memory:"
    connection = duckdb.connect(path, read_only=bool(street), config=settings.duckdb_config())
    connection.execute("set timezone = 'UTC'")
    return connection


def selection(offer: Offer, part: Part, street: str = "") -> str:
    """What DuckDB is asked for a part's rows, with the columns of `stored_columns`; of offices, in the file of one."""
    if part != IN_OFFICES:
        file = offer.open_files if part == OPEN else offer.detail_files
        nothing = "".join(f", []::varchar[] as {quoted(name)}" for name in _hidden_in_full(offer, part))
        return f"select {_selected(_columns(offer, part))} from (select *{nothing} from {file.sql if file else ''})"
    listed = _columns(offer, part)
    schema, _, name = offer.in_offices.partition(".")
    position = f", row_number() over () as {POSITION}" if offer.is_answer else ""
    return f"select {literal(street)} as {OFFICE}, {_selected(listed)}{position} from {quoted(schema)}.{quoted(name)}"


def _columns(offer: Offer, part: Part) -> list[Column]:
    """The columns a part has of itself."""
    others = offer.open_only - _hidden_in_full(offer, part) if part == DETAIL else {OFFICE}
    return [column for column in offer.columns if column.name not in others]


def _hidden_in_full(offer: Offer, part: Part) -> frozenset[str]:
    """Columns that name what is hidden, where the table in full needs them too: of some rows offices lack something."""
    return offer.open_only if part == DETAIL and offer.as_anybody else frozenset()


def _selected(listed: list[Column]) -> str:
    return ", ".join(f"{columns.handed_over(each.name, each.kind)} as {quoted(each.name)}" for each in listed)


def stored_columns(offer: Offer, part: Part) -> list[tuple[str, str]]:
    """Names and PostgreSQL types of a part's columns."""
    listed = [(column.name, column.stored_as) for column in _columns(offer, part)]
    if part != IN_OFFICES:
        return listed
    return [(OFFICE, "text"), *listed, *([(POSITION, "bigint")] if offer.is_answer else [])]
