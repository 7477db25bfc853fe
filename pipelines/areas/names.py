"""How the names of areas end and how else they are written, by `ref.area_name_styles`; names for what editions bring.

No place and no ending is known here: both are rows of reference tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.areas.resolving import compared
from pipelines.database import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_UNASSESSED = "development_zone"


def styled(level: str, rows: str) -> str:
    """A query that adds to rows with `area_code, area_name, parent_area_code` what their names tell.

    `label` is the name as we keep it, `core` what stands before its ending, `unit_kind` what the ending says,
    `is_assessed` whether such a unit is one of those that are assessed.
    """
    return (
        f"select rows.area_code, rows.area_name, rows.parent_area_code, "
        "case when styles.ending is null then rows.area_name "
        "else left(rows.area_name, length(rows.area_name) - length(styles.ending)) || styles.written end as label, "
        "case when styles.ending is null then rows.area_name "
        "else left(rows.area_name, length(rows.area_name) - length(styles.ending)) end as core, "
        f"coalesce(styles.unit_kind, case when {literal(level)} = 'street' then {literal(_UNASSESSED)} end) as unit_kind, "
        f"styles.ending is not null and {literal(level)} = 'street' as is_assessed "
        f"from {rows} as rows left join (select * from ref.area_name_styles where area_level = {literal(level)} "
        "and style_kind = 'label') as styles on ends_with(rows.area_name, styles.ending) "
        "and length(rows.area_name) > length(styles.ending) "
        "qualify row_number() over (partition by rows.area_code, rows.area_name order by length(styles.ending) desc nulls last) = 1"
    )


def write_names(connection: DuckDBPyConnection) -> None:
    """Give every row an edition brought its names in `ref.area_aliases`, each for as long as it lives.

    A name that means another area of the level on the same day is left out, and written behind the name of the
    district, or of the street, instead. Names kept in the reference files always stay.
    """
    connection.execute(
        "create or replace temp table named_rows as select area.* from ref.areas as area inner join edition_rows "
        "on area.area_code = edition_rows.area_code and area.valid_from = edition_rows.valid_from"
    )
    made = " union all ".join(_names_of(level) for level in ("street", "community"))
    connection.execute(
        "create or replace temp table made_names as select alias, area_code, area_level, parent_area_code, valid_from, "
        f"valid_to, arg_max(alias_kind, confidence) as alias_kind, max(confidence) as confidence, any_value(source) as source "
        f"from ({made}) group by all"
    )
    _add(connection, "made_names")
    # What two areas share, each behind the name of what lies above.
    above = (
        "select made.* replace (district.area_name || made.alias as alias) from made_names as made "
        "inner join (select distinct area_code, coalesce(case when area_level = 'street' then parent_area_code end, area_code) "
        "as district from ref.areas where area_level in ('district', 'street')) as chain "
        "on made.parent_area_code = chain.area_code inner join ref.areas as district on chain.district = district.area_code "
        "and district.area_level = 'district' where {left_out}"
    )
    left_out = (
        "not exists (select 1 from ref.area_aliases as taken where taken.area_code = made.area_code "
        "and taken.valid_from = made.valid_from and taken.alias = {alias})"
    )
    connection.execute(
        "create or replace temp table district_names as "
        + above.format(left_out=left_out.format(alias="made.alias") + " and made.alias_kind <> 'short'")
    )
    _add(connection, "district_names")
    connection.execute(
        "create or replace temp table street_names as select made.* replace (street.area_name || made.alias as alias) "
        "from made_names as made inner join ref.areas as street on made.parent_area_code = street.area_code "
        "and street.area_level = 'street' and made.valid_from < street.valid_to and made.valid_to > street.valid_from "
        f"where made.area_level = 'community' and {left_out.format(alias='made.alias')} and made.alias_kind <> 'short' "
        "qualify row_number() over (partition by made.area_code, made.alias, made.valid_from order by street.valid_from desc) = 1"
    )
    _add(connection, "street_names")
    # A name given up is still written for years: half sure, and only where nobody else bears it.
    connection.execute(
        "create or replace temp table former_names as select distinct on (was.area_name, was.area_code) "
        "was.area_name as alias, was.area_code, was.area_level, was.parent_area_code, "
        "was.valid_to as valid_from, last_row.valid_to as valid_to, 'historic' as alias_kind, 0.5 as confidence, "
        "was.source from ref.areas as was inner join named_rows as next on was.area_code = next.area_code "
        "and was.valid_to = next.valid_from and was.area_name <> next.area_name "
        "inner join (select area_code, max(valid_to) as valid_to from ref.areas group by all) as last_row "
        "on was.area_code = last_row.area_code where was.valid_to < last_row.valid_to "
        "order by was.area_name, was.area_code, was.valid_to desc"
    )
    _add(connection, "former_names")


def _names_of(level: str) -> str:
    """A query for all the ways the new rows of a level are written: their label, and every style of its ending."""
    rows = styled(level, f"(select * from named_rows where area_level = {literal(level)})")
    return (
        f"select case when styles.written is null then named.area_name when styles.written = '-' then styled.core "
        "else styled.core || styles.written end as alias, "
        "coalesce(styles.style_kind, 'official') as alias_kind, named.area_code, named.area_level, named.parent_area_code, "
        "named.valid_from, named.valid_to, coalesce(styles.confidence, 1) as confidence, named.source "
        "from named_rows as named inner join "
        f"({rows}) as styled on named.area_code = styled.area_code and named.area_name = styled.area_name "
        "left join (select null as ending, null as written, 'official' as style_kind, 1 as confidence union all "
        f"select ending, written, style_kind, confidence from ref.area_name_styles where area_level = {literal(level)} "
        "and style_kind <> 'label') as styles on styles.ending is null or "
        "named.area_name = styled.core || styles.ending "
        f"where named.area_level = {literal(level)}"
    )


def _add(connection: DuckDBPyConnection, names: str) -> None:
    """Take over the names no other area of the level bears on a common day."""
    taken = (
        f"(select {compared('alias')} as name, alias, area_code, area_level, valid_from, valid_to from ref.area_aliases "
        "inner join (select distinct area_code, area_level from ref.areas) as levels using (area_code) "
        f"union all select {compared('alias')}, alias, area_code, area_level, valid_from, valid_to from {names})"
    )
    connection.execute(
        "insert into ref.area_aliases by name select distinct alias, alias_kind, area_code, valid_from, valid_to, "
        f"confidence, source from {names} as made where not exists (select 1 from {taken} as other "
        f"where other.name = {compared('made.alias')} and other.area_level = made.area_level "
        "and (other.area_code <> made.area_code or (other.valid_from, other.valid_to) <> (made.valid_from, made.valid_to)) "
        "and other.valid_from < made.valid_to and made.valid_from < other.valid_to) "
        "and not exists (select 1 from ref.area_aliases as same where same.alias = made.alias "
        "and same.area_code = made.area_code and same.valid_from = made.valid_from)"
    )
