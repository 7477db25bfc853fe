"""A text names the area that bore that code or name on that day, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from duckdb import DuckDBPyConnection

from pipelines import areas, database, settings
from pipelines.areas import reference

REFERENCE = settings.project() / "contracts" / "reference"


@pytest.fixture(scope="module")
def register() -> Iterator[DuckDBPyConnection]:
    """A database that knows the areas of the reference files."""
    connection = database.memory()
    reference.load_files(connection, REFERENCE, only=areas.NEEDED)
    yield connection
    connection.close()


def resolve(
    connection: DuckDBPyConnection, text: str | None, day: str | None, level: str = "street"
) -> tuple[object, ...]:
    connection.execute(
        "create or replace temp table named as select 1 as number, ?::varchar as text, ?::date as day",
        [text, day],
    )
    table = areas.resolution(connection, "named", "text", "day", level, "number")
    return connection.execute(f"select area_code, area_method, area_confidence from {table}").fetchall()[0]


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("回龙观镇", "2014-06-01", "110114006"),
        ("卢沟桥街道", "2020-05-01", "110106008"),
        ("卢沟桥街道", "2023-05-01", "110106017"),
        ("回龙观镇", "2019-01-01", None),
        ("龙泽园街道", "2016-01-01", "110114012"),
        ("回龙观", "2014-06-01", "110114006"),
        ("回龙观", "2024-06-01", "110114011"),
        ("霍营街道", "2012-12-30", None),
        ("霍营街道", "2012-12-31", "110114010"),
    ],
)
def test_a_name_means_the_area_that_bore_it_on_that_day(
    register: DuckDBPyConnection, text: str, day: str, expected: str | None
) -> None:
    assert resolve(register, text, day)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "110114010",
        "110114010000",
        "11 01 14 010",
        "110114010.0",
        "１１０１１４０１０",
        " 110114010 ",
        "110114010001",
    ],
)
def test_a_code_is_read_however_it_is_written(register: DuckDBPyConnection, text: str) -> None:
    assert resolve(register, text, "2024-01-01") == ("110114010", "code", 1.0)


@pytest.mark.parametrize(
    "text", ["1.10114E+11", "1.10114E11", "11011401", "1101140100", "110114000", "999999999", "110114010.5"]
)
def test_a_code_that_lost_digits_names_nothing(register: DuckDBPyConnection, text: str) -> None:
    assert resolve(register, text, "2024-01-01") == (None, None, None)


def test_a_code_counts_only_while_it_lives(register: DuckDBPyConnection) -> None:
    assert resolve(register, "110114006", "2014-06-01")[0] == "110114006"
    assert resolve(register, "110114006", "2019-01-01") == (None, None, None)
    assert resolve(register, "110114012", "2015-09-29") == (None, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("天通苑北街道办事处", "110114008"),
        ("天北街道", "110114008"),
        ("天北", "110114008"),
        ("天通苑北", "110114008"),
        ("东小口镇", "110114007"),
        ("东小口镇(东小口地区办事处)", "110114007"),
        ("霍 营　街道", "110114010"),
    ],
)
def test_every_name_of_a_street_means_the_same_street(
    register: DuckDBPyConnection, text: str, expected: str
) -> None:
    code, method, confidence = resolve(register, text, "2024-01-01")

    assert (expected, "alias") == (code, method)
    assert isinstance(confidence, float)
    assert confidence > 0.9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("北京市昌平区回龙观街道", "110114011"),
        ("昌平区回龙观街道", "110114011"),
        ("北京昌平回龙观", "110114011"),
        ("昌平回龙观", "110114011"),
        ("北京市 昌平区 霍营街道办事处", "110114010"),
    ],
)
def test_names_of_what_lies_above_may_stand_in_front(
    register: DuckDBPyConnection, text: str, expected: str
) -> None:
    code, method, _ = resolve(register, text, "2024-01-01")

    assert (expected, "prefix_alias") == (code, method)


def test_a_street_is_not_found_behind_a_district_it_does_not_lie_in(register: DuckDBPyConnection) -> None:
    assert resolve(register, "丰台区霍营街道", "2024-01-01") == (None, None, None)


def test_the_name_of_a_dead_unit_is_known_but_names_no_area(register: DuckDBPyConnection) -> None:
    assert resolve(register, "回龙观镇", "2019-01-01") == (None, "historic_name", None)
    assert resolve(register, "昌平区回龙观镇", "2019-01-01") == (None, "historic_name", None)


def test_a_historic_name_is_at_most_half_sure(register: DuckDBPyConnection) -> None:
    assert resolve(register, "霍营乡", "2024-01-01") == ("110114010", "historic_name", 0.5)


@pytest.mark.parametrize(
    "text", [None, "", " ", "区城管委", "街道", "火星街道", "不详", "天通苑北街道、天通苑南街道"]
)
def test_text_that_names_no_area_is_left_empty(register: DuckDBPyConnection, text: str | None) -> None:
    assert resolve(register, text, "2024-01-01") == (None, None, None)


def test_a_street_is_not_a_district(register: DuckDBPyConnection) -> None:
    assert resolve(register, "昌平区", "2024-01-01", "district") == ("110114", "alias", 1.0)
    assert resolve(register, "110114000000", "2024-01-01", "district") == ("110114", "code", 1.0)
    assert resolve(register, "霍营街道", "2024-01-01", "district") == (None, None, None)


def test_every_row_is_answered_once(register: DuckDBPyConnection) -> None:
    register.execute(
        "create or replace temp table many as select i as number, "
        "['霍营', '110114011', '回龙观镇', null, '昌平区霍营'][i % 5 + 1] as text, date '2010-01-01' + i::integer as day "
        "from range(10000) as numbers(i)"
    )
    table = areas.resolution(register, "many", "text", "day", "street", "number")

    assert register.execute(
        f"select count(*), count(distinct row), min(row), max(row) from {table}"
    ).fetchone() == (10000, 10000, 0, 9999)


def test_another_city_with_other_codes_and_names_is_resolved_by_its_rows_alone() -> None:
    connection = database.memory()
    connection.execute("create schema ref")
    connection.execute(
        "create table ref.areas as select * from (values "
        "('PH', 'city', null, date '1900-01-01', date '9999-12-31'), "
        "('PH-N', 'district', 'PH', date '1900-01-01', date '9999-12-31'), "
        "('PH-N-7', 'street', 'PH-N', date '2000-01-01', date '9999-12-31')"
        ") as areas(area_code, area_level, parent_area_code, valid_from, valid_to)"
    )
    connection.execute(
        "create table ref.area_aliases as select *, date '1900-01-01' as valid_from, date '9999-12-31' as valid_to, "
        "1.0 as confidence from (values ('Port Haven', 'official', 'PH'), ('North Ward', 'official', 'PH-N'), "
        "('Mill Lane', 'official', 'PH-N-7')) as aliases(alias, alias_kind, area_code)"
    )

    assert resolve(connection, "ph-n-7", "2020-01-01") == ("PH-N-7", "code", 1.0)
    assert resolve(connection, "PH-N-7", "1999-12-31") == (None, None, None)
    assert resolve(connection, "mill  lane", "2020-01-01") == ("PH-N-7", "alias", 1.0)
    assert resolve(connection, "Port Haven North Ward Mill Lane", "2020-01-01") == (
        "PH-N-7",
        "prefix_alias",
        1.0,
    )
