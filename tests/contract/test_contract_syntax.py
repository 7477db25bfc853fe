"""The small languages inside a contract, against the programs that will really read them."""

from __future__ import annotations

import duckdb
import pytest
from croniter import croniter

from pipelines.contract import syntax

PATTERNS = [
    "^HL-[0-9]{8}-[0-9]{6}$",
    r"^\d{4}\.\d+$",
    "^(合计|小计|全区)",
    "[]a]x[^]]",
    r"[\]\[]+?",
    "(?i)abc",
    "(?:a|b)*c{2,}",
    "(?P<year>[0-9]{4})",
    "a{1000}",
    r"\bword\b",
    "a.?b",
]
NO_PATTERNS = [
    "(?=x)y",
    "(?!x)y",
    "(?<=x)y",
    "(?<!x)y",
    r"(a)\1",
    "(?P<a>x)(?P=a)",
    "(?>a)b",
    "a++",
    "a*+",
    "a{2}+",
    "(?x)a",
    r"a\Z",
    "a{1001}",
    "[",
    "(",
    "*",
    "a**",
    "(?P<a>x)(?P<a>y)",
    "[[:alpha:]]",
    "(a)(?(1)b|c)",
    "\\",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_we_take_is_one_duckdb_takes(pattern):
    assert "" == syntax.wrong_pattern(pattern)
    assert duckdb.execute("select regexp_matches('', ?)", [pattern]).fetchall()


@pytest.mark.parametrize("pattern", NO_PATTERNS)
def test_a_pattern_that_programs_read_differently_is_refused_in_words(pattern):
    assert syntax.wrong_pattern(pattern)


@pytest.mark.parametrize(
    "line",
    [
        "10 * * * *",
        "*/15 0-6,22 * * mon-fri",
        "0 0 1 jan,jul *",
        "5/15 * * * *",
        "0 0 * * 7",
        "0 0 31 1 *",
        "0 0 29 2 *",
    ],
)
def test_a_cron_line_we_take_is_one_croniter_takes(line):
    assert "" == syntax.wrong_cron(line)
    assert croniter.is_valid(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "@daily",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "10-5 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "1,,2 * * * *",
        "-1 * * * *",
        "* * * foo *",
        "0 0 30 2 *",
        "١٠ * * * *",
    ],
)
def test_a_line_that_is_no_cron_is_refused_in_words(line):
    assert syntax.wrong_cron(line)


@pytest.mark.parametrize("text", ["", "72", "h", "0h", "-1h", "1.5h", "72 h", "72H", "3w", "9999999999999d"])
def test_a_text_that_is_no_duration_is_none(text):
    assert syntax.duration(text) is None


def test_reserved_words_are_the_ones_of_duckdb():
    words = duckdb.execute(
        "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
    ).fetchall()

    assert {word for (word,) in words} == syntax.RESERVED


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("select count(*) from {object} where a > 1", "a > 1"),
        ("SELECT COUNT( * )\nFROM {object}\nWHERE a\n> 1 ;", "a\n> 1"),
        ("select count(*) from {object} where x = 'a; (b'", "x = 'a; (b'"),
        ("select count(*) from {object}", ""),
        ("select count(*) from {object} as o where o.a > 1", ""),
        ("select count(a) from {object} where a > 1", ""),
    ],
)
def test_the_condition_is_what_stands_after_where(query, condition):
    assert condition == syntax.condition_of(query)


@pytest.mark.parametrize(
    "condition",
    [
        "a in (select b from c group by b having count(*) > 1)",
        "x = 'it''s ) -- fine; {'",
        '"order" = [1, 2][1]',
        "list_contains(a, 'x') or (b is null and not (c))",
    ],
)
def test_a_condition_that_stands_alone_is_taken(condition):
    assert "" == syntax.wrong_condition(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "a > 1) or (1 = 1",
        "(a",
        "a -- b",
        "a /* b */",
        "a; drop table b",
        "a = 'x",
        'a = "x',
        "a union select 1",
        "{x} = 1",
    ],
)
def test_a_condition_that_breaks_out_is_refused(condition):
    assert syntax.wrong_condition(condition)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8600/a",
        "https://example.org/x_{start:%Y%m%d}_{end:%Y%m%dT%H%M}.csv?a=1",
        "${HOTLINE_URL}/api",
        "${SAMPLE_CITY_URL:-http://127.0.0.1:8600}/api?limit=5",
    ],
)
def test_a_good_address_is_taken(address):
    assert [] == list(syntax.wrong_address(address))


@pytest.mark.parametrize(
    "name",
    ["password", "api_key", "apikey", "token", "accessToken", "app-secret", "X-Auth", "sign.signature"],
)
def test_a_parameter_that_sounds_like_a_secret_is_refused(name):
    assert syntax.secret_in_parameter(name)


@pytest.mark.parametrize(
    "name", ["page", "resource_id", "sort", "author", "key_stage", "passage", "tokens_per_page"]
)
def test_a_harmless_parameter_is_taken(name):
    assert "" == syntax.secret_in_parameter(name)
