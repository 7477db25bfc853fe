"""How one edition differs from the register of the day before it, and carrying what is new into the register.

The register is schema `ref` of the connection. What the reference files know already is shown as known and not done
twice. `start` comes first, then `compare` and `carry_out` for one edition after the other, oldest first.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.areas import names
from pipelines.areas.editions import COLUMNS, SHOWN, Edition
from pipelines.database import literal
from pipelines.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NOTHING_YET = """
create or replace temp table edition_written (area_code varchar primary key, written_name varchar);
create or replace temp table edition_covered (area_level varchar, area_code varchar);
create or replace temp table edition_rows (area_code varchar, valid_from date)
"""
"""What editions leave behind for those after them: names as last written, districts seen, rows they began."""


@dataclass(frozen=True)
class Difference:
    """One way an edition differs from the register of the day before."""

    kind: str
    """`new`, `gone`, `renamed`, `recoded`, `relabelled`, `moved`, `reused`, `conflict`."""
    area_code: str
    area_name: str
    was_code: str
    was_name: str
    is_known: bool
    """Whether the reference files say so already."""
    note: str


def start(connection: DuckDBPyConnection) -> None:
    """Forget what editions left behind."""
    connection.execute(_NOTHING_YET)


def compare(connection: DuckDBPyConnection, edition: Edition) -> list[Difference]:
    """How an edition differs from the register the day before; conflicts first, new areas soon after."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    options = pacsv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
    rows = pacsv.read_csv(io.BytesIO(edition.rows.encode()), convert_options=options)
    connection.register("edition_rows_given", rows)
    listed = names.styled(edition.level, "edition_rows_given")
    connection.execute(f"create or replace temp table edition_listed as {listed}")
    connection.unregister("edition_rows_given")
    day = f"date {literal(edition.in_force_on.isoformat())}"
    orphans = connection.execute(
        "select area_code, area_name, parent_area_code from edition_listed where parent_area_code not in "
        f"(select area_code from ref.areas where area_code is not null) order by all limit {SHOWN}"
    ).fetchall()
    if orphans:
        raise DataError(
            f"edition {edition.edition_on} has areas whose area above is not in the register: "
            + ", ".join(f"{code} {name} in {above}" for code, name, above in orphans),
            next_step="load the edition of the level above first, or add the area to contracts/reference/areas.csv",
        )
    # A street's edition speaks of the districts in it; a community's of every street of those districts.
    above = (
        "select distinct parent_area_code as area_code from edition_listed"
        if edition.level != "community"
        else "select distinct area_code from ref.areas where parent_area_code in (select parent_area_code from ref.areas "
        "where area_code in (select parent_area_code from edition_listed))"
    )
    connection.execute(f"create or replace temp table edition_above as {above}")
    level = literal(edition.level)
    then = (
        f"(select * from ref.areas where area_level = {level} and valid_from < {day} and valid_to >= {day} "
        "and parent_area_code in (select area_code from edition_above))"
    )
    today = (
        f"(select * from ref.areas where area_level = {level} and valid_from <= {day} and valid_to > {day})"
    )
    connection.execute(f"create or replace temp table edition_before as {names.styled(edition.level, then)}")
    connection.execute(_DIFFERENCES.format(today=today, level=level, day=day))
    return [
        Difference(*row)
        for row in connection.execute(
            "select kind, area_code, area_name, coalesce(was_code, ''), coalesce(was_name, ''), is_known, note "
            "from edition_differences order by list_position(['conflict', 'gone', 'new', 'recoded', 'renamed', "
            "'reused', 'moved', 'relabelled'], kind), area_code, was_code"
        ).fetchall()
    ]


