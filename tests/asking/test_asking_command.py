"""`urbanbrain sql` and `urbanbrain tables`: where a question comes from, where its answer goes, what is said beside."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow.parquet
import pytest
from asked import session
from two_streets import EAST, WEST
from typer.testing import CliRunner, Result

from pipelines import asking, cli
from pipelines.asking import catalogue
from pipelines.asking.describing import Described
from pipelines.errors import UrbanBrainError


def run(*words: str, input: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli.app, list(words), input=input, env={"COLUMNS": "160"})


def answered(sql: str, form: asking.Form = "table", *, is_plan: bool = False) -> str:
    """What the office is answered without the command line, by a process that is there already."""
    out = io.StringIO()
    session(EAST).answer(asking.Question(sql, form, is_plan=is_plan), out)
    return out.getvalue()


@pytest.mark.long
def test_a_question_comes_from_a_file_with_a_mark_that_editors_leave(tmp_path: Path) -> None:
    file = tmp_path / "due.sql"
    file.write_text("-- 未回访\nselect order_id from b_open_orders", encoding="utf-8-sig")

    assert "order_id\nHL-EAST-2\n" == run("sql", "--office", EAST, "--file", str(file), "-f", "csv").output


@pytest.mark.parametrize("words", [[], pytest.param(["--file", "-"], marks=pytest.mark.long)])
def test_statements_come_from_a_pipe_and_are_answered_in_turn(words: list[str]) -> None:
    text = "select 'a;b' as one; /* ; /* nested ; */ */ select $$;$$ as two;\n-- the end;\n"

    assert "one\na;b\ntwo\n;\n" == run("sql", "-f", "csv", *words, input=text).output


@pytest.mark.long
def test_the_first_statement_that_fails_is_the_last() -> None:
    result = run("sql", "-f", "csv", input="select 1 as a; selct; select 2 as b;")

    assert "a\n1\n" == result.output
    assert isinstance(result.exception, UrbanBrainError)


@pytest.mark.parametrize(
    ("words", "input", "told"),
    [
        (["select 1", "--file", "x.sql"], "", "give one"),
        (["--file", "nowhere.sql"], "", "cannot be read"),
        ([], "", "no question"),
        ([], "-- nothing", "no question"),
        ([], "select \xff".encode("latin-1"), "not UTF-8"),
        (["select 1", "--format", "yaml"], "", "table, csv, json, markdown, parquet"),
        (["select 1", "--office", EAST, "--open"], "", "--office and --open"),
        (["select 1", "--office", "12"], "", "no office file"),
        (["select 1", "--seconds", "0"], "", "no time"),
        (["select 1", "--memory", "much"], "", "no amount"),
        (["select 1; select 2"], "", "2 statements"),
        (["select 1", "-o", "answer.XLSX"], "", "no workbook is written"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(words: list[str], input: str | bytes, told: str) -> None:
    result = run("sql", *words, input=input)

    assert result.exit_code
    assert told in f"{result.exception}{result.stderr}".replace("│", " ")


def test_an_answer_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    target = tmp_path / "answer"
    target.write_text("the last answer, which was longer")
    result = run("sql", "select 1 as a", "-f", "csv", "--output", str(target))

    assert "1 rows written" in result.stderr
    assert "a\n1\n" == target.read_text()
    assert [target] == [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_file_is_written_as_it_is_named(tmp_path: Path) -> None:
    for name, begin in (("a.csv", b"a\n1"), ("a.JSON", b"[\n{"), ("a.md", b"| a |"), ("a.parquet", b"PAR1")):
        run("sql", "select 1 as a", "-o", str(tmp_path / name))

        assert (tmp_path / name).read_bytes().startswith(begin)

    run("sql", "select 1 as a", "-f", "json", "-o", str(tmp_path / "a.csv"))

    assert (tmp_path / "a.csv").read_bytes().startswith(b"[")


def test_parquet_goes_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "orders.parquet"
    run("sql", "--office", EAST, "from city.orders", "-f", "parquet", "-o", str(target))

    assert 2 == pyarrow.parquet.read_table(target).num_rows


def test_markdown_holds_its_shape_whatever_is_in_it() -> None:
    text = answered("select 1.5 as a, E'x|y\\n*z*' as \"b|c\", null as d", form="markdown")

    assert "| a | b\\|c | d |\n| ---: | --- | ---: |\n| 1.5 | x\\|y<br>\\*z\\* |  |\n" == text


def test_a_plan_is_an_outline_and_nothing_is_run() -> None:
    question = "select street_code, error('it was run') from city.orders where street_code <> '' order by all"
    text = run("sql", "--office", EAST, "--explain", question).output

    assert "sort 排序" in text.splitlines()[0]
    assert "└─ " in text
    assert "read 读表" in text
    assert text == answered(f"explain analyze {question}", is_plan=True)
    assert json.loads(answered(question, form="json", is_plan=True))[0]["children"]


@pytest.mark.long
def test_the_open_tables_are_those_of_dashboards() -> None:
    assert json.loads(
        run("sql", "--open", "select count(*) as n from governance.scorecard", "-f", "json").output
    )
    refused = run("sql", "--open", "from governance.cases")

    assert isinstance(refused.exception, UrbanBrainError)
    assert "governance.cases" not in refused.exception.next_step
    assert run("sql", "from governance.cases").output


def test_data_does_not_steer_a_terminal() -> None:
    text = answered("select chr(27) || ']0;owned' || chr(7) || chr(8238) as a")

    assert "\x1b" not in text
    assert "\\x1b]0;owned\\x07\\x202e" in text


@pytest.mark.parametrize("is_one", [True, False])
def test_a_comment_in_markdown_does_not_steer_a_terminal(is_one: bool) -> None:
    out = io.StringIO()
    hostile = "\x1b]0;owned\x07"
    catalogue.write(
        [Described(hostile, hostile, ((hostile, "INTEGER", hostile),))], out, "markdown", is_one=is_one
    )

    assert not {"\x1b", "\x07"} & set(out.getvalue())


def test_help_teaches_both_forms_and_the_codes() -> None:
    text = " ".join(run("sql", "--help").output.replace("│", " ").split())

    for word in ("urbanbrain sql --office CODE", "--explain", "Exit codes", "退出码", "只读"):
        assert word in text


def test_the_catalogue_lists_tables_and_views_with_rows_and_meaning() -> None:
    listed = run("tables", "--office", EAST).output
    found = json.loads(run("tables", "--office", EAST, "--format", "json").output)
    by_name = {each["name"]: each for each in found}

    assert "city.orders  What orders holds. One row per row. 表 orders  table 表 · 2 rows 行" in listed
    assert "table" == by_name["city.orders"]["kind"]
    assert 2 == by_name["city.orders"]["rows"]
    assert "view" == by_name["all_orders"]["kind"]
    assert "The order_id of it. 列 order_id" == by_name["city.orders"]["columns"][0]["comment"]


@pytest.mark.parametrize(
    "name", ["cases", *(pytest.param(each, marks=pytest.mark.long) for each in ("governance.cases", "CASES"))]
)
def test_one_table_is_shown_with_its_columns(name: str) -> None:
    shown = run("tables", name, "--office", EAST).output
    text = run("tables", name, "--office", EAST, "--format", "markdown").output

    assert "1 rows 行" in shown
    assert "The case_id of it. 列 case_id" in shown
    assert "## governance.cases" in text
    assert "| levels_seen | VARCHAR\\[\\] |" in text


@pytest.mark.long
def test_a_view_is_counted_when_it_is_asked_for() -> None:
    assert "view 视图 · 1 rows 行" in run("tables", "b_open_orders", "--office", EAST).output


def test_an_unknown_table_is_answered_with_the_nearest() -> None:
    result = run("tables", "governance.scorecards", "--office", WEST)

    assert isinstance(result.exception, UrbanBrainError)
    assert "governance.scorecard" in result.exception.next_step
