"""The ten questions, asked of the demo's release in psql, of the office file in DuckDB and of its rows in pandas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pandas
import pytest
from channel_days import PROJECT, Channel
from postgres_server import NoServer, Server, running, without

from pipelines import releases, serving

QUESTIONS = sorted(
    path.stem for path in (PROJECT / "warehouse" / "office").glob("*.sql") if ".checks" not in path.name
)


@pytest.fixture(scope="module")
def server(channel: Channel) -> Iterator[Server]:
    """A PostgreSQL that serves the demo's release, with a user for every office and the district."""
    try:
        with running() as found, pytest.MonkeyPatch.context() as patch:
            patch.setenv("URBANBRAIN_HOME", str(channel.home))
            release = releases.current()
            serving.serve(release, found.dsn())
            for street in release.offices:
                found.add_user(f"office{street}", f"urbanbrain_office_{street}")
            for group in ("district", "city", "reader"):
                found.add_user(group, f"urbanbrain_{group}")
            yield found
    except NoServer as why:
        without(why)


def in_psql(server: Server, question: str, user: str, street: str) -> list[list[str]]:
    """Header and rows as the real client writes them; `street` is whose answers are asked for."""
    done = server.psql(
        f"select * from office.{question} where office_code = '{street}'", user, "--csv", "-P", "null=∅"
    )
    assert not done.stderr, done.stderr
    header, *rows = csv.reader(io.StringIO(done.stdout))
    assert "office_code" == header[0]
    assert {street} >= {row[0] for row in rows}
    return [row[1:] for row in (header, *rows)]


def in_duckdb(connection: duckdb.DuckDBPyConnection, question: str) -> list[list[str]]:
    found = connection.execute(f"from {question}")
    return [
        [column[0] for column in found.description or ()],
        *([_text(v) for v in row] for row in found.fetchall()),
    ]


def in_pandas(connection: duckdb.DuckDBPyConnection, question: str) -> list[list[str]]:
    """The answer as a data frame, with Arrow's types, which tell an empty value from a number."""
    frame = connection.execute(f"from {question}").to_arrow_table().to_pandas(types_mapper=pandas.ArrowDtype)
    rows = (
        [_text(None if value is pandas.NA else value) for value in row]
        for row in frame.itertuples(index=False)
    )
    return [list(frame.columns), *rows]


def _text(value: Any) -> str:
    match value:
        case None:
            return "∅"
        case bool():
            return "t" if value else "f"
        case datetime():
            fraction = f".{value.microsecond:06}".rstrip("0") if value.microsecond else ""
            return f"{value:%Y-%m-%d %H:%M:%S}{fraction}{'+00' if value.tzinfo else ''}"
        case date():
            return value.isoformat()
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case Decimal():
            return str(value)
        case list():
            return "{" + ",".join(f'"{item}"' if "," in item or " " in item else item for item in value) + "}"
    return str(value)


@pytest.mark.long
def test_the_ten_questions_have_the_same_answers_everywhere(
    channel: Channel, at_channel: Channel, server: Server
) -> None:
    release = releases.current()
    answered = set()
    for street in release.offices:
        with duckdb.connect(str(release.office_file(street)), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            for question in QUESTIONS:
                expected = in_duckdb(connection, question)

                assert expected == in_psql(server, question, f"office{street}", street), (street, question)
                assert expected == in_psql(server, question, "district", street), (street, question)
                assert expected == in_pandas(connection, question), (street, question)
                answered |= {question} if len(expected) > 1 else set()

    assert len(QUESTIONS) == 14
    assert len(answered) >= 10, "an empty answer proves little"


@pytest.mark.long
def test_every_table_has_the_rows_of_the_release(at_channel: Channel, server: Server) -> None:
    """The district has every published row; an office has its file's rows, of every table that is in it."""
    release = releases.current()
    for name, rows in release.rows.items():
        assert [[str(rows)]] == server.ask(f"select count(*) from {name}", "district"), name
    street = release.offices[0]
    with duckdb.connect(str(release.office_file(street)), read_only=True) as connection:
        named = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name not in ('main', 'shared') "
            "union all select schema_name || '.' || view_name from duckdb_views() where schema_name in ('governance', 'ops')"
        ).fetchall()
        expected = {name: connection.execute(f"select count(*) from {name}").fetchone() for (name,) in named}
    for name, rows_of_file in expected.items():
        assert rows_of_file is not None
        assert [[str(rows_of_file[0])]] == server.ask(f"select count(*) from {name}", f"office{street}"), name


@pytest.mark.long
def test_everything_in_sight_says_what_it_is(at_channel: Channel, server: Server) -> None:
    uncommented = server.ask(
        "select attrelid::regclass, attname from pg_attribute join pg_class on pg_class.oid = attrelid "
        "where relkind = 'v' and relnamespace::regnamespace::text in ('office', 'governance', 'ops', 'city', 'district', 'street') "
        "and attnum > 0 and col_description(attrelid, attnum) is null"
    )

    assert [] == uncommented


@pytest.mark.long
def test_an_office_has_the_figures_of_its_file_and_a_reader_those_of_the_open_tables(
    at_channel: Channel, server: Server
) -> None:
    """Row by row: of tables with hidden figures an office has its own in full."""
    release = releases.current()
    differing = set()
    for name, files in release.tables.items():
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            anybody = _rows(connection, files.sql)
            differing |= {name} if not release.detail[name].has_bytes_of(files) else set()
        assert anybody == _rows_in_psql(server, name, "reader"), name
        for street in release.offices[:2]:
            with duckdb.connect(str(release.office_file(street)), read_only=True) as connection:
                connection.execute("set timezone = 'UTC'")
                assert _rows(connection, name) == _rows_in_psql(server, name, f"office{street}"), (
                    name,
                    street,
                )
        assert _rows_in_psql(server, name, "city") == _rows_in_psql(server, name, "district"), name

    assert differing, "where nothing is hidden this proves little"


def _rows(connection: duckdb.DuckDBPyConnection, relation: str) -> list[list[str]]:
    return sorted(
        [_text(value) for value in row] for row in connection.execute(f"from {relation}").fetchall()
    )


def _rows_in_psql(server: Server, name: str, user: str) -> list[list[str]]:
    done = server.psql(f"table {name}", user, "--csv", "-t", "-P", "null=∅")
    assert not done.stderr, done.stderr
    return sorted(csv.reader(io.StringIO(done.stdout)))


@pytest.mark.long
def test_the_statements_of_the_documentation_work(at_channel: Channel, server: Server) -> None:
    text = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8").partition("\n## PostgreSQL")[2]
    of_administrator, of_user = re.findall(r"^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    made = server.psql(of_administrator, database="postgres")
    server.psql("alter role \"li.na\" password 'user-Pw_7'", database="postgres")
    asked = server.psql(of_user, "li.na")

    assert ("", "") == (made.stderr, asked.stderr)
    assert 3 == asked.stdout.count(" row")