_DIFFERENCES = """
create or replace temp table edition_differences as
with today as (select * from {today}),

-- Every district of the list: the one above, or the one above that.
districts as (
    select distinct area_code, coalesce(case when area_level = 'street' then parent_area_code end, area_code) as district
    from ref.areas where area_level in ('district', 'street')
),

gone as (
    select old.*, districts.district from edition_before as old
    left join districts on old.parent_area_code = districts.area_code
    where old.area_code not in (select area_code from edition_listed)
),

fresh as (
    select listed.*, districts.district from edition_listed as listed
    left join districts on listed.parent_area_code = districts.area_code
    where listed.area_code not in (select area_code from edition_before)
),

-- The same name under another code, and only one of each: the unit lives on.
recoded as (
    select gone.area_code as was_code, gone.label as was_label, gone.unit_kind as was_kind,
        gone.parent_area_code as was_parent, fresh.*
    from gone inner join fresh on gone.core = fresh.core and gone.district = fresh.district
    qualify count(*) over (partition by gone.area_code) = 1 and count(*) over (partition by fresh.area_code) = 1
),

both_there as (
    select listed.*, old.label as was_label, old.core as was_core, old.unit_kind as was_kind,
        old.parent_area_code as was_parent,
        coalesce(written.written_name, case when old.area_name = old.label then old.label else old.area_name end)
            as was_written
    from edition_listed as listed inner join edition_before as old on listed.area_code = old.area_code
    left join edition_written as written on listed.area_code = written.area_code
),

found as (
    select 'gone' as kind, gone.area_code, gone.label as area_name, null as was_code, null as was_name,
        gone.area_code not in (select area_code from today) as is_known,
        'no unit of that name under another code; say in area_lineage.csv what it became' as note
    from gone where gone.area_code not in (select was_code from recoded)
    union all
    select 'recoded', area_code, label, was_code, was_label, was_code not in (select area_code from today),
        concat_ws('; ', 'same name, other code',
            case when was_kind is distinct from unit_kind then was_kind || ' → ' || unit_kind end,
            case when was_parent <> parent_area_code then 'moved from ' || was_parent || ' to ' || parent_area_code end)
    from recoded
    union all
    select 'new', area_code, label, null, null, area_code in (select area_code from today),
        case when ({level}, district) not in (select (area_level, area_code) from edition_covered)
            then 'first edition of ' || district || '; when it began is not known' else '' end
    from fresh where area_code not in (select area_code from recoded)
        and area_code not in (select area_code from ref.areas where valid_to < {day} or valid_from > {day})
    union all
    select 'conflict', area_code, label, area_code, label, true,
        'the register has it on other days only; the register stays'
    from fresh where area_code in (select area_code from ref.areas where valid_to < {day} or valid_from > {day})
        and area_code not in (select area_code from today)
    union all
    select 'renamed', area_code, label, area_code, was_label,
        (area_code, label) in (select (area_code, area_name) from today), ''
    from both_there where label <> was_label and core <> was_core
    union all
    select 'relabelled', area_code, label, area_code, case when label = was_label then was_written else was_label end,
        label = was_label or (area_code, label) in (select (area_code, area_name) from today),
        case when label = was_label then 'style only' else was_kind || ' → ' || coalesce(unit_kind, '?') end
    from both_there where (label <> was_label and core = was_core)
        or (label = was_label and area_name <> was_written)
    union all
    select 'moved', area_code, label, was_parent, was_label,
        (area_code, parent_area_code) in (select (area_code, parent_area_code) from today),
        'from ' || was_parent || ' to ' || parent_area_code
    from both_there where parent_area_code <> was_parent
)

select * from found
union all
select distinct 'reused', listed.area_code, listed.label, old.area_code, old.area_name, found.is_known,
    'the name was that of ' || old.area_code
from edition_listed as listed inner join found on listed.area_code = found.area_code
    and found.kind in ('new', 'renamed', 'relabelled', 'recoded') and found.note <> 'style only'
inner join ref.areas as old on old.area_level = {level} and old.area_name = listed.label
    and old.area_code <> listed.area_code and old.valid_from < {day}
    and old.area_code is distinct from found.was_code
inner join districts as here on listed.parent_area_code = here.area_code
inner join districts as there on old.parent_area_code = there.area_code and here.district = there.district
where old.area_code not in (select area_code from edition_listed where label = old.area_name)
"""


