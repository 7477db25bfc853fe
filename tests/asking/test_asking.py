"""A question is answered from the release or an office file, and can do nothing else."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet
import pytest
from asked import session
from two_streets import EAST, WEST

from pipelines import asking, lake, releases
from pipelines.errors import UrbanBrainError, WarehouseError


def _ask(
    sql: str, office: str | None = None, format: asking.Form = "json", limit: int = 100, seconds: float = 60
) -> str:
    out = io.StringIO()
    session(office, seconds).answer(asking.Question(sql, format, limit), out)
    return out.getvalue()


def _refused(sql: str, office: str | None = None) -> UrbanBrainError:
    with pytest.raises(UrbanBrainError) as caught:
        _ask(sql, office)
    return caught.value


def test_the_release_answers_about_governance_reference_and_operations() -> None:
    answer = json.loads(_ask("select street_code, response_share from governance.scorecard order by all"))

    assert [
        {"street_code": EAST, "response_share": 0.5},
        {"street_code": WEST, "response_share": None},
    ] == answer
    assert answer == json.loads(_ask("select street_code, response_share from shared.scorecard order by all"))
    assert [{"n": 6}] == json.loads(_ask("select count(*) as n from ref.areas"))
    assert [{"n": 2}] == json.loads(_ask("select count(*) as n from ops.batches"))


def test_an_office_is_asked_without_naming_it() -> None:
    assert [{"order_id": "HL-EAST-2"}] == json.loads(_ask("select order_id from b_open_orders", EAST))
    assert [] == json.loads(_ask("select order_id from b_open_orders", WEST))
    assert [{"n": 2}] == json.loads(_ask("select count(*) as n from governance.scorecard", EAST))


def test_instants_come_in_the_time_the_readers_live_in() -> None:
    assert [{"reported_at": "2026-11-17T09:00:00+08:00"}] == json.loads(
        _ask("select reported_at from all_orders where order_id = 'HL-EAST-1'", EAST)
    )
    assert "2026-11-17 09:00:00+08:00" in _ask("select reported_at from all_orders", EAST, "csv")


@pytest.mark.parametrize(
    "sql",
    [
        "describe governance.cases",
        "show all tables",
        "summarize governance.scorecard",
        "explain select 1",
        "EXPLAIN ANALYZE select * from governance.cases",
        "from governance.cases",
        "values (1)",
        "with a as (select 1) from a;",
        "-- a comment\nselect 1",
        "pivot governance.channel_health on status in ('ok', 'missing') using count(*)",
    ],
)
def test_whatever_reads_is_answered(sql: str) -> None:
    assert json.loads(_ask(sql))


@pytest.mark.parametrize("office", [None, EAST])
@pytest.mark.parametrize(
    "sql",
    [
        "attach '/tmp/x.duckdb'",
        "attach '{other}' as other (read_only)",
        "copy (select 1) to '/tmp/urbanbrain-evil.csv'",
        "copy (select 1) to '{table}'",
        "copy (select 1) to '{table}' (use_tmp_file false)",
        "copy governance.cases from '{table}'",
        "explain analyze copy (select 1) to '{table}' (use_tmp_file false)",
        "explain analyze (format json) copy (select 1) to '{table}'",
        "export database '/tmp/urbanbrain-evil'",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from read_text('{manifest}')",
        "select * from '{other}'",
        "select * from read_parquet('{tables}/*.parquet')",
        "select * from glob('/*')",
        "select * from glob('{tables}/*')",
        "select * from sniff_csv('/etc/passwd')",
        "from query('copy (select 1) to ''/tmp/x''')",
        "set enable_external_access = true",
        "set memory_limit = '100GB'",
        "reset lock_configuration",
        "pragma enable_external_access",
        "pragma memory_limit='9GB'",
        "install spatial",
        "load spatial",
        "use memory",
        "create table x as select 1",
        "create temp table x as select 1",
        "create macro f() as 1",
        "insert into governance.cases select * from governance.cases",
        "delete from governance.cases",
        "update governance.cases set member_count = 0",
        "drop view governance.cases",
        "call pragma_version()",
        "checkpoint",
        "begin transaction",
        "prepare p as select 1",
        "select 1; select 2",
        "select 1; drop view governance.cases",
        "explain select 1; copy (select 1) to '/tmp/x'",
        "",
        "-- only a comment",
        "selct 1",
        "select * from sql",
        "select * from connection",
    ],
)
def test_whatever_else_is_refused(sql: str, office: str | None) -> None:
    release = releases.current()
    (table,) = release.detail["governance.cases"].files
    statement = sql.format(
        other=release.office_file(WEST),
        table=table,
        tables=table.parent,
        manifest=release.path / releases.MANIFEST,
    )

    refusal = _refused(statement, office)

    assert refusal.message
    assert not Path("/tmp/urbanbrain-evil.csv").exists()  # noqa: S108


@pytest.mark.parametrize("function", ["enable_logging", "enable_profiling"])
def test_functions_that_would_write_a_log_write_none(function: str, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    for arguments in (
        f"storage = 'file', storage_path = '{path}'",
        f"format = 'json', save_location = '{path}'",
    ):
        try:
            _ask(f"select * from {function}({arguments})")
        except UrbanBrainError:
            continue

    assert not path.exists()


def test_an_office_sees_no_other_office() -> None:
    _refused("select * from governance.unpromised", EAST)
    names = [table.name for table in asking.tables(EAST)]

    assert "-WEST-" not in "".join(_ask(f"from {name}", EAST, "csv") for name in names)


def test_the_pipelines_database_is_not_needed_and_not_opened() -> None:
    assert not lake.warehouse_file().exists()

    _ask("from governance.cases")

    assert not lake.warehouse_file().exists()


def test_an_unknown_table_is_answered_with_the_tables_there_are() -> None:
    refusal = _refused("from governance.zzzzzzz")

    assert "governance.cases" in refusal.next_step
    assert "shared.scorecard" in refusal.next_step


def test_an_unknown_column_is_answered_with_the_nearest() -> None:
    refusal = _refused("select case_idd from governance.cases")

    assert "case_id" in refusal.message
    assert "describe" in refusal.next_step


def test_two_statements_are_told_apart_from_an_open_pivot() -> None:
    assert "in (…)" in _refused("pivot governance.channel_health on status using count(*)").next_step
    assert "one after the other" in _refused("select 1; select 2").next_step


def test_a_question_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(UrbanBrainError, match=r"longer than 0\.3 s"):  # its sum would take minutes or hours
        _ask("select sum(a.range * b.range) from range(10000000) as a, range(10000000) as b", seconds=0.3)


def test_an_answer_that_never_ends_is_stopped_too() -> None:
    with pytest.raises(UrbanBrainError, match=r"longer than 0\.3 s"):
        _ask("select range from range(10000000000)", format="csv", seconds=0.3)


def test_a_person_is_not_made_to_wait_until_endless_rows_are_counted() -> None:
    text = _ask("select range from range(10000000000)", format="table", limit=3)

    assert "more than 100,000 more rows" in text


@pytest.mark.parametrize(
    "sql",
    [
        "select list(range::varchar || 'xxxxxxxxxxxxxxxx') from range(20000000)",
        # Texts that a function makes are none of what DuckDB counts: 6 GB of them.
        pytest.param(
            "select max(length(repeat(range::varchar, 3000000))) from range(2000)", marks=pytest.mark.long
        ),
    ],
)
def test_a_question_that_needs_too_much_memory_is_stopped(sql: str) -> None:
    with pytest.raises(UrbanBrainError, match=r"memory"):
        asking.ask(sql, None, "json", io.StringIO(), memory="50MB", seconds=300)


@pytest.mark.parametrize(
    "sql",
    [
        "select levenshtein(repeat('ab', 200000), repeat('ba', 200000))",
        pytest.param("select list_reduce(range(3000000), lambda a, b: a + b)", marks=pytest.mark.long),
    ],
)
def test_a_question_that_duckdb_does_not_stop_is_stopped(sql: str) -> None:
    with pytest.raises(UrbanBrainError, match=r"longer than 0\.5 s"):
        _ask(sql, EAST, seconds=0.5)

    assert [{"a": 1}] == json.loads(_ask("select 1 as a", EAST))


def test_a_table_for_people_folds_marks_nulls_and_says_how_many_rows_are_left() -> None:
    text = _ask(
        "select range as n, null as nothing, repeat('长', 300) as long from range(12)",
        format="table",
        limit=5,
    )

    assert "∅" in text
    assert "… and 7 more rows" in text
    assert 300 * 5 == text.count("长")
    assert max(len(line) for line in text.splitlines()) <= 160


def test_markup_in_the_data_is_shown_as_it_is() -> None:
    assert "[red]x[/red]" in _ask("select '[red]x[/red]' as a", format="table")


def test_csv_reads_back(tmp_path: Path) -> None:
    sql = """select 'a,"b"' as text, 1.50::decimal(4, 2) as share, null as nothing, true as is_so,
        date '2026-11-17' as day, ['x', '街'] as list"""

    rows = list(csv.DictReader(io.StringIO(_ask(sql, format="csv"))))

    assert [
        {
            "text": 'a,"b"',
            "share": "1.50",
            "nothing": "",
            "is_so": "true",
            "day": "2026-11-17",
            "list": '["x", "街"]',
        }
    ] == rows


def test_json_is_json_whatever_the_type() -> None:
    sql = """select 1.50::decimal(4, 2) as a, 2::decimal(4, 0) as b, 'nan'::double as c, {'x': [date '2026-01-01']} as d,
        interval 1 day as e, uuid '00000000-0000-0000-0000-000000000001' as f, '街' as g, 1 as a, map {'k': 1} as h"""

    text = _ask(sql)

    assert [
        {
            "a": 1.5,
            "b": 2,
            "c": None,
            "d": {"x": ["2026-01-01"]},
            "e": "1 day, 0:00:00",
            "f": "00000000-0000-0000-0000-000000000001",
            "g": "街",
            "a_1": 1,
            "h": {"k": 1},
        }
    ] == json.loads(text)
    assert "街" in text
    assert [] == json.loads(_ask("select 1 where false"))


def test_parquet_goes_to_a_binary_stream(tmp_path: Path) -> None:
    path = tmp_path / "answer.parquet"
    with path.open("wb") as out:
        count = asking.ask("select *, 1 as a, 2 as a from all_orders", EAST, "parquet", out)
    buffer = io.TextIOWrapper(io.BytesIO())
    asking.ask("select 1.5::decimal(3, 1) as x where false", None, "parquet", buffer)

    table = pyarrow.parquet.read_table(path)
    assert 2 == count == table.num_rows
    assert ["a", "a_1"] == table.column_names[-2:]
    assert [EAST, EAST] == table["street_code"].to_pylist()
    assert ["x"] == pyarrow.parquet.read_table(io.BytesIO(buffer.buffer.getvalue())).column_names  # type: ignore[attr-defined]


def test_parquet_is_not_poured_into_a_terminal() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal, pytest.raises(UrbanBrainError, match="terminal"):
        asking.ask("select 1", None, "parquet", terminal)
    os.close(ours)


def test_tables_come_with_the_comments_of_their_contracts() -> None:
    of_release = {table.name: table for table in asking.tables()}
    of_office = {table.name: table for table in asking.tables(EAST)}

    assert "What cases holds. One row per row. 表 cases" == of_release["governance.cases"].comment
    assert ("case_id", "VARCHAR", "The case_id of it. 列 case_id") == of_release["governance.cases"].columns[
        0
    ]
    assert "What orders holds. One row per row. 表 orders" == of_office["city.orders"].comment
    assert "Orders that nobody called back about. 未回访的工单。" == of_office["b_open_orders"].comment
    assert "b_open_orders" not in of_release


def test_a_question_stays_with_one_release(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = []
    current = releases.current
    monkeypatch.setattr(releases, "current", lambda: resolved.append(1) or current())

    with asking.Session() as session:
        for _ in range(2):
            session.answer(asking.Question("from governance.cases, governance.scorecard"), io.StringIO())

    assert [1] == resolved


def test_before_the_first_release_the_answer_is_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path))

    with pytest.raises(WarehouseError, match="nothing is published yet"):
        asking.ask("select 1")


def test_a_release_that_went_meanwhile_is_told_without_naming_a_place(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(published, tmp_path / "home")
    monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path / "home"))
    with asking.Session() as late:
        late.release.path.rename(tmp_path / "elsewhere")
        with pytest.raises(WarehouseError, match="cannot be opened: No such file") as caught:
            late.described()

    assert str(tmp_path) not in str(caught.value)


def test_an_unknown_office_is_answered_with_the_offices_there_are() -> None:
    assert EAST in _refused("select 1", "12").next_step


def test_a_decimal_keeps_its_value() -> None:
    assert Decimal("0.10") == Decimal(_ask("select 0.10::decimal(3, 2) as x", format="csv").split()[1])


@pytest.mark.parametrize(
    ("sql", "signs"),
    [
        ("select ＊ from city.orders", "＊"),
        ("select 1 as a， '；＊' as b -- （）\n；", "， ；"),
        ("select count（*） from city.orders", "（ ）"),
        ("select 1 where 'a' = ‘a’", "‘ ’"),
    ],
)
def test_full_width_signs_are_named_and_those_that_are_meant_are_not(sql: str, signs: str) -> None:
    assert f"full-width signs: {signs}" == _refused(sql).message.splitlines()[-1].split(" ", 1)[1]
    assert "请改用半角符号" in _refused(sql).next_step


def test_a_name_that_is_not_there_brings_those_that_come_close() -> None:
    assert "did you mean b_open_orders?" in _refused("from b_open", EAST).next_step
    assert "没有这个表或视图" in _refused("from b_open", EAST).message
    assert "did you mean city.orders" in _refused("from city.ordres", EAST).next_step


def test_a_quote_that_is_not_closed_is_told_in_two_languages() -> None:
    refused = _refused("select 'x")

    assert "引号没有成对" in refused.message
    assert "半角单引号" in refused.next_step
