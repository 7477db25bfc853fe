"""Official editions of the code list, on top of the reference files: what one changes, and what all of them make.

The reference files stay what people know better than a list: when a unit was approved and began to work, which
became which. An edition only says what there was on a day. The register is the reference files and, one after the
other, every edition that was loaded; made anew each time, so that it never depends on the order of loading.

    editions/level=street/edition=2023-06-30/rows.csv, receipt.json      under URBANBRAIN_HOME

Differences are told against the day before an edition. What the reference files know already is shown as known and
not done twice.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import area_names, areas, contract, lake
from pipelines.contract.model import AREA_LEVELS, Contract
from pipelines.database import count, literal, memory, quoted
from pipelines.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FEED = "city_area_register"
ROWS = "rows.csv"
_COLUMNS = ("area_code", "area_name", "parent_area_code")
_MADE = ("areas", "area_aliases", "area_lineage")
_SHOWN = 8
_NOTHING_YET = """
create or replace temp table edition_written (area_code varchar primary key, written_name varchar);
create or replace temp table edition_covered (area_level varchar, area_code varchar);
create or replace temp table edition_rows (area_code varchar, valid_from date)
"""
"""What editions leave behind for those after them: names as last written, districts seen, rows they began."""


@dataclass(frozen=True, order=True)
class Edition:
    """One level of one edition. Its changes count from `in_force_on`; `edition_on` is the day the list describes."""

    edition_on: date
    level_place: int
    in_force_on: date
    rows: str
    """CSV of area_code, area_name, parent_area_code, sorted by code."""

    @property
    def level(self) -> str:
        return AREA_LEVELS[self.level_place]

    @property
    def folder(self) -> Path:
        return lake.editions() / f"level={self.level}" / f"edition={self.edition_on.isoformat()}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.in_force_on}\n{self.rows}".encode()).hexdigest()


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


def load_reference(
    connection: DuckDBPyConnection, folder: Path, only: Collection[str] | None = None
) -> dict[str, int]:
    """Fill schema `ref` from the files of a folder and every edition that was loaded; as `areas.load_reference`.

    What files and editions make together is kept, so that judging a batch need not make it again.
    """
    editions = loaded()
    if not editions:
        return areas.load_reference(connection, folder, only)
    kept = lake.editions() / "register" / _made_from(folder, editions)
    if not (kept / lake.RECEIPT).is_file():
        made = memory()
        try:
            _reference(made, folder, editions)
            with lake.new_folder(kept) as new:
                for name in _MADE:
                    made.execute(
                        f"copy ref.{name} to {literal(str(new / f'{name}.parquet'))} (format parquet)"
                    )
                lake.write_file(new / lake.RECEIPT, b"{}\n")
        finally:
            made.close()

    def extend(connection: DuckDBPyConnection) -> None:
        for name in _MADE:
            rows = literal(str(kept / f"{name}.parquet"))
            connection.execute(f"create or replace table ref.{name} as from read_parquet({rows})")

    return areas.load_reference(connection, folder, only, extend)


def _made_from(folder: Path, editions: Sequence[Edition]) -> str:
    """A digest of everything the register is made from: files, editions, and the code that puts them together."""
    found = hashlib.sha256()
    files = sorted([*folder.glob("area*.csv"), *folder.glob("area*.yaml")])
    for path in (*files, Path(__file__), Path(area_names.__file__), Path(areas.__file__)):
        content = path.read_bytes()
        found.update(f"{path.name}\0{len(content)}\0".encode() + content)
    for edition in editions:
        found.update(f"{edition.edition_on}\0{edition.level}\0{edition.sha256}\0".encode())
    return found.hexdigest()[:16]


def _reference(
    connection: DuckDBPyConnection,
    folder: Path,
    editions: Sequence[Edition],
    *,
    is_checked: bool = False,
) -> dict[str, int]:
    def extend(connection: DuckDBPyConnection) -> None:
        connection.execute(_NOTHING_YET)
        for edition in editions:
            _compare(connection, edition)
            _apply(connection, edition)
        area_names.write_names(connection)

    return areas.load_reference(connection, folder, areas.NEEDED, extend, is_checked=is_checked)


def loaded() -> list[Edition]:
    """The editions that were loaded, oldest first. Raises DataError when one was changed since."""
    found = []
    for receipt in sorted(lake.editions().glob(f"level=*/edition=*/{lake.RECEIPT}")):
        try:
            said = json.loads(receipt.read_text(encoding="utf-8"))
            edition = Edition(
                date.fromisoformat(said["edition_on"]),
                AREA_LEVELS.index(said["level"]),
                date.fromisoformat(said["in_force_on"]),
                (receipt.parent / ROWS).read_text(encoding="utf-8"),
            )
            is_whole = said["sha256"] == edition.sha256
        except (OSError, ValueError, KeyError, TypeError):
            is_whole = False
        if not is_whole:
            raise DataError(
                f"the loaded edition {receipt.parent.relative_to(lake.editions())} was changed or is damaged",
                next_step="remove its folder and load the edition again with `urbanbrain areas load`",
            )
        found.append(edition)
    return sorted(found)


def differences(
    folder: Path, path: Path, edition_on: date | None, in_force_on: date | None = None
) -> list[Difference]:
    """What an edition would change, against the reference files of a folder and the editions before it."""
    connection = memory()
    try:
        return _differences(connection, folder, read(path, edition_on, in_force_on))
    finally:
        connection.close()


def _differences(
    connection: DuckDBPyConnection, folder: Path, editions: Sequence[Edition]
) -> list[Difference]:
    own = {each.folder for each in editions}
    before = [each for each in loaded() if each < editions[0] and each.folder not in own]
    _reference(connection, folder, before)
    found = []
    for edition in editions:
        _compare(connection, edition)
        found += [
            Difference(*row)
            for row in connection.execute(
                "select kind, area_code, area_name, coalesce(was_code, ''), coalesce(was_name, ''), is_known, note "
                "from edition_differences order by list_position(['conflict', 'gone', 'new', 'recoded', 'renamed', "
                "'reused', 'moved', 'relabelled'], kind), area_code, was_code"
            ).fetchall()
        ]
        _apply(connection, edition)
    return found


def load(
    folder: Path,
    path: Path,
    edition_on: date | None,
    in_force_on: date | None = None,
    *,
    warehouse: DuckDBPyConnection | None,
    feeds: Sequence[Contract],
    dry_run: bool = False,
) -> list[Difference]:
    """Load an edition on top of the reference files of a folder and return what it changed.

    Loading the same edition twice changes nothing. Raises DataError when it would drop a code that facts in the
    warehouse use, or when that edition was loaded with other rows; ContractError when the register would not hold.
    """
    editions = read(path, edition_on, in_force_on)
    connection = memory()
    try:
        found = _differences(connection, folder, editions)
        known = {each.folder: each for each in loaded()}
        for edition in editions:
            if (other := known.get(edition.folder)) and other.sha256 != edition.sha256:
                raise DataError(
                    f"edition {edition.edition_on} of level {edition.level} was loaded already, with other rows or "
                    "another day in force",
                    next_step=f"remove {edition.folder} first, if this one is right",
                )
        dropped = {each.was_code or each.area_code for each in found if _drops(each)}
        if warehouse is not None and dropped:
            _refuse_if_used(warehouse, feeds, dropped, editions[0])
        # The register once more, with every check: it must hold with this edition and with all that came later.
        together = {**known, **{each.folder: each for each in editions}}
        _reference(connection, folder, sorted(together.values()), is_checked=True)
    finally:
        connection.close()
    for edition in [] if dry_run else editions:
        _write(edition, path.name)
    return found


def _drops(difference: Difference) -> bool:
    return difference.kind in ("gone", "recoded") and not difference.is_known


def _write(edition: Edition, origin: str) -> None:
    said = {
        "edition_on": edition.edition_on.isoformat(),
        "in_force_on": edition.in_force_on.isoformat(),
        "level": edition.level,
        "origin": origin,
        "rows": edition.rows.count("\n") - 1,
        "sha256": edition.sha256,
    }
    with lake.new_folder(edition.folder) as folder:
        lake.write_file(folder / ROWS, edition.rows.encode())
        lake.write_file(folder / lake.RECEIPT, (json.dumps(said, indent=1, sort_keys=True) + "\n").encode())


def _refuse_if_used(
    warehouse: DuckDBPyConnection, feeds: Sequence[Contract], dropped: Collection[str], edition: Edition
) -> None:
    used = list(_used(warehouse, feeds, dropped, edition.in_force_on))
    if used:
        shown = used[:_SHOWN]
        more = f"\n  … and {len(used) - len(shown)} more" if len(used) > len(shown) else ""
        raise DataError(
            f"edition {edition.edition_on} drops codes that loaded facts use on or after {edition.in_force_on}; "
            "nothing was loaded\n" + "\n".join(f"  {line}" for line in shown) + more,
            next_step="correct those facts at their source, or let the changes count from a later day: "
            "`urbanbrain areas load … --in-force DAY`",
        )


def _used(
    warehouse: DuckDBPyConnection, feeds: Sequence[Contract], codes: Collection[str], day: date
) -> Iterator[str]:
    """Facts of the warehouse in these areas on or after a day, a line per table and code."""
    listed = ", ".join(map(literal, sorted(codes)))
    for feed in feeds:
        column = next((each for each in feed.columns if each.area), None)
        if column is None or column.area is None or not _is_there(warehouse, feed):
            continue
        when = quoted(column.area.as_of)
        if feed.column(column.area.as_of).type == "TIMESTAMPTZ":
            when = f"timezone({literal(feed.timezone)}, {when})::date"
        rows = warehouse.execute(
            f"select {quoted(column.name)}, count(*), min({when}), max({when}) from {feed.table} where "
            f"{quoted(column.name)} in ({listed}) and {when} >= date {literal(day.isoformat())} group by all order by all"
        ).fetchall()
        for code, facts, first, last in rows:
            yield f"{feed.table}.{column.name}: {facts:,} rows use {code}, from {first} to {last}"


def _is_there(warehouse: DuckDBPyConnection, feed: Contract) -> bool:
    query = f"from duckdb_tables() where schema_name = {literal(feed.level)} and table_name = {literal(feed.name)}"
    return count(warehouse, f"select count(*) {query}") > 0


def read(path: Path, edition_on: date | None, in_force_on: date | None = None) -> list[Edition]:
    """The levels of an edition file, CSV in UTF-8 or validated rows of the register's feed, uppermost first.

    Columns are known by the names the feed's contract lists. Without `edition_on` the file's own column says the
    day. Raises DataError with everything that is wrong with the file.
    """
    import duckdb

    source = literal(str(path))
    how = (
        f"read_parquet({source})"
        if path.suffix == ".parquet"
        else f"read_csv({source}, header = true, all_varchar = true, quote = '\"')"
    )
    connection = memory()
    try:
        connection.execute(f"create temp table given as select * from {how}")
        names = [row[0] for row in connection.execute("describe given").fetchall()]
        register = contract.load(FEED)
        columns = {name: _column(register, name, names) for name in (*_COLUMNS, "edition_on")}
        if missing := [name for name in _COLUMNS if not columns[name]]:
            raise DataError(
                f"{path.name} has columns {', '.join(names)}; found none for {', '.join(missing)}",
                next_step=f"contracts/{register.level}/{register.name}.odcs.yaml lists the names each may have",
            )
        day = edition_on or _only_day(connection, path, columns["edition_on"])
        selected = ", ".join(f"trim({quoted(columns[name])}::varchar) as {name}" for name in _COLUMNS)
        where = ""
        if columns["edition_on"]:
            where = f"where {quoted(columns['edition_on'])}::varchar = {literal(day.isoformat())}"
        connection.execute(f"create temp table rows as select {selected} from given {where} order by all")
        _refuse_if_wrong(connection, path, day)
        return _levels(connection, day, in_force_on or day)
    except duckdb.Error as error:
        raise DataError(
            f"{path.name} cannot be read: {str(error).splitlines()[0]}",
            next_step="give a CSV file in UTF-8 with a header, or validated rows of the register's feed",
        ) from error
    finally:
        connection.close()


def _column(register: Contract, name: str, given: Sequence[str]) -> str:
    return next((wire for wire in register.column(name).wire if wire in given), "")


def _only_day(connection: DuckDBPyConnection, path: Path, column: str) -> date:
    found = (
        connection.execute(f"select max({quoted(column)})::date from given").fetchone() if column else None
    )
    if not found or found[0] is None:
        raise DataError(
            f"{path.name} does not say of which day the edition is",
            next_step="give it with --edition-date DAY",
        )
    return date.fromisoformat(str(found[0]))


def _refuse_if_wrong(connection: DuckDBPyConnection, path: Path, day: date) -> None:
    problems = []
    for condition, words in (
        ("coalesce(area_code, '') = ''", "no code"),
        ("coalesce(area_name, '') = ''", "no name"),
        ("coalesce(parent_area_code, '') = ''", "no area above"),
        ("not regexp_full_match(area_code, '[0-9A-Za-z]+')", "a code of other signs than letters and digits"),
        (
            "area_code in (select area_code from rows group by all having count(*) > 1)",
            "a code that is there twice",
        ),
    ):
        rows = connection.execute(
            f"select area_code, area_name from rows where {condition} limit {_SHOWN}"
        ).fetchall()
        if rows:
            problems.append(
                f"{words}: " + ", ".join(f"{code or ''} {name or ''}".strip() for code, name in rows)
            )
    if not count(connection, "select count(*) from rows"):
        problems.append(f"no rows of {day}")
    if problems:
        raise DataError(
            f"{path.name} is no edition of the code list\n" + "\n".join(f"  {line}" for line in problems),
            next_step="correct the file, or ask the statistics bureau; nothing was loaded",
        )


def _levels(connection: DuckDBPyConnection, edition_on: date, in_force_on: date) -> list[Edition]:
    """One edition per length of code. A street's codes have three digits less than its communities'."""
    found = []
    depths = {
        9: AREA_LEVELS.index("street"),
        12: AREA_LEVELS.index("community"),
        6: AREA_LEVELS.index("district"),
    }
    lengths = connection.execute("select distinct length(area_code) from rows order by all").fetchall()
    for (digits,) in lengths:
        if digits not in depths:
            raise DataError(
                f"the edition has codes of {digits} characters, expected 6, 9 or 12",
                next_step="correct the codes; nothing was loaded",
            )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(
            connection.execute(
                f"select * from rows where length(area_code) = {digits} order by all"
            ).fetchall()
        )
        found.append(Edition(edition_on, depths[digits], in_force_on, text.getvalue()))
    return found


def _compare(connection: DuckDBPyConnection, edition: Edition) -> None:
    """edition_listed, edition_differences: the edition's rows, and how they differ from the register the day before."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    options = pacsv.ConvertOptions(column_types=dict.fromkeys(_COLUMNS, pa.string()))
    rows = pacsv.read_csv(io.BytesIO(edition.rows.encode()), convert_options=options)
    connection.register("edition_rows_given", rows)
    listed = area_names.styled(edition.level, "edition_rows_given")
    connection.execute(f"create or replace temp table edition_listed as {listed}")
    connection.unregister("edition_rows_given")
    day = f"date {literal(edition.in_force_on.isoformat())}"
    orphans = connection.execute(
        "select area_code, area_name, parent_area_code from edition_listed where parent_area_code not in "
        f"(select area_code from ref.areas where area_code is not null) order by all limit {_SHOWN}"
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
    connection.execute(
        f"create or replace temp table edition_before as {area_names.styled(edition.level, then)}"
    )
    connection.execute(_DIFFERENCES.format(today=today, level=level, day=day))


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


def _apply(connection: DuckDBPyConnection, edition: Edition) -> None:
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