def carry_out(connection: DuckDBPyConnection, edition: Edition) -> None:
    """Carry what is not known yet into schema `ref`; names follow at the end, when every edition is in."""
    day, coded = (f"date {literal(each.isoformat())}" for each in (edition.in_force_on, edition.edition_on))
    level, source = literal(edition.level), literal(f"official edition {edition.edition_on}")
    for statement in (
        # What ends: codes that are gone, and rows whose name, kind or area above is another from now on.
        "create or replace temp table edition_changed as select distinct area_code from edition_differences "
        "where kind in ('renamed', 'relabelled', 'moved') and not is_known",
        "create or replace temp table edition_ended as select coalesce(was_code, area_code) as area_code, kind "
        "from edition_differences where kind in ('gone', 'recoded') and not is_known",
        f"update ref.area_aliases set valid_to = {day} where valid_from < {day} and valid_to > {day} and area_code in "
        "(select area_code from edition_ended union select area_code from edition_differences where kind = 'renamed' "
        "and not is_known union select area_code from edition_changed where area_code not in "
        "(select area_code from edition_differences where kind = 'moved'))",
        "create or replace temp table edition_kept as select * from ref.areas where area_code in "
        f"(select area_code from edition_changed) and valid_from < {day} and valid_to > {day}",
        f"update ref.areas set valid_to = {day} where area_level = {level} and valid_from < {day} and valid_to > {day} "
        "and area_code in (select area_code from edition_changed union select area_code from edition_ended)",
        # What begins.
        "create or replace temp table edition_begun as select listed.area_code, "
        f"{level} as area_level, listed.label as area_name, listed.parent_area_code, listed.unit_kind, "
        "coalesce(kept.is_in_scope, was.is_in_scope, above.is_in_scope, false) as is_in_scope, "
        "coalesce(kept.is_assessed, was.is_assessed, listed.is_assessed) as is_assessed, "
        f"case when found.note like 'first edition%' then null else {coded} end as coded_on, "
        f"case when found.note like 'first edition%' then 'unknown' when {day} <> {coded} then 'operating' "
        "else 'coded' end as date_basis, "
        f"case when found.note not like 'first edition%' and {day} <> {coded} then {day} end as operating_on, "
        f"case when found.note like 'first edition%' then date '1900-01-01' else {day} end as valid_from, "
        "coalesce(kept.valid_to, date '9999-12-31') as valid_to "
        "from edition_listed as listed inner join (select area_code, any_value(was_code) as was_code, max(note) as note "
        "from edition_differences where kind in ('new', 'recoded', 'renamed', 'relabelled', 'moved') and not is_known "
        "group by area_code) as found on listed.area_code = found.area_code "
        "left join edition_kept as kept on listed.area_code = kept.area_code "
        f"left join (select * from ref.areas where valid_to = {day}) as was on found.was_code = was.area_code "
        f"left join (select * from ref.areas where valid_from <= {day} and valid_to > {day}) as above "
        "on listed.parent_area_code = above.area_code and above.area_level = 'street'",
        f"insert into ref.areas by name select *, {source} as source from edition_begun",
        "insert into edition_rows select area_code, valid_from from edition_begun",
        # One became one: told as lineage, with all of its people and ground.
        "insert into ref.area_lineage by name select was_code as from_area_code, area_code as to_area_code, "
        f"{day} as change_on, kind as change_kind, 1 as weight_population, 1 as weight_area, "
        f"'one became one in the ' || {source} || '; bounds not compared' as weight_basis from ("
        "select case when kind = 'moved' then area_code else was_code end as was_code, area_code, "
        "case kind when 'recoded' then 'recode' when 'renamed' then 'rename' when 'moved' then 'transfer' "
        "else 'relabel' end as kind from edition_differences where not is_known "
        "and kind in ('recoded', 'renamed', 'relabelled', 'moved') "
        "qualify row_number() over (partition by area_code order by kind = 'moved' desc, kind desc) = 1) as became "
        f"where not exists (select 1 from ref.area_lineage as known where known.from_area_code = became.was_code "
        f"and known.change_on = {day})",
        "insert or replace into edition_written select area_code, area_name from edition_listed",
        f"insert into edition_covered select distinct {level}, area_code from edition_above",
        f"insert into edition_covered select distinct {level}, parent_area_code from ref.areas "
        "where area_code in (select area_code from edition_above) and parent_area_code is not null",
    ):
        connection.execute(statement)
