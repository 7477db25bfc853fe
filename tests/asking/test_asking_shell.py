"""The shell: at a real terminal, and key by key; what it remembers, what it offers, what it says of newer releases."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from at_terminal import AtTerminal
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from two_streets import EAST, FEEDS, GOVERNANCE, project, warehouse

from pipelines import asking, releases
from pipelines.asking import commands, shell, statements
from pipelines.asking.history import QuestionHistory
from pipelines.asking.names import NameCompleter
from pipelines.stages import publishing

PROMPT = f"{EAST}>"


def test_at_a_terminal_one_asks_stops_and_leaves(use_published: Path, tmp_path: Path) -> None:
    with AtTerminal("sql", "--office", EAST, home=use_published, state=tmp_path) as terminal:
        assert releases.current().release_id in terminal.wait_for(PROMPT)
        terminal.type("select order_id,\r  upper('a') as a from all_orders;\r")
        answer = terminal.wait_for("2 rows 行")
        assert "HL-EAST-1" in answer
        assert "HL-WEST-1" not in answer

        terminal.wait_for(PROMPT)
        terminal.type("select levenshtein(repeat('ab', 200000), repeat('ba', 200000)), '13812345678';\r")
        terminal.wait_until_it_works()
        terminal.press_until("\x03", "stopped 已中止")

        terminal.wait_for(PROMPT)
        terminal.type("select 40 + 2 as answer;\r")
        assert "42" in terminal.wait_for("1 rows 行")
        terminal.wait_for(PROMPT)
        terminal.type("what is half typ")
        terminal.wait_for("half typ")
        terminal.type("\x03")
        terminal.wait_for(PROMPT)
        assert 0 == terminal.leave("\x04")

    kept = tmp_path / "urbanbrain" / "questions.jsonl"
    assert 0o600 == stat.S_IMODE(kept.stat().st_mode)
    assert 0o700 == stat.S_IMODE(kept.parent.stat().st_mode)
    assert "13812345678" not in kept.read_text()
    assert "[号码]" in kept.read_text()
    assert 3 == len(kept.read_text().splitlines())


@pytest.fixture
def typed(use_published: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Types keys into a shell that asks the office, and tells what it wrote and what it said."""

    def run(keys: str, office: str | None = EAST) -> tuple[str, str]:
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            pipe.send_text(f"{keys}\x04")
            with asking.Session(office) as session:
                shell.run(session, "csv", history=InMemoryHistory())
        captured = capsys.readouterr()
        return captured.out, captured.err

    return run


def test_key_by_key(typed: Callable[..., tuple[str, str]]) -> None:
    answers, said = typed(
        "select 'a;b' as one,\r'x' as two;\r"  # Enter goes on until the semicolon
        "select 1 as a; select 2 as b;\r"
        "\r"
        "selct 1;\r"
        "from nowhere;\r"
        ".format json\r"
        "select 3 as c;\r"
        ".format parquet\r"
        ".limit 1\r"
        ".format markdown\r"
        "from all_orders;\r"
        ".seconds 0.3\r"
        "select count(*) from range(1000000000000) where range % 7 = range % 11;\r"
        ".seconds x\r"
        ".explain select order_id from city.orders\r"
        ".describe b_open_orders\r"
        ".descr\r"
        ".nothing\r"
        ".release\r"
        "help\r"
        "quit\r"
        "select 'after leaving';\r"
    )

    assert answers.startswith('one,two\na;b,x\na\n1\nb\n2\n[\n{"c": 3}\n]\n')
    assert "| HL-EAST-1 |" in answers
    assert "1 more rows" in answers
    assert "read 读表 · " in answers
    assert "Orders that nobody called back about. 未回访的工单。" in answers
    assert "after leaving" not in answers
    for words in (
        "syntax error", "tables: ", "'parquet' is no format", "longer than 0.3 s", "'x' is no number",
        "takes the name of a table", "no command .nothing", "as of 截至", "执行计划，不执行", "2 rows 行",
    ):  # fmt: skip
        assert words in said


def test_without_an_office_the_districts_tables_are_asked(typed: Callable[..., tuple[str, str]]) -> None:
    answers, said = typed("select count(*) as n from governance.cases;\r", None)

    assert "n\n2\n" == answers
    assert "district 全区" in said


