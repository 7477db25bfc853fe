"""Where a row lies: its point in WGS-84, and its area by whatever the row tells, in the order of `ref.area_methods`.

    code            the area's own code
    community_code  the code of a community, and the street it belonged to that day
    alias …         a name in use that day, alone or behind the names of what lies above
    community_alias the name of a community that is the only one of the district
    coordinates     the boundary the point lies in, where boundaries are configured
    address         the street or community the address begins with

A text that names an organisation is none of this: it stays in quarantine with its own words. What was found
otherwise than by the column itself is flagged; every flag begins with the column's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines import settings
from pipelines.areas import boundaries, coordinates, resolving
from pipelines.contract.model import AreaReference, Column, Contract, OtherPlaces
from pipelines.contract.rules import ORGANISATION
from pipelines.database import count, literal, quoted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from duckdb import DuckDBPyConnection

    Degrees = npt.NDArray[np.float64]

LOCATED = "area_located"
_SHORTEST_IN_ADDRESS = 3
_NEEDED_TO_JUDGE = 30
_BETTER_BY = 0.1


def convert(connection: DuckDBPyConnection, contract: Contract, table: str, texts: str) -> None:
    """Turn the points of a table into WGS-84, and flag those that too many rows share.

    `texts` is the table of the same rows before typing: many devices may share a point once it is coarsened.
    The table has `_row_number` and `_dq_flags`.
    """
    crs = contract.crs
    if crs is None:
        return
    lon, lat = quoted(crs.lon), quoted(crs.lat)
    replaced = ""
    if crs.system != "wgs84":
        points = connection.execute(
            f"select _row_number, {lon}, {lat} from {table} where {lon} is not null and {lat} is not null"
        ).to_arrow_table()
        x, y = coordinates.to_wgs84(points.column(1).to_numpy(), points.column(2).to_numpy(), crs.system)
        _keep(connection, "point_converted", points.column(0), {"lon": x, "lat": y})
        values = {
            name: f"round(point.{side}, {column.decimals})"
            if column.privacy == "coarsen"
            else f"point.{side}"
            for name, side, column in (
                (lon, "lon", contract.column(crs.lon)),
                (lat, "lat", contract.column(crs.lat)),
            )
        }
        replaced = "".join(f"coalesce({value}, {table}.{name}) as {name}, " for name, value in values.items())
    else:
        connection.execute(
            f"create or replace temp table point_converted as select _row_number from {table} limit 0"
        )
    flag = literal(f"{crs.lon}:centroid")
    connection.execute(
        f"create or replace temp table {table} as select {table}.* replace ({replaced}"
        f"case when shared._row_number is not null then list_append({table}._dq_flags, {flag}) "
        f"else {table}._dq_flags end as _dq_flags) from {table} "
        "left join point_converted as point using (_row_number) "
        f"left join (select _row_number from {texts} where {lon} is not null and {lat} is not null "
        f"qualify count(*) over (partition by {lon}, {lat}) > {crs.centroid_rows}) as shared using (_row_number) "
        "order by _row_number"
    )
    connection.execute("drop table point_converted")


def _keep(connection: DuckDBPyConnection, name: str, rows: object, columns: dict[str, object]) -> None:
    """A temporary table of row numbers and what numpy computed for them."""
    import pyarrow as pa

    found = pa.table({"_row_number": rows, **columns})
    connection.register("arrow_rows", found)
    connection.execute(f"create or replace temp table {name} as from arrow_rows")
    connection.unregister("arrow_rows")


def locate(
    connection: DuckDBPyConnection, contract: Contract, column: Column, table: str, text: str, day: str
) -> str:
    """Make a temporary table with the area of each row, and return its name.

    One line per row: `row, area_code, area_method, area_confidence, flags`. `text` is the column that names the
    area and `day` the DATE whose areas count, both SQL; schema `ref` is loaded. Rows that lie nowhere have no code.
    """
    area = column.area or AreaReference("street", "")
    finding = _Finding(connection, contract, column.name, area.level, table, text, day, area.via)
    return finding.run(area.use)


@dataclass(frozen=True)
class _Finding:
    """The statements that place the rows of one table, one way after the other."""

    connection: DuckDBPyConnection
    contract: Contract
    name: str
    level: str
    table: str
    text: str
    day: str
    via: OtherPlaces

    def run(self, use: str) -> str:
        resolving.resolution(
            self.connection, self.table, self.text, self.day, self.level, "_row_number", "by_text"
        )
        self._communities()
        self.connection.execute(
            f"create or replace temp table {LOCATED} as with told as ("
            "select by_text.row, by_text.area_code, by_text.area_method, by_text.area_confidence, "
            "own.area_code as own_code, community.area_code as community_code, "
            "community.is_code, community.area_confidence as community_confidence, "
            "coalesce(moved.area_code is not null, false) as is_moved "
            "from by_text left join by_own_community as own using (row) "
            "left join by_community as community using (row) "
            "left join (select distinct area_code, parent_area_code from ref.areas) as moved "
            "on moved.area_code = community.community and moved.parent_area_code = by_text.area_code "
            "and community.area_code <> by_text.area_code and community.is_code), "
            "chosen as (select row, case "
            "when own_code is not null then struct_pack(code := own_code, way := 'community_code', sure := 1.0::double) "
            "when is_moved then struct_pack(code := community_code, way := 'community_code', sure := 1.0::double) "
            "when area_code is not null then struct_pack(code := area_code, way := area_method, sure := area_confidence) "
            "when community_code is not null then struct_pack(code := community_code, "
            "way := case when is_code then 'community_code' else 'community_alias' end, sure := community_confidence) "
            "end as found, area_method, "
            "case when own_code is not null then nullif(own_code <> area_code, false) else nullif(is_moved, false) end "
            "as is_community_moved, "
            "case when own_code is null and not is_moved then nullif(area_code <> community_code, false) end "
            "as is_elsewhere, "
            "area_code is null and own_code is null as is_open, "
            "area_code is null and area_method = 'historic_name' as is_retired from told) "
            "select row, found.code as area_code, coalesce(found.way, area_method) as area_method, found.sure as area_confidence, "
            f"{self._flag_list(('community_moved', 'is_community_moved'), ('community_elsewhere', 'is_elsewhere'))} "
            "as flags, is_open, is_retired from chosen"
        )
        if self.via.lon:
            self._fill(self._points(), "coordinates")
        if self.via.address:
            self._fill(self._addresses(), "address")
        self._finish(use)
        return LOCATED

    def _flag_list(self, *flags: tuple[str, str]) -> str:
        listed = ", ".join(
            f"case when {condition} then {literal(f'{self.name}:{flag}')} end" for flag, condition in flags
        )
        return f"list_filter([{listed}]::varchar[], lambda flag: flag is not null)"

    @property
    def _is_organisation(self) -> str:
        return f"coalesce(regexp_matches({self.text}, {literal(ORGANISATION)}), false)"

    def _communities(self) -> None:
        """by_own_community, by_community: what communities say, as the street each belonged to that day."""
        for name in ("by_own_community", "by_community"):
            self.connection.execute(
                f"create or replace temp table {name} (row bigint, community varchar, area_code varchar, "
                "is_code boolean, area_confidence double)"
            )
        known = count(self.connection, "select count(*) from ref.areas where area_level = 'community'")
        if not known or self.level == "community":
            return
        self._by_community("by_own_community", self.text, only_code=True)
        if self.via.community:
            self._by_community("by_community", quoted(self.via.community), only_code=False)

    def _by_community(self, into: str, text: str, *, only_code: bool) -> None:
        rows = f"(select * from {self.table} where not {self._is_organisation})"
        found = resolving.resolution(
            self.connection, rows, text, self.day, "community", "_row_number", "community"
        )
        self._rise(into, found, "area_method = 'code'" if only_code else "area_code is not null")
        if only_code:
            return
        district = self.connection.execute(
            "select any_value(districts.area_name) from ref.areas as streets inner join ref.areas as districts "
            "on streets.parent_area_code = districts.area_code where streets.is_in_scope "
            "and districts.area_level = 'district' having count(distinct districts.area_code) = 1"
        ).fetchone()
        if district is None:
            return
        # A name that other districts have, too, is known behind the name of its own.
        rest = f"(select * from {rows} where _row_number not in (select row from {into}))"
        text = f"{literal(district[0])} || {text}"
        found = resolving.resolution(
            self.connection, rest, text, self.day, "community", "_row_number", "community"
        )
        self._rise(into, found, "area_code is not null")

    def _rise(self, into: str, found: str, condition: str) -> None:
        """Add what lies above the communities found, at our level, as of each row's day."""
        self.connection.execute(
            f"insert into {into} with recursive up as ("
            f"select found.row, days.day, found.area_code as community, found.area_code as here, "
            "found.area_method = 'code' as is_code, found.area_confidence from "
            f"(select * from {found} where {condition}) as found inner join "
            f"(select _row_number, {self.day} as day from {self.table}) as days on found.row = days._row_number "
            "union all select up.row, up.day, up.community, area.parent_area_code, up.is_code, up.area_confidence "
            "from up inner join ref.areas as area on up.here = area.area_code and up.day >= area.valid_from "
            f"and up.day < area.valid_to and area.area_level <> {literal(self.level)}) "
            "select up.row, up.community, up.here, up.is_code, up.area_confidence from up inner join ref.areas as area "
            "on up.here = area.area_code and up.day >= area.valid_from and up.day < area.valid_to "
            f"where area.area_level = {literal(self.level)}"
        )

    def _open_rows(self, columns: str) -> str:
        return (
            f"select _row_number, {self.day} as day, {columns} from {self.table} "
            f"inner join {LOCATED} as located on located.row = _row_number "
            f"where located.is_open and located.area_code is null and not {self._is_organisation}"
        )

    def _fill(self, found: str, method: str) -> None:
        """Place the rows that are still nowhere; `found` is a query with `row, area_code, sure`."""
        if not found:
            return
        self.connection.execute(
            f"update {LOCATED} set area_code = found.area_code, area_method = {literal(method)}, "
            f"area_confidence = found.sure from ({found}) as found where {LOCATED}.row = found.row"
        )

    def _points(self) -> str:
        if (path := settings.boundaries()) is None:
            return ""
        known = self.connection.execute("select distinct area_code from ref.areas").fetchall()
        polygons = boundaries.read(path, {code for (code,) in known})
        lon, lat = quoted(self.via.lon), quoted(self.via.lat)
        points = self.connection.execute(
            f"select _row_number, lon, lat from ({self._open_rows(f'{lon}::double as lon, {lat}::double as lat')}) "
            "where lon is not null and lat is not null"
        ).to_arrow_table()
        place = polygons.find(points.column("lon").to_numpy(), points.column("lat").to_numpy())
        _keep(self.connection, "point_found", points.column("_row_number"), {"place": place})
        codes = ", ".join(f"({number}, {literal(code)})" for number, code in enumerate(polygons.codes))
        return (
            "select point._row_number as row, polygon.code as area_code, 1.0 as sure from point_found as point "
            f"inner join (values {codes}) as polygon (place, code) on point.place = polygon.place "
            f"inner join (select _row_number, {self.day} as day from {self.table}) as days "
            "on point._row_number = days._row_number inner join ref.areas as area on polygon.code = area.area_code "
            f"and area.area_level = {literal(self.level)} and days.day >= area.valid_from and days.day < area.valid_to"
        )

    def _addresses(self) -> str:
        """The longest name of a street or a community an address begins with, behind the names of what lies above.

        A street counts by its full names only: roads are called after it in several streets.
        """
        address, compared = quoted(self.via.address), resolving.compared
        above = self.connection.execute(
            f"select string_agg(name, '|' order by length(name) desc, name) from (select distinct "
            f"regexp_escape({compared('alias')}) as name from ref.area_aliases where area_code in "
            "(select area_code from ref.areas where area_level in ('city', 'district')))"
        ).fetchone()
        prefix = f"^({above[0]})*" if above and above[0] else "^"
        return (
            f"with addresses as (select _row_number as row, day, "
            f"regexp_replace({compared('address')}, {literal(prefix)}, '') as text from "
            f"({self._open_rows(f'{address} as address')}) where address is not null), "
            f"names as (select {compared('aliases.alias')} as name, aliases.*, levels.area_level from ref.area_aliases as aliases "
            "inner join (select distinct area_code, area_level from ref.areas) as levels using (area_code) "
            f"where aliases.alias_kind <> 'historic' and ((levels.area_level = {literal(self.level)} "
            f"and aliases.alias_kind in ('official', 'office')) or (levels.area_level = 'community' "
            f"and length(aliases.alias) >= {_SHORTEST_IN_ADDRESS}))), "
            "beginnings as materialized (select addresses.row, addresses.day, left(addresses.text, lengths.letters) as name "
            "from addresses cross join (select distinct length(name) as letters from names) as lengths "
            "where length(addresses.text) >= lengths.letters), "
            "met as (select beginnings.row, beginnings.day, names.area_code, names.area_level, names.confidence "
            "from beginnings inner join names on beginnings.name = names.name and beginnings.day >= names.valid_from "
            "and beginnings.day < names.valid_to qualify row_number() over (partition by beginnings.row "
            "order by length(names.name) desc, names.area_level desc, names.area_code) = 1) "
            "select met.row, coalesce(street.area_code, community.parent_area_code) as area_code, met.confidence as sure "
            f"from met left join ref.areas as street on met.area_level = {literal(self.level)} "
            "and met.area_code = street.area_code and met.day >= street.valid_from and met.day < street.valid_to "
            "left join ref.areas as community on met.area_level = 'community' and met.area_code = community.area_code "
            "and met.day >= community.valid_from and met.day < community.valid_to "
            "inner join ref.areas as parent on parent.area_code = coalesce(street.area_code, community.parent_area_code) "
            f"and parent.area_level = {literal(self.level)} and met.day >= parent.valid_from and met.day < parent.valid_to"
        )

    def _finish(self, use: str) -> None:
        """Weigh each way by its row of `ref.area_methods`, and flag what was not found by the column itself."""
        basis = "case {0} when 'approved' then area.approved_on when 'coded' then area.coded_on else area.operating_on end"
        begins = ", ".join(basis.format(f"uses.{each}_basis") for each in ("first", "second", "third"))
        other = "located.is_open and located.area_code is not null"
        flags = self._flag_list(
            ("retired_name", f"located.is_retired and {other}"),
            (
                "found_by_community",
                f"{other} and located.area_method in ('community_code', 'community_alias')",
            ),
            ("found_by_coordinates", f"{other} and located.area_method = 'coordinates'"),
            ("found_by_address", f"{other} and located.area_method = 'address'"),
            ("before_operating", "days.day < coalesce(" + begins + ", area.valid_from)"),
        )
        self.connection.execute(
            f"create or replace temp table {LOCATED} as select located.row, "
            "located.area_code, located.area_method, located.area_confidence * coalesce(methods.confidence, 1) as area_confidence, "
            f"list_concat(located.flags, {flags}) as flags from {LOCATED} as located inner join "
            f"(select *, {self.day} as day from {self.table}) as days on located.row = days._row_number "
            "left join ref.area_methods as methods on located.area_method = methods.area_method "
            "and days.day >= methods.valid_from and days.day < methods.valid_to "
            "left join ref.areas as area on located.area_code = area.area_code and days.day >= area.valid_from "
            f"and days.day < area.valid_to left join ref.area_uses as uses on uses.area_use = {literal(use)} "
            "and days.day >= uses.valid_from and days.day < uses.valid_to order by located.row"
        )


