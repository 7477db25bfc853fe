"""What a data dictionary says, before it is a file: tables and questions with their columns, and who gets them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines import releases, suppression
from pipelines.companions.publication import Publication
from pipelines.contract import dictionary
from pipelines.contract.model import Column, Contract
from pipelines.publication import office_views
from pipelines.publication.disclosure import Disclosure, PublicTable

Both = tuple[str, str]
"""English and Chinese."""
ANYBODY: Both = ("anybody, small counts suppressed", "公开（小数值已作隐私保护处理）")
REFERENCE: Both = ("anybody", "公开")
DISTRICT: Both = ("the district centre, in full", "区级中心（完整明细）")
OFFICE_OWN: Both = ("each street office, its own rows", "各街镇（仅本街镇的行）")
OFFICE_ALL: Both = ("each street office, all rows", "各街镇（全部行）")
NOBODY: Both = ("stays inside", "不发布")
OPEN_ONLY: Both = ("only where anybody reads it", "仅见于公开数据")
CLASSES: tuple[tuple[str, Both], ...] = (
    ("L1", ("no restriction", "一般数据")),
    ("L2", ("internal", "内部数据")),
    ("L3", ("personal: no release has it", "个人信息，不发布")),
    ("L4", ("sensitive personal: no release has it", "敏感个人信息，不发布")),
)
"""What the classes of a column mean; one without a class is nobody's personal data."""
_CHINESE = re.compile(r"[\u4e00-\u9fff“（《]")


@dataclass(frozen=True)
class Field:
    """One column. `name_zh` and `meaning` are its names for people; `values` its allowed values with their labels."""

    name: str
    name_zh: str
    type: str
    unit: str
    meaning: str
    is_key: bool = False
    is_required: bool = False
    limits: str = ""
    values: tuple[tuple[str, str], ...] = ()
    refers_to: tuple[str, ...] = ()
    privacy_class: str = ""
    stays: Both = ("", "")
    """What is said of a column that not everybody who gets the table has."""


@dataclass(frozen=True)
class Entry:
    """One table or question. `who` are those who get it."""

    name: str
    title: Both
    meaning: str
    grain: str
    who: tuple[Both, ...]
    fields: tuple[Field, ...]
    contract: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Entries:
    """A whole dictionary: the questions of an office, and the tables by schema."""

    questions: tuple[Entry, ...]
    tables: tuple[Entry, ...]


def of(publication: Publication) -> Entries:
    """Everything that leaves the warehouse with a release."""
    public = publication.public
    if public is None:
        return Entries((), ())
    contracts = {contract.table: contract for contract in publication.contracts}
    tables = {table.name: table for table in (*public.detail, *public.open, *_of_offices(public))}
    hiding = {table.table for table in publication.tables if suppression.SUPPRESSED in dict(table.columns)}
    return Entries(
        tuple(_questions(publication)),
        tuple(
            _entry(table, contracts.get(name), _who(table, public), hides=name in hiding)
            for name, table in sorted(tables.items())
        ),
    )


def _of_offices(public: Disclosure) -> list[PublicTable]:
    return [table for table, _ in public.of_street("")]


def _who(table: PublicTable, public: Disclosure) -> tuple[Both, ...]:
    names = [{each.name for each in tables} for tables in (public.open, public.detail, _of_offices(public))]
    is_open, is_detail, is_own = (table.name in each for each in names)
    is_reference = table.schema == "ref"
    said = [(is_open, REFERENCE if is_reference else ANYBODY), (is_detail and not is_reference, DISTRICT)]
    return tuple(who for holds, who in (*said, (is_own, OFFICE_OWN), (is_open, OFFICE_ALL)) if holds)


def _entry(table: PublicTable, contract: Contract | None, who: tuple[Both, ...], *, hides: bool) -> Entry:
    kinds = dict(table.columns)
    if contract is None:
        fields = tuple(Field(name, "", kind, "", "") for name, kind in table.columns)
        return Entry(table.name, (table.short_name, ""), "", "", who, fields)
    described = [_field(column, column.name in kinds) for column in contract.stored_columns]
    described += [
        Field(name, chinese, kind, "", english)
        for name, kind, english, chinese in dictionary.lineage(contract)
        if name in kinds
    ]
    if hides:
        english, chinese = suppression.SUPPRESSED_SAYS
        described.append(Field(suppression.SUPPRESSED, chinese, "VARCHAR[]", "", english, stays=OPEN_ONLY))
    return Entry(
        table.name,
        (contract.title, dictionary.table_title(contract)),
        " ".join(filter(None, (dictionary.deprecation(contract)[0], contract.description))),
        contract.grain,
        who,
        tuple(described),
        f"{contract.contract_id} {contract.version}",
        contract.owner,
    )


def _field(column: Column, is_published: bool) -> Field:
    return Field(
        column.name,
        column.business_name,
        column.type,
        ", ".join(dictionary.units(column)),
        column.description,
        column.is_key,
        column.required,
        _limits(column),
        tuple((value.value, value.label) for value in column.enum),
        column.references,
        column.classification,
        ("", "") if is_published else NOBODY,
    )


def _limits(column: Column) -> str:
    low, high = column.minimum, column.maximum
    said = []
    if low is not None or high is not None:
        said.append(f"{'' if low is None else f'{low:g}'} … {'' if high is None else f'{high:g}'}".strip())
    if column.min_length or column.max_length:
        said.append(
            f"{column.min_length or 0} … {column.max_length or ''} characters 字符".replace("…  ", "… ")
        )
    if column.pattern:
        said.append(column.pattern)
    return "; ".join(said)


def _questions(publication: Publication) -> Iterator[Entry]:
    """The views of an office file, with the columns they have there."""
    columns = _columns_of_views(publication)
    for view in office_views.read(publication.project, publication.contracts):
        english, chinese = split(view.comment)
        fields = []
        for name, kind in columns.get(view.name, ()):
            meaning, name_zh = split(view.column_comments.get(name, ""))
            fields.append(Field(name, name_zh, kind, "", meaning))
        yield Entry(view.name, ("", chinese), english, "", (OFFICE_OWN,), tuple(fields))


def _columns_of_views(publication: Publication) -> dict[str, Sequence[tuple[str, str]]]:
    """Columns and types of each view, as any office file has them."""
    import duckdb

    file = next(iter(sorted(publication.folder.glob(f"{releases.OFFICES}/*/*.duckdb"))), None)
    if file is None:
        return {}
    with duckdb.connect(str(file), read_only=True) as office:
        rows = office.execute(
            "select table_name, list([column_name, data_type] order by column_index) from duckdb_columns() "
            "where schema_name = 'main' and not internal and database_name = current_database() group by table_name"
        ).fetchall()
    return {
        name: [(column, kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")) for column, kind in columns]
        for name, columns in rows
    }


def split(comment: str) -> Both:
    """The English and the Chinese of a comment that says both, one after the other."""
    found = _CHINESE.search(comment)
    place = found.start() if found else len(comment)
    return comment[:place].strip(), comment[place:].strip()
