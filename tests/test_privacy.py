"""Personal values: masked in every shape people write them in, tokens that can be recomputed and not reversed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator

import duckdb
import pytest

from pipelines import database, privacy

KEY = "a key for tests"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = database.memory()
    privacy.install(connection, KEY)
    yield connection
    connection.close()


def masked(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    return connection.execute("select mask_text(?)", [text]).fetchone()[0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("请回电13900001234谢谢", "请回电[号码]谢谢"),
        ("电话１３９ ０００－０１２３４", "电话[号码]"),
        ("tel13900001234 x", "tel[号码] x"),
        ("2026-11-17 139 0000 1234", "2026-11-17 [号码]"),
        ("2026-11-17139 0000 1234", "2026-11-17[号码]"),
        ("2026-11-1713900001234", "2026-11-17[号码]"),
        ("2026年11月17日139-0000-1234", "2026年11月17日[号码]"),
        ("13900001234,13900001235;13900001236", "[号码],[号码];[号码]"),
        ("139 0000 1234 139 0000 1235 139 0000 1236", "[号码] [号码] [号码]"),
        ("+86 139-0000-1234", "[号码]"),
        ("139.0000.1234/139_0000_1235", "[号码]/[号码]"),
        ("身份证110101199003071234。", "身份证[号码]。"),
        ("11010119900307123X", "[号码]"),
        ("110101 1990 0307 123X", "[号码]"),
        ("座机010-69741234", "座机[号码]"),
        ("京A12345占道", "[车牌]占道"),
        ("京A·12345占道", "[车牌]占道"),
        ("粤ＢＤ１２３４５停放", "[车牌]停放"),
        ("3号楼2单元502室漏水", "3号楼漏水"),
        ("来电人：张三 反映噪音", "来电人[姓名] 反映噪音"),
        ("来电人王霁鸢反映噪音", "来电人[姓名]反映噪音"),
        ("联系人李雷，电话不详", "联系人[姓名]，电话不详"),
        ("写信到someone@example.com", "写信到[邮箱]"),
    ],
)
def test_a_personal_value_is_masked_however_it_is_written(
    connection: duckdb.DuckDBPyConnection, text: str, expected: str
) -> None:
    assert expected == masked(connection, text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-17 09:03:00 已处理",
        "见HL-20261117-000123",
        "60㎡ ① 约120户",
        "来电人表示噪音扰民",
        "3号楼北侧路灯不亮",
        "",
    ],
)
def test_a_text_without_personal_values_stays_as_it_is(
    connection: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert text == masked(connection, text)


def test_a_token_is_the_hmac_of_the_number_in_its_year(connection: duckdb.DuckDBPyConnection) -> None:
    digest = hmac.new(KEY.encode(), b"2613900012345", hashlib.sha256).digest()
    expected = "26_" + base64.b32encode(digest).decode()[:26]

    found = connection.execute("select caller_token('139 0001-2345', '26')").fetchone()

    assert (expected,) == found


def test_one_number_has_one_token_however_it_is_written(connection: duckdb.DuckDBPyConnection) -> None:
    spellings = [
        "13900012345",
        "+86 139 0001 2345",
        "8613900012345",
        "１３９０００１２３４５",
        "139-0001-2345",
    ]
    tokens = {
        connection.execute("select caller_token(?, '26')", [text]).fetchone()[0]  # type: ignore[index]
        for text in spellings
    }

    assert 1 == len(tokens)


def test_tokens_of_two_years_or_two_keys_cannot_be_linked(connection: duckdb.DuckDBPyConnection) -> None:
    this_year, next_year = connection.execute(
        "select caller_token('13900012345', '26'), caller_token('13900012345', '27')"
    ).fetchone()  # type: ignore[misc]
    other = database.memory()
    privacy.install(other, "another key")
    elsewhere = other.execute("select caller_token('13900012345', '26')").fetchone()[0]  # type: ignore[index]
    other.close()

    assert 3 == len({this_year[3:], next_year[3:], elsewhere[3:]})


@pytest.mark.parametrize(
    ("text", "kinds", "expected"),
    [
        ('{"id": "11010519491231002X"}', ("identity_number",), ["identity_number"]),
        ('{"id": "110105194912310021"}', ("identity_number",), []),
        ('{"device": "11011400001310000001"}', ("identity_number",), []),
        ('{"n": "京A12345"}', ("plate", "picture"), ["plate"]),
        ('{"p": "data:image/png;base64,AAAA"}', ("picture",), ["picture"]),
        ('{"p": "http://x/1.JPG"}', ("picture",), ["picture"]),
    ],
)
def test_forbidden_values_are_found_and_other_numbers_are_not(
    text: str, kinds: tuple[str, ...], expected: list[str]
) -> None:
    assert expected == privacy.forbidden_values(text, kinds)


def test_an_error_text_shows_no_value() -> None:
    assert "Could not convert '…' near …" == privacy.scrub(
        "Could not convert '13900001234' near 110101199003\nmore"
    )