def suspicions(connection: DuckDBPyConnection, contract: Contract, table: str) -> list[str]:
    """What the points of a finished table say about the coordinate system its contract declares, a sentence each.

    Nothing without boundaries, without `insideShare`, or with too few points to judge. `table` has the area's code
    and points in WGS-84.
    """
    crs, column = contract.crs, next((each for each in contract.columns if each.area), None)
    path = settings.boundaries()
    if crs is None or column is None or path is None or not crs.inside_share:
        return []
    import numpy as np

    known = connection.execute("select distinct area_code from ref.areas").fetchall()
    polygons = boundaries.read(path, {code for (code,) in known})
    codes = ", ".join(map(literal, polygons.codes))
    # By the row's own word only: an area found by the point would prove the point.
    points = connection.execute(
        f"select {quoted(crs.lon)} as lon, {quoted(crs.lat)} as lat, list_position([{codes}], {quoted(column.name)}) - 1 "
        f"as place from {table} where {quoted(column.name)} in ({codes}) and {quoted(crs.lon)} is not null "
        f"and {quoted(crs.lat)} is not null and _area_method <> 'coordinates'"
    ).to_arrow_table()
    lon, lat, place = (points.column(name).to_numpy() for name in ("lon", "lat", "place"))
    if len(lon) < _NEEDED_TO_JUDGE:
        return []
    share = float(np.mean(polygons.find(lon, lat) == place))
    if share >= crs.inside_share:
        return []
    said = (
        f"{contract.contract_id}: {share:.0%} of {len(lon):,} points lie in the area their row names, expected at least "
        f"{crs.inside_share:.0%}"
    )
    best, cause, shift = share + _BETTER_BY, "", (0.0, 0.0)
    for words, x, y in _corrected(lon, lat, crs.system):
        other = float(np.mean(polygons.find(x, y) == place))
        if other > best:
            east, north = coordinates.metres_between(x, y, lon, lat)
            best, cause, shift = other, words, (float(np.median(east)), float(np.median(north)))
    if cause:
        said += (
            f"; with {best:.0%} it looks like {cause}: everything lies about {shift[0]:+.0f} m east and "
            f"{shift[1]:+.0f} m north of where it should"
        )
    return [said]


def _corrected(lon: Degrees, lat: Degrees, system: str) -> list[tuple[str, Degrees, Degrees]]:
    """The points as they would be if the declared system were wrong, with the mistake in words."""
    raw = coordinates.from_wgs84(lon, lat, system)
    found = [
        (f"{other} declared as {system}", *coordinates.to_wgs84(*raw, other))
        for other in ("wgs84", "gcj02", "bd09")
        if other != system
    ]
    if system == "wgs84":
        # WGS-84 that somebody "corrected" once too often, or moved twice.
        found.append(("points converted once too often", *coordinates.from_wgs84(lon, lat, "gcj02")))
        once = coordinates.to_wgs84(lon, lat, "gcj02")
        found.append(("gcj02 applied twice", *coordinates.to_wgs84(*once, "gcj02")))
    if system == "gcj02":
        once = coordinates.to_wgs84(lon, lat, "gcj02")
        found.append(("gcj02 applied twice", *once))
    return found