def test_a_shell_stays_with_its_release_and_tells_once_of_a_newer(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path / "home"))
    made = project(tmp_path)
    with warehouse() as connection:
        publishing.publish(connection, FEEDS, GOVERNANCE, made)
        with asking.Session(EAST) as session:
            asked = shell.Shell(session, "csv")
            first = releases.current().release_id
            asked.tell_of_newer()
            assert "" == capsys.readouterr().err
            connection.execute("update governance.scorecard set response_share = 0.75")
            connection.execute("update ops.batches set landed_at = landed_at + interval 1 day")
            publishing.publish(connection, FEEDS, GOVERNANCE, made)
            asked.tell_of_newer()
            asked.tell_of_newer()
            session.stop()  # as Ctrl-C does
            asked.take(f"select response_share from governance.scorecard where street_code = '{EAST}';")
    said = capsys.readouterr()

    assert first != releases.current().release_id
    assert 1 == said.err.count(releases.current().release_id)
    assert "response_share\n0.5\n" == said.out


@pytest.fixture(scope="module")
def completer(published: Path) -> Iterator[NameCompleter]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("URBANBRAIN_HOME", str(published))
        found = asking.tables(EAST)
    yield NameCompleter(found, commands.names(), asking.FORMATS)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("sel", "select"),
        ("from b_op", "b_open_orders"),
        ("from ord", "city.orders"),
        ("from city.", "orders"),
        ("from city.ord", "orders"),
        ("select o.order from city.orders as o\b\b", None),
        ("from city.orders as o where o.rep", "reported_at"),
        ("from city.orders where resol", "resolved"),
        ("from city.orders where orders.resol", "resolved"),
        ("from governance.cases where ca", "case_id"),
        (".des", ".describe"),
        (".format m", "markdown"),
        (".describe governance.ca", "governance.case_members"),
    ],
)
def test_names_are_offered_by_what_is_typed(completer: NameCompleter, text: str, first: str | None) -> None:
    offered = [each.text for each in completer.get_completions(Document(text), CompleteEvent())]

    assert first == (offered[0] if offered and first else first)
    assert not first or offered


def test_a_column_is_offered_with_what_it_means(completer: NameCompleter) -> None:
    [offered] = completer.get_completions(Document("from city.orders where resol"), CompleteEvent())

    assert "varchar The resolved of it. 列 resolved" == offered.display_meta_text


@pytest.mark.parametrize(
    ("text", "whole", "rest"),
    [
        ("select 1", [], "select 1"),
        ("select 1;", ["select 1;"], ""),
        ("select ';' as a; select 2", ["select ';' as a;"], "select 2"),
        ("select e'\\';' as a;", ["select e'\\';' as a;"], ""),
        ("select $a$;$a$;", ["select $a$;$a$;"], ""),
        ('select ";" from t -- ;\n;', ['select ";" from t -- ;\n;'], ""),
        ("/* ; /* ; */ ; */ select 1;", ["/* ; /* ; */ ; */ select 1;"], ""),
        ("/* ;", [], "/* ;"),
        ("select 'x;", [], "select 'x;"),
        (";;", [], ""),
        ("select '；' as a；select 2", ["select '；' as a;"], "select 2"),
    ],
)
def test_a_statement_ends_where_a_person_means_it_to(text: str, whole: list[str], rest: str) -> None:
    assert (whole, rest) == statements.split(text)


def test_history_survives_what_a_full_disk_cut_short_and_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "state" / "questions.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(f"select {number};") + "\n" for number in range(2500)) + '"selec')
    history = QuestionHistory(path)

    assert "select 2499;" == next(iter(history.load_history_strings()))
    assert 1000 == len(path.read_text().splitlines())


def test_where_nothing_can_be_kept_one_can_still_ask(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    history = QuestionHistory(tmp_path / "file" / "questions.jsonl")
    history.store_string("select 1;")

    assert [] == list(history.load_history_strings())


def test_history_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "questions.jsonl").symlink_to(tmp_path / "elsewhere")
    QuestionHistory(tmp_path / "questions.jsonl").store_string("select 1;")

    assert "" == (tmp_path / "elsewhere").read_text()
