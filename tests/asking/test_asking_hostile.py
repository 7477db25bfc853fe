"""Whatever is asked, nobody sees or changes more than an office's rows, and an answer or a refusal comes in time.

The statements are in `hostile`; here they come in by each of the three doors.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator
from pathlib import Path

import hostile
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from two_streets import EAST, SECRET, TEXT, WEST
from typer.testing import CliRunner

from pipelines import asking, cli, releases
from pipelines.asking import shell
from pipelines.errors import UrbanBrainError

SECONDS = 0.5
PATIENCE_SECONDS = 300.0
"""More than any answer takes; no test is about it."""
FORBIDDEN = ("-WEST-", hostile.MARK, SECRET, TEXT, "landing-key-for-tests")
QUICK = (*hostile.FILES, *hostile.STATEMENTS, *hostile.ANSWERED)


@pytest.fixture(autouse=True)
def planted(use_published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Files beside the release and where the question is asked from; nothing may be changed or added."""
    folder = use_published / "planted"
    hostile.plant(folder)
    work = tmp_path / "work"
    hostile.plant(work)
    monkeypatch.chdir(work)
    before = hostile.listed(use_published, tmp_path)
    yield folder
    assert before == hostile.listed(use_published, tmp_path)


def filled(statement: str, folder: Path) -> str:
    release = releases.current()
    (parquet,) = release.detail["governance.cases"].files
    return hostile.filled(statement, other=release.office_file(WEST), parquet=parquet, folder=folder)


def is_clean(said: str) -> bool:
    return not any(mark in said for mark in FORBIDDEN)


def by_session(statements: list[str], seconds: float, *more: str) -> list[str]:
    """What each is answered: the answer, or the refusal. Those in `more` have all the time they need."""
    said = []
    with asking.Session(EAST) as session:
        for number, statement in enumerate([*statements, *more]):
            session.bounds = asking.Bounds(seconds if number < len(statements) else PATIENCE_SECONDS)
            out = io.StringIO()
            try:
                session.answer(asking.Question(statement, "csv"), out)
            except UrbanBrainError as error:
                out.write(f"refused: {error}")
            said.append(out.getvalue())
    return said


def test_by_a_question_nothing_of_anothers_is_seen(planted: Path) -> None:
    statements = [filled(statement, planted) for statement in QUICK]
    said = dict(zip(statements, by_session(statements, PATIENCE_SECONDS), strict=True))

    assert len(said) >= 100
    assert [] == [statement for statement, words in said.items() if not is_clean(words)]
    refused = {statement for statement, words in said.items() if words.startswith("refused: ")}
    must_be = {filled(each, planted) for each in (*hostile.FILES, *hostile.STATEMENTS)}
    assert set() == must_be - refused


@pytest.mark.parametrize(
    "statement",
    [
        *hostile.HEAVY[:2],
        *(pytest.param(statement, marks=pytest.mark.long) for statement in hostile.HEAVY[2:]),
    ],
    ids=lambda statement: statement[:40],
)
def test_by_a_question_nobody_waits_longer_than_allowed(statement: str, planted: Path) -> None:
    said = by_session([filled(statement, planted)], SECONDS, "select 42 as answer", "select 43 as answer")

    assert is_clean(said[0])
    assert (
        "answer\n43\n" == said[2]
    )  # logging to a file is granted, and ends the process at the next question


def test_by_the_shell_nothing_of_anothers_is_seen(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    statements = [filled(statement, planted) for statement in QUICK if "\0" not in statement]
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        for statement in filter(shell.is_whole, (f"{each};" for each in statements[::12])):
            keys.send_text(
                f"\x1b[200~{statement}\x1b[201~\r"
            )  # pasted; an open quote would take all that follows
        keys.send_text("select 'the' || ' end' as x;\r.exit\r")
        with asking.Session(EAST) as session:
            shell.run(session, "csv", history=InMemoryHistory())
            typed = shell.Shell(session, "csv")
            for statement in statements:
                typed.take(f"{statement};")
    said = capsys.readouterr()

    assert "the end" in said.out
    assert is_clean(said.out + said.err)


@pytest.mark.parametrize(
    "statement",
    [
        *QUICK[::60],
        *(pytest.param(statement, marks=pytest.mark.long) for statement in hostile.HEAVY[::2]),
    ],
    ids=lambda statement: statement[:40],
)
def test_by_the_command_line_nothing_of_anothers_is_seen(statement: str, planted: Path) -> None:
    words = ["sql", "--office", EAST, "--seconds", str(SECONDS), "-f", "csv", "--file", "-"]
    result = CliRunner().invoke(cli.app, words, input=filled(statement, planted))

    assert is_clean(f"{result.output}{result.exception}")
    assert result.exit_code in (0, 1), shlex.join(words)
