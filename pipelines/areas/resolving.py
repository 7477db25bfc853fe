"""Which area a text meant on a given day. Knows how codes and names are written, and no place by name.

Every place comes from `contracts/reference/*.csv`: codes with their lives, names with the days they were
in use, and the names of what lies above, which people glue in front ("<city><district><street>").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.database import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

RESOLUTION = "area_resolution"
NEEDED = ("areas", "area_aliases", "area_lineage", "area_methods", "area_name_styles", "area_uses")
"""Reference tables that finding an area needs."""

_BLANKS = r"[\s\x{00A0}\x{200B}\x{FEFF}]+"


def resolution(
    connection: DuckDBPyConnection,
    source_table: str,
    text_column: str,
    day_column: str,
    level: str,
    row_column: str,
    into: str = RESOLUTION,
) -> str:
    """Make a temporary table with the area each row of a table names, and return its name, `into`.

    The table has one line per source row: `row, area_code, area_method, area_confidence`. The text may be a
    code or a name; `day_column` is the DATE whose areas count. All three columns may be SQL expressions.
    A code is taken first, then a name, then a name behind the names of what lies above; only what lives on
    that day is taken. `historic_name` without a code means: that name, but no unit of it any more.
    Text that names nothing, and no text, leave all three empty.
    """
    query = _query(source_table, text_column, day_column, level, row_column)
    connection.execute(f"create or replace temp table {into} as {query}")
    return into


def compared(text: str) -> str:
    """SQL for a name as it is compared: half-width, without blanks, lower case."""
    return f"lower(regexp_replace(half_width({text}), {literal(_BLANKS)}, '', 'g'))"


def _code(text: str) -> str:
    """SQL for a code as it is compared: half-width, without an Excel `.0`, letters and digits only."""
    return (
        f"nullif(upper(regexp_replace(regexp_replace(trim(half_width({text})), '[.]0+$', ''), "
        "'[^0-9A-Za-z]', '', 'g')), '')"
    )


def _is_scientific(text: str) -> str:
    """SQL for whether a number was written as 1.10114E+11, by which it has lost digits for good."""
    return f"regexp_full_match(trim(half_width({text})), '[0-9]+([.][0-9]+)?[eE][+]?[0-9]+')"


def _meant(day: str, method: str) -> str:
    """SQL for what the newest of the `names` in use up to a day means on that day."""
    return f"""case when {day} < names.valid_to then names.area_code end as area_code,
        case
            when {day} >= names.valid_to or names.alias_kind = 'historic' then 'historic_name'
            else {literal(method)}
        end as area_method,
        case when {day} < names.valid_to then names.confidence end as area_confidence"""


def _query(source: str, text: str, day: str, level: str, row: str) -> str:
    """The statement behind `resolution`; it works on each distinct pair of text and day once."""
    return f"""
with recursive wanted as (
    select distinct {text} as text, {day} as day
    from {source}
    where {text} is not null
),

cleaned as (
    select
        text,
        day,
        {compared("text")} as name,
        -- 1.10114E+11 is no code, unless the register has one that looks like it: 7E02.
        case
            when not {_is_scientific("text")} or {_code("text")} in (select {_code("area_code")} from ref.areas)
                then {_code("text")}
        end as code
    from wanted
),

codes as (
    select
        *,
        {_code("area_code")} as code
    from ref.areas
    where area_level = {literal(level)}
),

-- A longer code may only go on with the three-digit groups of what lies below, or with zeros.
by_code as (
    select
        cleaned.text,
        cleaned.day,
        codes.area_code
    from cleaned
    cross join (select distinct length(code) as digits from codes) as lengths
    inner join codes
        on
            left(cleaned.code, lengths.digits) = codes.code
            and cleaned.day >= codes.valid_from
            and cleaned.day < codes.valid_to
    where regexp_full_match(substr(cleaned.code, lengths.digits + 1), '([0-9]{{3}}){{0,2}}')
    qualify row_number() over (partition by cleaned.text, cleaned.day order by lengths.digits desc) = 1
),

