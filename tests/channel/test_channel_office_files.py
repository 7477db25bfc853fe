"""Office files of the three days: each holds its street's rows and no other's, says what everything is, and opens at once."""

from __future__ import annotations

import io
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import duckdb
import hostile
import pytest
from channel_days import Channel
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from street_ids import StreetIds, found_in
from typer.testing import CliRunner

from pipelines import asking, cli, lake, releases
from pipelines.asking import shell
from pipelines.contract import load_governance, load_operations
from pipelines.errors import UrbanBrainError

OFFICES = tuple(f"1101140{number:02d}" for number in range(7, 14))
_PLAIN = """
import sys, duckdb
c = duckdb.connect(sys.argv[2], config={"threads": "1"})
c.execute("set force_compression = 'uncompressed'")
c.execute(f"attach '{sys.argv[1]}' as office (read_only)")
c.execute(f'copy from database office to "{sys.argv[3]}"')
c.execute("force checkpoint")
"""


@pytest.fixture(scope="module")
def ids(channel: Channel) -> StreetIds:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("URBANBRAIN_HOME", str(channel.home))
        return StreetIds(lake.warehouse_file(), releases.current())


def test_every_street_has_its_file(at_channel: Channel) -> None:
    assert OFFICES == releases.current().offices


@pytest.mark.parametrize("street", OFFICES)
def test_everything_in_a_file_says_what_it_is_in_both_languages(at_channel: Channel, street: str) -> None:
    with duckdb.connect(str(releases.current().office_file(street)), read_only=True) as office:
        silent = office.execute(
            """
            with said as (
                select schema_name || '.' || table_name as what, comment from duckdb_tables() where not internal
                union all
                select schema_name || '.' || view_name, comment from duckdb_views() where not internal
                union all
                select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns()
                where not internal
            )
            select what, comment from said
            where comment is null or not regexp_matches(comment, '[A-Za-z]{2}') or not regexp_matches(comment, '[一-鿿]')
            """
        ).fetchall()

    assert [] == silent


@pytest.mark.parametrize(
    "street", [OFFICES[0], *(pytest.param(each, marks=pytest.mark.long) for each in OFFICES[1:])]
)
def test_the_bytes_of_a_file_name_no_row_of_another_street(
    at_channel: Channel, ids: StreetIds, tmp_path: Path, street: str
) -> None:
    """As it is, and written anew without compression, where nothing can be hidden in codes."""
    file = releases.current().office_file(street)
    plain = tmp_path / "plain.duckdb"
    subprocess.run([sys.executable, "-c", _PLAIN, str(file), str(plain), plain.stem], check=True)
    others, own = ids.of_others(street), ids.own(street)

    assert len(others) > 10_000
    for content in (file.read_bytes(), plain.read_bytes()):
        assert set() == found_in(content, others)
        assert len(found_in(content, {each for each in own if len(each.encode()) >= 8})) > len(own) * 0.8


def test_a_row_of_another_street_would_be_found(at_channel: Channel, ids: StreetIds) -> None:
    content = releases.current().office_file(OFFICES[0]).read_bytes()
    planted = sorted(ids.of_others(OFFICES[0]))[::500]

    assert set(planted) <= found_in(content + "".join(planted).encode(), ids.of_others(OFFICES[0]))


def test_rows_of_a_file_lie_by_street_and_time_then_by_key(at_channel: Channel) -> None:
    keys = {
        each.table: dict.fromkeys(name for name in ("street_code", each.partition_by, *each.key) if name)
        for each in (*load_governance(), *load_operations())
    }
    with duckdb.connect(str(releases.current().office_file(OFFICES[3])), read_only=True) as office:
        tables = office.execute(
            "select schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall()
        seen = 0
        for schema, table in tables:
            for name in (f"{schema}.{table}", f"governance.{table}"):
                if name not in keys:
                    continue
                there = {column for column, *_ in office.execute(f"describe {schema}.{table}").fetchall()}
                key = ", ".join(f'"{column}" nulls first' for column in keys[name] if column in there)
                lies = office.execute(f"select rowid from {schema}.{table} order by {key}").fetchall()
                assert sorted(lies) == lies, name
                seen += 1
                break

    assert seen > 20


@pytest.fixture
def planted(at_channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    hostile.plant(tmp_path / "planted")
    monkeypatch.chdir(tmp_path / "planted")
    return tmp_path / "planted"


def statements(street: str, planted: Path) -> list[str]:
    """Every hostile statement, aimed at another office's file."""
    release = releases.current()
    other = next(each for each in OFFICES if each != street)
    (parquet,) = release.detail["governance.cases"].files
    return [
        hostile.filled(each, other=release.office_file(other), parquet=parquet, folder=planted)
        for each in (*hostile.FILES, *hostile.STATEMENTS, *hostile.ANSWERED)
        if "\0" not in each
    ]


@pytest.mark.long
@pytest.mark.parametrize("street", OFFICES)
def test_no_door_shows_another_streets_rows_or_changes_anything(
    planted: Path, ids: StreetIds, street: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each statement as a question and in the shell of every office; by the command line every third at one of them."""
    before = hostile.listed(planted)
    asked = statements(street, planted)
    said = io.StringIO()
    with asking.Session(street, bounds=asking.Bounds(20)) as session:
        for statement in asked:
            try:
                session.answer(asking.Question(statement, "csv"), said)
            except UrbanBrainError as error:
                said.write(str(error))
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        for statement in filter(shell.is_whole, (f"{each};" for each in asked[::12])):
            keys.send_text(f"\x1b[200~{statement}\x1b[201~\r")
        keys.send_text(".exit\r")
        with asking.Session(street, bounds=asking.Bounds(20)) as session:
            shell.run(session, "csv", history=InMemoryHistory())
            typed = shell.Shell(session, "csv")
            for statement in asked:
                typed.take(f"{statement};")
    turns = dict(zip(asked[::3], cycle(OFFICES)))
    for statement in (each for each, turn in turns.items() if turn == street):
        words = ["sql", "--office", street, "--seconds", "20", "-f", "csv", "--file", "-"]
        result = CliRunner().invoke(cli.app, words, input=statement)
        said.write(f"{result.output}{result.exception}")
    captured = capsys.readouterr()
    everything = f"{said.getvalue()}{captured.out}{captured.err}"

    assert hostile.MARK not in everything
    assert set() == found_in(everything.encode(), ids.of_others(street))
    assert before == hostile.listed(planted)
    assert [] == releases.current().verify()
