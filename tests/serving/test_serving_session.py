"""What is said and what is copied: no password in any message, and any value DuckDB may hold arrives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from postgres_server import LOADER_PASSWORD, Server
from typer.testing import CliRunner

from pipelines import cli, serving
from pipelines.errors import ServingUnavailable, SettingError, UrbanBrainError
from pipelines.releases import Release
from pipelines.serving import columns, session

PASSWORD = "Geheim%21"
"""As an address spells Geheim!."""
HIDDEN = ("Geheim!", "Geheim%21", "Geheim")


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://loader:{PASSWORD}@/serving?host=/nowhere",
        f"postgresql://loader:{PASSWORD}@127.0.0.1:1/serving",
        f"postgresql://loader:{PASSWORD}@:x:/serving",
        f"postgresql://loader:{PASSWORD}@[::/serving",
        f"postgresql://loader@/serving?host=/nowhere&password={PASSWORD}",
        f"postgresql://loader@127.0.0.1:1/serving?passwort={PASSWORD}&password={PASSWORD}",
        f"loader:{PASSWORD}@db/serving",
        "host=/nowhere user=loader password='Geheim!'",
        "host=/nowhere user=loader password=Geheim! oddoption=1",
    ],
)
def test_no_message_holds_a_password(dsn: str, monkeypatch: pytest.MonkeyPatch, published: Release) -> None:
    monkeypatch.setenv("URBANBRAIN_HOME", str(published.path.parent.parent))
    result = CliRunner().invoke(cli.app, ["release", "serve", "--postgres", dsn])

    assert isinstance(result.exception, (SettingError, ServingUnavailable))
    told = f"{result.exception}{result.exception.next_step}{result.output}{result.exception.__cause__}"
    assert not any(text in told for text in HIDDEN)
    assert "PostgreSQL" in str(result.exception)


def test_a_wrong_password_is_said_to_be_one(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANBRAIN_POSTGRES", f"postgresql://urbanbrain_loader@/serving?host={server.folder}")
    monkeypatch.setenv("URBANBRAIN_SECRET_POSTGRES", "Geheim!")
    with pytest.raises(SettingError, match="lets nobody in") as told, serving.connected():
        pass

    assert "Geheim" not in str(told.value)
    assert "URBANBRAIN_SECRET_POSTGRES" in told.value.next_step


@pytest.mark.parametrize("form", ["postgresql://urbanbrain_loader@/serving?host={}", "postgresql://urbanbrain_loader@localhost/serving?host={}", "host={} user=urbanbrain_loader dbname=serving"])  # fmt: skip
def test_the_password_is_kept_apart_from_the_address(
    server: Server, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("URBANBRAIN_POSTGRES", form.format(server.folder))
    monkeypatch.setenv("URBANBRAIN_SECRET_POSTGRES", LOADER_PASSWORD)
    with serving.connected() as opened:
        assert [("urbanbrain_loader",)] == opened.rows("select current_user::text")


def test_what_the_server_says_of_a_value_stays_with_it(server: Server) -> None:
    with serving.connected(server.dsn()) as opened, pytest.raises(UrbanBrainError) as told:
        opened.rows("select 1 from nowhere where name = 'Mrs Wang'")

    assert 'relation "nowhere" does not exist (42P01)' in str(told.value)
    assert "Wang" not in str(told.value)


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with (
        pytest.raises(SettingError, match="not installed") as told,
        serving.connected("postgresql://db/serving"),
    ):
        pass

    assert "urbanbrain[postgres]" in told.value.next_step


@pytest.mark.long
def test_nothing_but_the_copy_needs_the_driver() -> None:
    """Neither the command line nor publishing imports it."""
    program = (
        "import sys; sys.modules['adbc_driver_postgresql'] = sys.modules['adbc_driver_manager'] = None\n"
        "import pipelines.cli, pipelines.run, pipelines.serving\n"
        "from pipelines.stages import publishing"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr


def test_no_address_is_a_setting_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("URBANBRAIN_POSTGRES", raising=False)
    with pytest.raises(SettingError, match="no PostgreSQL database is named"), serving.connected():
        pass


ODD = {
    "text": ("'a' || chr(0) || 'b'", "a␀b"),
    "letters": ("'霍营 𠮷 \"quoted\" \\ back'", '霍营 𠮷 "quoted" \\ back'),
    "empty": ("''", ""),
    "list": ("['x', null, 'a,b', '{}', chr(0)]", '{x,NULL,"a,b","{}",␀}'),
    "numbers": ("[1, null]::bigint[]", "{1,NULL}"),
    "nested": ("[['a'], []]", '[["a"],[]]'),
    "rows": ("[{'rule': 'r', found: null}]", '[{"rule":"r","found":null}]'),
    "map": ("map {'a': 1}", '{"a":1}'),
    "huge": ("170141183460469231731687303715::hugeint", "170141183460469231731687303715"),
    "unsigned": ("18446744073709551615::ubigint", "18446744073709551615"),
    "small": ("(-128)::tinyint", "-128"),
    "decimal": ("1234567890.1200::decimal(14, 4)", "1234567890.1200"),
    "not a number": ("'nan'::double", "NaN"),
    "endless": ("'-infinity'::double", "-Infinity"),
    "day": ("date '9999-12-31'", "9999-12-31"),
    "old day": ("date '0001-01-01'", "0001-01-01"),
    "no end of days": ("date 'infinity'", "9999-12-31"),
    "no end": ("timestamptz 'infinity'", "9999-12-31 00:00:00+00"),
    "no beginning": ("timestamp '-infinity'", "0001-01-01 00:00:00"),
    "instant": ("timestamptz '2026-11-17 01:02:03.456789+08'", "2026-11-16 17:02:03.456789+00"),
    "local": ("timestamp '2026-11-17 01:02:03'", "2026-11-17 01:02:03"),
    "time": ("time '23:59:59.5'", "23:59:59.5"),
    "truth": ("true", "t"),
    "enum": ("'b'::enum('a', 'b')", "b"),
    "uuid": ("'0195a1b2-0000-7000-8000-000000000000'::uuid", "0195a1b2-0000-7000-8000-000000000000"),
    "bytes": ("'\\x00\\xff'::blob", "\\x00ff"),
    "nothing": ("null::varchar", ""),
}  # fmt: skip


def test_every_kind_of_value_arrives_as_it_was(server: Server, empty: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        values = ", ".join(f'{sql} as "{name}"' for name, (sql, _) in ODD.items())
        connection.execute(f"create table odd as select {values}")
        kinds = [(name, kind) for name, kind, *_ in connection.execute("describe odd").fetchall()]
        listed = ", ".join(f'{columns.handed_over(name, kind)} as "{name}"' for name, kind in kinds)
        with serving.connected(server.dsn(database=empty)) as opened:
            made = ", ".join(f'"{name}" {columns.type_of(kind)}' for name, kind in kinds)
            opened.run("create schema odd", f"create table odd.odd ({made})")
            assert 1 == opened.fill(
                "odd", "odd", connection.execute(f"select {listed} from odd").to_arrow_reader(10)
            )
            opened.commit()
    asked = ", ".join(f'"{name}"' for name in ODD)
    found = server.ask(f"set timezone = 'UTC'; select {asked} from odd.odd", database=empty)[-1]

    assert {name: text for name, (_, text) in ODD.items()} == dict(zip(ODD, found, strict=True))


@pytest.mark.parametrize(
    ("found", "wanted", "read"),
    [
        ("text", "text", '"x"'),
        ("bigint", "numeric(12,2)", '"x"::numeric(12,2)'),
        ("bigint", "text", '"x"::text'),
        ("text", "bigint", "null::bigint"),
        ("timestamptz", "date", "null::date"),
    ],
)
def test_a_column_that_changed_is_read_of_the_release_before_where_that_cannot_fail(
    found: str, wanted: str, read: str
) -> None:
    assert read == columns.as_other("x", found, wanted)


def test_a_dry_run_tells_what_would_be_served_and_asks_no_server(
    published: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANBRAIN_HOME", str(published.path.parent.parent))
    monkeypatch.setattr(session, "connected", None)
    by_serve, by_publish = (
        CliRunner().invoke(cli.app, [*words, "--dry-run"], catch_exceptions=False)
        for words in (["release", "serve"], ["publish", "--postgres", "postgresql://nowhere/x"])
    )

    assert by_serve.output == by_publish.output
    lines = {line.split()[0]: line.split() for line in by_serve.output.splitlines()}
    assert ["governance.cases", "2", "4", "offices,", "district"] == lines["governance.cases"]
    assert ["ref.areas", "6", "6", "offices,", "district,", "city,", "reader"] == lines["ref.areas"]


def test_publishing_lets_readers_have_it_where_a_database_is_named(
    server: Server, empty: str, published: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import run

    monkeypatch.setenv("URBANBRAIN_HOME", str(published.path.parent.parent))
    monkeypatch.setattr(run, "check", lambda: {})
    monkeypatch.setattr(run, "publish", lambda: str(Path("releases") / published.release_id))
    result = CliRunner().invoke(
        cli.app, ["publish", "--postgres", server.dsn(database=empty)], catch_exceptions=False
    )

    assert f"PostgreSQL serves {published.release_id}: " in result.stdout
    assert [[published.release_id]] == server.ask("select release_id from serving.current", database=empty)


def test_the_guard_looks_once_unless_told_to_go_on(server: Server, served: Server) -> None:
    result = CliRunner().invoke(
        cli.app, ["release", "guard", "--postgres", server.dsn()], catch_exceptions=False
    )

    assert "0 sessions ended\n" == result.stdout