names as (
    select
        {compared("aliases.alias")} as name,
        aliases.*
    from ref.area_aliases as aliases
    where aliases.area_code in (select area_code from codes)
),

by_name as (
    select
        cleaned.text,
        cleaned.day,
        {_meant("cleaned.day", "alias")}
    from cleaned
    asof join names
        on cleaned.name = names.name and cleaned.day >= names.valid_from
),

parents as (
    select distinct
        area_code,
        parent_area_code
    from ref.areas
    where parent_area_code is not null
),

ancestors as (
    select
        area_code,
        parent_area_code as ancestor_code
    from parents
    union
    select
        ancestors.area_code,
        parents.parent_area_code as ancestor_code
    from ancestors
    inner join parents on ancestors.ancestor_code = parents.area_code
),

-- What may stand in front of a name: names of what lies above, alone or one behind the other.
prefixes as (
    select
        aliases.area_code,
        aliases.area_code as top_code,
        {compared("aliases.alias")} as prefix,
        aliases.valid_from,
        aliases.valid_to
    from ref.area_aliases as aliases
    where aliases.area_code in (
        select ancestors.ancestor_code
        from ancestors
        where ancestors.area_code in (select codes.area_code from codes)
    )
    union
    select
        prefixes.area_code,
        aliases.area_code as top_code,
        {compared("aliases.alias")} || prefixes.prefix as prefix,
        greatest(prefixes.valid_from, aliases.valid_from) as valid_from,
        least(prefixes.valid_to, aliases.valid_to) as valid_to
    from prefixes
    inner join ancestors on prefixes.top_code = ancestors.area_code
    inner join ref.area_aliases as aliases on ancestors.ancestor_code = aliases.area_code
),

-- Every beginning of a text that is as long as a prefix: whole pieces are compared by hash, beginnings are not.
beginnings as materialized (
    select
        cleaned.text,
        cleaned.day,
        cleaned.name,
        lengths.letters,
        left(cleaned.name, lengths.letters) as beginning
    from cleaned
    cross join (select distinct length(prefix) as letters from prefixes) as lengths
    where
        length(cleaned.name) > lengths.letters
        and (cleaned.text, cleaned.day) not in (select (text, day) from by_name)
),

stripped as (
    select
        beginnings.text,
        beginnings.day,
        prefixes.area_code as prefix_code,
        beginnings.letters as prefix_length,
        substr(beginnings.name, beginnings.letters + 1) as name
    from beginnings
    inner join prefixes
        on
            beginnings.beginning = prefixes.prefix
            and beginnings.day >= prefixes.valid_from
            and beginnings.day < prefixes.valid_to
),

by_prefix as (
    select
        stripped.text,
        stripped.day,
        {_meant("stripped.day", "prefix_alias")}
    from stripped
    asof join names
        on stripped.name = names.name and stripped.day >= names.valid_from
    inner join ancestors
        on names.area_code = ancestors.area_code and stripped.prefix_code = ancestors.ancestor_code
    qualify row_number() over (
        partition by stripped.text, stripped.day
        order by names.valid_to > stripped.day desc, stripped.prefix_length desc, names.area_code
    ) = 1
),

found as (
    select
        cleaned.text,
        cleaned.day,
        coalesce(by_code.area_code, by_name.area_code, by_prefix.area_code) as area_code,
        case
            when by_code.area_code is not null then 'code'
            else coalesce(by_name.area_method, by_prefix.area_method)
        end as area_method,
        case
            when by_code.area_code is not null then 1.0
            else coalesce(by_name.area_confidence, by_prefix.area_confidence)
        end as area_confidence
    from cleaned
    left join by_code on cleaned.text = by_code.text and cleaned.day = by_code.day
    left join by_name on cleaned.text = by_name.text and cleaned.day = by_name.day
    left join by_prefix on cleaned.text = by_prefix.text and cleaned.day = by_prefix.day
)

select
    source.row,
    found.area_code,
    found.area_method,
    cast(found.area_confidence as double) as area_confidence
from (select {row} as row, {text} as text, {day} as day from {source}) as source
left join found on source.text = found.text and source.day = found.day
"""
