"""Which area a text meant on a given day. Knows how codes and names are written, and no place by name.

Every place comes from `contracts/reference/*.csv`: codes with their lives, names with the days they were
in use, and the names of what lies above, which people glue in front ("<city><district><street>").
Reading those files into schema `ref` belongs here too, because nothing can be resolved without them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import checks, contract
from pipelines.contract.model import Column, Contract
from pipelines.database import count, literal, quoted
from pipelines.errors import ContractError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

RESOLUTION = "area_resolution"
NEEDED = ("areas", "area_aliases", "area_lineage", "area_methods", "area_name_styles", "area_uses")
"""Reference tables that finding an area needs."""

_BLANKS = r"[\s\x{00A0}\x{200B}\x{FEFF}]+"
_SHOWN = 60
_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-11-17",
    "timestamp": "a time such as 2026-11-17 08:00:00+08",
}


def load_reference(
    connection: DuckDBPyConnection,
    folder: Path,
    only: Collection[str] | None = None,
    extend: Callable[[DuckDBPyConnection], None] | None = None,
    *,
    is_checked: bool = False,
) -> dict[str, int]:
    """Fill schema `ref` from the CSV files of a folder, typed by the contracts beside them.

    `only` names the tables to load; without it all are loaded. Without it, or with `is_checked`, the checks beside
    them run. `extend` adds what is
    not kept in the files, before the checks: `editions.load_reference` does. The connection is one of
    `pipelines.database`. Returns rows per table. Raises ContractError with every problem of every
    file, each with its line.
    """
    contracts = [each for each in contract.load_reference(folder) if only is None or each.name in only]
    connection.execute("create schema if not exists ref")
    problems = [problem for each in contracts for problem in _load(connection, folder, each)]
    if extend and not problems:
        extend(connection)
    if not problems and (only is None or is_checked):
        for each in contracts:
            beside = checks.read(folder / f"{each.name}{checks.SUFFIX}")
            problems += checks.failures(connection, each.table, beside, each.key)
    if problems:
        how_many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ContractError(
            f"{how_many} in {folder.name}/\n" + "\n".join(f"  {problem}" for problem in problems),
            next_step="correct the reference files and build again",
        )
    return {each.name: count(connection, f"select count(*) from {each.table}") for each in contracts}


def _load(connection: DuckDBPyConnection, folder: Path, table: Contract) -> list[str]:
    """Read one CSV file as text, then type it; bad headers, values and keys come back in words."""
    path = folder / f"{table.name}.csv"
    if not path.is_file():
        return [f"{path.name} is missing, but {table.name}.odcs.yaml promises it"]
    names = [column.name for column in table.columns]
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if header != names:
        return [f"{path.name}:1: found columns {', '.join(header)}; expected {', '.join(names)}"]
    texts = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    connection.execute(
        "create or replace temp table reference_text as select row_number() over () + 1 as _line, * "
        f"from read_csv({literal(str(path))}, header = true, nullstr = '', delim = ',', quote = '\"', "
        f"auto_detect = false, columns = {{{texts}}})"
    )
    conditions = [(column, *pair) for column in table.columns for pair in _conditions(column)]
    # Nearly always nothing is wrong: one look tells, and only then each condition is asked by itself.
    anything = " or ".join(f"({condition})" for _, condition, _ in conditions) or "false"
    if not count(connection, f"select count(*) from reference_text where {anything}"):
        conditions = []
    problems = [
        f"{path.name}:{line}: {column.name} is {_shown(value)}, expected {expected}"
        for column, condition, expected in conditions
        for line, value in connection.execute(
            f"select _line, {quoted(column.name)} from reference_text where {condition} order by all"
        ).fetchall()
    ]
    if key := ", ".join(quoted(name) for name in table.key):
        repeated = connection.execute(
            f"select max(_line), {key} from reference_text group by all having count(*) > 1 order by all"
        ).fetchall()
        problems += [
            f"{path.name}:{line}: the key {', '.join(map(str, values))} occurs twice"
            for line, *values in repeated
        ]
    if not problems:
        typed = ", ".join(
            f"cast({quoted(column.name)} as {column.type}) as {quoted(column.name)}"
            for column in table.columns
        )
        connection.execute(
            f"create or replace table {table.table} as select {typed} from reference_text order by _line"
        )
    connection.execute("drop table reference_text")
    return problems


def _conditions(column: Column) -> Iterator[tuple[str, str]]:
    """SQL that is true for a text the contract does not allow, and what it does allow in words."""
    name = quoted(column.name)
    typed = f"try_cast({name} as {column.type})"
    yield f"{name} is not null and {typed} is null", _NOUNS.get(column.logical_type, "text")
    if column.required or column.is_key:
        yield f"{name} is null", "a value"
    if values := [value.value for value in column.enum]:
        yield f"{name} not in ({', '.join(map(literal, values))})", f"one of {', '.join(values)}"
    if column.pattern:
        yield f"not regexp_matches({name}, {literal(column.pattern)})", f"the form {column.pattern}"
    if column.minimum is not None:
        yield f"{typed} < {column.minimum}", f"at least {column.minimum}"
    if column.maximum is not None:
        yield f"{typed} > {column.maximum}", f"at most {column.maximum}"


def _shown(value: str | None) -> str:
    return "empty" if value is None else repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")


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
