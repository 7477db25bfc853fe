"""Which area a text meant on a given day. Knows how codes and names are written, and no place by name.

Every place comes from `contracts/reference/*.csv`: codes with their lives, names with the days they were
in use, and the names of what lies above, which people glue in front ("<city><district><street>").
Reading those files into schema `ref` belongs here too, because nothing else may be resolved without them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipelines.errors import ContractError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA = "ref"
RESOLUTION = "area_resolution"
NEEDED = ("areas", "area_aliases")
"""Reference tables that `resolution` reads."""

_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}
_FULL_WIDTH = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000\u00a0\ufeff"
_HALF_WIDTH = "".join(chr(code) for code in range(0x21, 0x7F)) + "   "


def load_reference(
    connection: DuckDBPyConnection, folder: Path, only: Collection[str] | None = None
) -> dict[str, int]:
    """Fill schema `ref` from the CSV files of a folder, typed by the contracts beside them.

    `only` names the tables to load; without it all are loaded and the rules between them checked.
    Returns rows per table. Raises ContractError with every problem of every file.
    """
    connection.execute(f"create schema if not exists {SCHEMA}")
    tables = {
        path.name.partition(".")[0]: _contract(path)
        for path in sorted(folder.glob("*.odcs.yaml"))
        if only is None or path.name.partition(".")[0] in only
    }
    problems = [
        problem for name, contract in tables.items() for problem in _load(connection, folder, name, contract)
    ]
    if not problems and only is None:
        problems = [
            problem
            for name, contract in tables.items()
            for problem in _broken_rules(connection, name, contract)
        ]
    if problems:
        raise ContractError(
            f"{len(problems)} problems in {folder}\n" + "\n".join(f"  {problem}" for problem in problems),
            next_step="correct the reference files; `urbanbrain check` rereads them all",
        )
    return {name: _count(connection, f"select count(*) from {SCHEMA}.{name}") for name in tables}


def _contract(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    table: dict[str, Any] = content["schema"][0]
    return table


def _load(connection: DuckDBPyConnection, folder: Path, name: str, contract: dict[str, Any]) -> list[str]:
    """Read one CSV file as text and type it; bad headers, values and keys come back in words."""
    path = folder / f"{name}.csv"
    if not path.is_file():
        return [f"{path.name} is missing, but {name}.odcs.yaml promises it"]
    columns = {column["name"]: column for column in contract["properties"]}
    header = path.read_text(encoding="utf-8-sig").partition("\n")[0].strip().split(",")
    if header != list(columns):
        return [f"{path.name}:1: found columns {', '.join(header)}; expected {', '.join(columns)}"]
    connection.execute(
        "create or replace temp table reference_text as select *, row_number() over () + 1 as _line "
        "from read_csv(?, all_varchar = true, header = true, nullstr = '', delim = ',', quote = '\"', "
        "auto_detect = false, columns = ?)",
        [str(path), dict.fromkeys(columns, "VARCHAR")],
    )
    types = {
        key: column.get("physicalType") or _TYPES[column["logicalType"]] for key, column in columns.items()
    }
    problems = []
    for key, column in columns.items():
        conditions = {f"{key} is not null and try_cast({key} as {types[key]}) is null": f"a {types[key]}"}
        if column.get("required") or column.get("primaryKey"):
            conditions[f"{key} is null"] = "a value"
        if allowed := [str(item["value"]) for item in column.get("enum", [])]:
            conditions[f"{key} not in ({', '.join(map(_text, allowed))})"] = f"one of {', '.join(allowed)}"
        for condition, expected in conditions.items():
            found = connection.execute(
                f"select _line, {key} from reference_text where {condition} order by 1"
            ).fetchall()
            problems += [
                f"{path.name}:{line}: {key} is {value!r}, expected {expected}" for line, value in found
            ]
    if keys := [key for key, column in columns.items() if column.get("primaryKey")]:
        twice = connection.execute(
            f"select max(_line), {', '.join(keys)} from reference_text "
            "group by all having count(*) > 1 order by 1"
        ).fetchall()
        problems += [f"{path.name}:{line}: key {values} occurs twice" for line, *values in twice]
    if not problems:
        typed = ", ".join(f"cast({key} as {type_}) as {key}" for key, type_ in types.items())
        connection.execute(
            f"create or replace table {SCHEMA}.{name} as select {typed} from reference_text order by _line"
        )
    connection.execute("drop table reference_text")
    return problems


def _broken_rules(connection: DuckDBPyConnection, name: str, contract: dict[str, Any]) -> list[str]:
    problems = []
    for rule in contract.get("quality", []):
        count = _count(connection, rule["query"].replace("{object}", f"{SCHEMA}.{name}"))
        if count != rule["mustBe"]:
            problems.append(f"{name}.csv: {rule['description']} ({count} rows do not)")
    return problems


def resolution(  # noqa: PLR0917
    connection: DuckDBPyConnection,
    source_table: str,
    text_column: str,
    day_column: str,
    level: str,
    row_column: str,
) -> str:
    """Make a temporary table with the area each row of a table names, and return its name.

    The table has one line per source row: `row, area_code, area_method, area_confidence`. The text may be a
    code or a name; `day_column` is the DATE whose areas count. All three columns may be SQL expressions.
    A code is taken first, then a name, then a name behind the names of what lies above; only what lives on
    that day is taken. `historic_name` without a code means: that name, but no unit of it any more.
    Text that names nothing, and no text, leave all three empty.
    """
    query = _query(source_table, text_column, day_column, level, row_column)
    connection.execute(f"create or replace temp table {RESOLUTION} as {query}")
    return RESOLUTION


def _count(connection: DuckDBPyConnection, query: str) -> int:
    found = connection.execute(query).fetchone()
    return int(found[0]) if found else 0


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _half_width(text: str) -> str:
    return f"translate(nfc_normalize({text}), {_text(_FULL_WIDTH)}, {_text(_HALF_WIDTH)})"


def _name(text: str) -> str:
    """SQL for a name as it is compared: half-width, without blanks, lower case."""
    return f"lower(regexp_replace({_half_width(text)}, '\\s+', '', 'g'))"


def _code(text: str) -> str:
    """SQL for a code as it is compared: half-width, without an Excel `.0`, letters and digits only.

    Scientific notation has lost digits for good, so it is no code.
    """
    trimmed = f"trim({_half_width(text)})"
    return (
        f"case when not regexp_full_match({trimmed}, '[0-9]+([.][0-9]+)?[eE][+]?[0-9]+') then nullif(upper("
        f"regexp_replace(regexp_replace({trimmed}, '[.]0+$', ''), '[^0-9A-Za-z]', '', 'g')), '') end"
    )


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
        {_name("text")} as name,
        {_code("text")} as code
    from wanted
),

codes as (
    select
        *,
        {_code("area_code")} as code
    from ref.areas
    where area_level = {_text(level)}
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
        {_name("aliases.alias")} as name,
        aliases.*
    from ref.area_aliases as aliases
    where aliases.area_code in (select area_code from codes)
),

by_name as (
    select
        cleaned.text,
        cleaned.day,
        case when cleaned.day < names.valid_to then names.area_code end as area_code,
        case
            when cleaned.day >= names.valid_to or names.alias_kind = 'historic' then 'historic_name'
            else 'alias'
        end as area_method,
        case when cleaned.day < names.valid_to then names.confidence end as area_confidence
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
        {_name("aliases.alias")} as prefix,
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
        {_name("aliases.alias")} || prefixes.prefix as prefix,
        greatest(prefixes.valid_from, aliases.valid_from) as valid_from,
        least(prefixes.valid_to, aliases.valid_to) as valid_to
    from prefixes
    inner join ancestors on prefixes.top_code = ancestors.area_code
    inner join ref.area_aliases as aliases on ancestors.ancestor_code = aliases.area_code
),

stripped as (
    select
        cleaned.text,
        cleaned.day,
        prefixes.area_code as prefix_code,
        length(prefixes.prefix) as prefix_length,
        substr(cleaned.name, length(prefixes.prefix) + 1) as name
    from cleaned
    inner join prefixes
        on
            starts_with(cleaned.name, prefixes.prefix)
            and cleaned.day >= prefixes.valid_from
            and cleaned.day < prefixes.valid_to
    where (cleaned.text, cleaned.day) not in (select (text, day) from by_name)
),

by_prefix as (
    select
        stripped.text,
        stripped.day,
        case when stripped.day < names.valid_to then names.area_code end as area_code,
        case
            when stripped.day >= names.valid_to or names.alias_kind = 'historic' then 'historic_name'
            else 'prefix_alias'
        end as area_method,
        case when stripped.day < names.valid_to then names.confidence end as area_confidence
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
