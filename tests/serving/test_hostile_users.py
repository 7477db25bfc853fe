"""What an office's user may try in psql: nothing shows or changes anything beyond its rows, nothing stops the loader."""

from __future__ import annotations

import re
import subprocess

import pytest
from postgres_server import PATIENCE_SECONDS, Server, until
from two_streets import EAST, SECRET, TEXT, WEST

from pipelines import serving
from pipelines.releases import Release

FOREIGN = re.compile(f"(HL|GC|DEVICE)-WEST|{SECRET}|{TEXT}")
"""What identifies a row of the other office, or should be nowhere at all."""
RELEASE = "{release}"
_MARK = "-- now: "
STATEMENTS = {
    "every view, other street": f"select * from governance.cases where street_code = '{WEST}'",
    "the stored table": f"table {RELEASE}_detail.governance__cases",
    "the stored rows of offices": f"table {RELEASE}_offices.city__orders",
    "one office's rows of another": f"select * from {RELEASE}_offices.governance__cases where office_code = '{WEST}'",
    "an answer of another office": f"select * from office.this_office where office_code <> '{EAST}'",
    "or true": "select * from city.orders where true or street_code is null",
    "look-alike digits": "select * from city.orders where street_code = '９０００01002'",
    "look-alike letters": "select * from governance.caѕes",
    "look-alike quotes": "select * from city.orders where street_code = ‘900001002’ or 1=1",
    "two statements": f"select 1; select * from street.devices where street_code = '{WEST}'",
    "hidden in a comment": f"select * from city.orders /* */ -- where\n or street_code = '{WEST}'",
    "nested comment": f"select * from street.devices /* /* */ where false */ where street_code = '{WEST}'",
    "no row security": "set row_security = off; select * from city.orders",
    "no row security, in the tables": f"set row_security = off; table {RELEASE}_offices.city__orders",
    "another role": f"set role urbanbrain_office_{WEST}; select * from city.orders",
    "the district": "set role urbanbrain_district; select * from city.orders",
    "the loader": "set role urbanbrain_loader; select * from city.orders",
    "the superuser": "set role postgres; table pg_authid",
    "session authorization": "set session authorization urbanbrain_loader; select * from city.orders",
    "role by setting": f"select set_config('role', 'urbanbrain_office_{WEST}', false); select * from city.orders",
    "join the district": "grant urbanbrain_district to current_user; select * from city.orders",
    "make a role": f"create role urbanbrain_office_x in role urbanbrain_office_{WEST}",
    "rename oneself": f"alter role east rename to urbanbrain_office_{WEST}",
    "disable the policy": f"alter table {RELEASE}_offices.city__orders disable row level security",
    "drop the policy": f"drop policy own_street on {RELEASE}_offices.city__orders",
    "another policy": f"create policy mine on {RELEASE}_offices.city__orders using (true)",
    "own the table": f"alter table {RELEASE}_offices.city__orders owner to current_user",
    "read a file": "select pg_read_file('/etc/passwd'); select pg_ls_dir('.')",
    "copy from a file": "copy city.orders from '/etc/passwd'",
    "copy to a file": "copy (select * from city.orders) to '/tmp/urbanbrain-stolen.csv'",
    "copy to a program": "copy (select * from city.orders) to program 'cat > /tmp/urbanbrain-stolen.csv'",
    "copy out what is not one's own": f"copy {RELEASE}_offices.city__orders to stdout",
    "import a large object": "select lo_import('/etc/passwd')",
    "store a large object": "begin read write; select lo_create(0); commit",
    "store bytes": "begin read write; select lo_from_bytea(0, 'x'); commit",
    "another database": "create extension dblink; select dblink_connect('dbname=postgres')",
    "a foreign server": "create extension postgres_fdw",
    "an untrusted language": "create function public.f() returns int language plpython3u as 'return 1'",
    "a block": f"do $$ begin raise notice '%', (select string_agg(order_id, ',') from {RELEASE}_offices.city__orders); end $$",
    "a cheap leaky function": (
        "create function public.leak(text) returns bool cost 0.0000001 language plpgsql as "
        "$$ begin raise notice '%', $1; return true; end $$; select * from city.orders where leak(order_id)"
    ),
    "a leaky function of one's own session": (
        "create function pg_temp.leak(text) returns bool cost 0.0000001 language plpgsql as "
        "$$ begin raise notice '%', $1; return true; end $$; select * from city.orders where pg_temp.leak(order_id)"
    ),
    "a leaky operator in front": "create operator public.= (leftarg = text, rightarg = text, function = texteq)",
    "a temporary view": "create temp view mine as select * from city.orders; table mine",
    "a temporary table that shadows": "create temp table current (release_id text); table current",
    "a schema that shadows": "create schema east; create table east.cases ()",
    "a table in public": "create table public.cases as select 1",
    "an error that tells, by division": (
        f"select 1 / (case when order_id like 'HL-W%' then 0 else 1 end) from {RELEASE}_offices.city__orders"
    ),
    "an error that tells, by cast": f"select order_id::int from {RELEASE}_offices.city__orders where office_code = '{WEST}'",
    "an error that tells, before the policy": (
        f"select * from {RELEASE}_offices.city__orders where cast(order_id as int) > 0 and office_code = '{WEST}'"
    ),
    "xml": f"select query_to_xml('select * from {RELEASE}_offices.city__orders', true, true, '')",
    "database to xml": "select database_to_xml(true, true, '')",
    "statistics": "select tablename, attname, most_common_vals, histogram_bounds from pg_stats",
    "statistics of the server": "select * from pg_statistic",
    "a sample": f"select * from {RELEASE}_offices.city__orders tablesample system (100)",
    "by its place": f"select * from {RELEASE}_offices.city__orders where ctid in ('(0,1)', '(0,2)', '(0,3)')",
    "by its place, joined": (
        f"select b.* from {RELEASE}_offices.city__orders a right join {RELEASE}_offices.city__orders b on true"
    ),
    "a cursor": f"begin; declare c cursor for table {RELEASE}_offices.city__orders; fetch all c; commit",
    "locked for update": f"begin read write; select * from {RELEASE}_offices.city__orders for update; commit",
    "delete": "begin read write; delete from city.orders; commit",
    "delete from the table": f"begin read write; delete from {RELEASE}_offices.city__orders; commit",
    "insert": f"begin read write; insert into {RELEASE}_offices.city__orders (office_code) values ('{EAST}'); commit",
    "truncate": f"truncate {RELEASE}_offices.city__orders",
    "serve another release": "begin read write; update serving.current set release_id = 'x'; commit",
    "forget the loads": "begin read write; delete from serving.loads; commit",
    "read the loads": "table serving.loads",
    "drop": "drop view governance.cases; drop schema governance cascade",
    "replace a view": f"create or replace view governance.cases as table {RELEASE}_detail.governance__cases",
    "comment": "comment on view governance.cases is 'mine'",
    "a trigger": f"create trigger t before insert on {RELEASE}_offices.city__orders execute function f()",
    "a rule": f"create rule r as on select to {RELEASE}_offices.city__orders do instead select 1",
    "the settings of the server": "alter system set log_statement = 'none'; alter database serving set log_statement = 'none'",
    "no log": "set log_statement = 'none'; set log_min_error_statement = panic",
    "end another session": "select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user",
    "a message in the log of changes": "begin read write; select pg_logical_emit_message(false, 'x', 'y'); commit",
    "what others ask": "select usename, query from pg_stat_activity where usename <> current_user and query not like '<%'",
    "passwords": "table pg_shadow",
    "load a library": "load '/tmp/evil.so'; set local_preload_libraries = 'evil'",
}  # fmt: skip


@pytest.fixture(scope="module")
def release(published: Release) -> str:
    from pipelines.serving import tables

    return tables.schema_of(published.release_id, "open").removesuffix("_open")


def _state(server: Server) -> str:
    """Every object, right, setting and role of the database, and every row, in words."""
    objects = """
        select 'relation', relname, relkind::text, relowner::regrole::text, relacl::text,
            concat(relrowsecurity, relforcerowsecurity, relnamespace::regnamespace)
        from pg_class where relnamespace::regnamespace::text !~ '^pg_'
        union all select 'policy', polname, polrelid::regclass::text, polroles::text, '', '' from pg_policy
        union all select 'schema', nspname, nspowner::regrole::text, nspacl::text, '', '' from pg_namespace
        union all select 'function', proname, pronamespace::regnamespace::text, '', '', '' from pg_proc where oid > 16384
        union all select 'role', rolname, rolsuper::text, rolconfig::text, '', '' from pg_roles
        union all select 'member', roleid::regrole::text, member::regrole::text, '', '', '' from pg_auth_members
        union all select 'large object', oid::text, '', '', '', '' from pg_largeobject_metadata
        union all select 'comment', description, '', '', '', '' from pg_description where objoid > 16384
        union all select 'setting', setconfig::text, '', '', '', '' from pg_db_role_setting order by 1, 2, 3
    """
    tables = server.ask(
        "select oid::regclass::text from pg_class where relkind = 'r' "
        "and relnamespace::regnamespace::text ~ '^(release_|serving)' order by 1"
    )
    rows = server.psql("".join(f"table {name};\n" for (name,) in tables))
    assert not rows.stderr
    return f"{server.ask(objects)}{rows.stdout}"


def _said(server: Server, user: str, release: str) -> dict[str, str]:
    """What the real client prints for each statement, each in a session of its own; not what it repeats of them."""
    script = "".join(
        f"\\connect\n\\echo {_MARK}{number}\n\\warn {_MARK}{number}\n{sql.replace(RELEASE, release)};\n"
        for number, sql in enumerate(STATEMENTS.values())
    )
    done = server.psql(script, user, "-P", "pager=off")
    names = list(STATEMENTS)
    said = dict.fromkeys(names, "")
    for text in (done.stdout, done.stderr):
        for part in text.split(_MARK)[1:]:
            number, _, words = part.partition("\n")
            said[names[int(number)]] += "\n".join(
                line
                for line in words.splitlines()
                if not line.startswith(("LINE ", "QUERY:", "You are now connected"))
            )
    return said


def test_nothing_is_shown_or_changed_beyond_its_rows(served: Server, release: str) -> None:
    before = _state(served)
    said = _said(served, "east", release)

    assert {} == {name: words for name, words in said.items() if FOREIGN.search(words)}
    assert ["copy out what is not one's own"] == [name for name, words in said.items() if not words], (
        "each was tried and answered; a copy of no rows says nothing"
    )
    assert before == _state(served)


@pytest.mark.long
def test_the_statements_would_show_something_to_who_may_see_it(served: Server, release: str) -> None:
    """So that a statement with a mistake in it does not pass for one that is refused."""
    shown = {name for name, words in _said(served, "district", release).items() if FOREIGN.search(words)}

    assert {
        "every view, other street", "the stored table", "the stored rows of offices", "one office's rows of another",
        "or true", "two statements", "nested comment", "a sample", "by its place",
        "by its place, joined", "a cursor", "copy out what is not one's own", "an error that tells, by cast",
    } <= shown  # fmt: skip


PROBES = {
    "the view": "select * from governance.cases where case_id = '%s'",
    "own rows": "select * from {release}_offices.governance__cases_own() where case_id = '%s'",
    "the table": "select * from {release}_offices.governance__cases where case_id = '%s'",
    "the district's table": "select * from {release}_detail.governance__cases where case_id = '%s'",
    "a condition that is tried only on a hit": "select * from governance.cases where case_id = '%s' and member_count = (select 1)",
    "a joined value": "select * from (values ('%s')) as v (case_id) join governance.cases using (case_id)",
    "the first row": "select * from governance.cases where case_id <> '%s' limit 1",
}


@pytest.mark.parametrize("probe", PROBES)
def test_a_plan_does_not_tell_whether_another_office_has_a_row(
    served: Server, release: str, probe: str
) -> None:
    """Neither what is expected nor what is counted depends on rows of others: a policy alone would not keep that."""
    asked = (
        f"set enable_indexscan = off; explain (analyze, timing off, summary off, costs on) {PROBES[probe]};"
    )
    told = [
        served.psql((asked % case).replace(RELEASE, release), "west", "-At").stdout.replace(case, "?")
        for case in ("GC-EAST-1", "GC-NOBODY")
    ]

    assert "rows=" in told[0]
    assert told[0] == told[1]


def test_statistics_of_closed_tables_are_kept_from_offices(served: Server, release: str) -> None:
    asked = f"select count(*) > 0 from pg_stats where schemaname = '{release}_offices'"

    assert [["f"]] == served.ask(asked, "east")
    assert [["t"]] == served.ask(asked)


@pytest.mark.parametrize(
    "endless",
    [
        "select count(*) from generate_series(1, 100000000000)",
        "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r",
        "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b",
        "select pg_sleep(3600)",
        "select sum(length(repeat('x', 1000000) || n)) from generate_series(1, 100000000) n",
    ],
)
def test_an_endless_question_is_stopped_by_the_limit_of_the_database(served: Server, endless: str) -> None:
    """The limit is the database's own, only shorter, so that the test does not wait for a minute."""
    assert [["1min"]] == served.ask("show statement_timeout", "east")
    done = served.psql(f"set statement_timeout = '300ms';\n{endless};", "east")

    assert "canceling statement due to statement timeout" in done.stderr


def test_who_switches_the_limit_off_is_ended_and_written_down(served: Server) -> None:
    endless = _in_background(served, "set statement_timeout = 0; select pg_sleep(3600);")
    idle = _in_background(served, "set idle_in_transaction_session_timeout = 0; begin; select 1;")
    _wait_for(served, f"{_AT_IT} and clock_timestamp() - state_change > interval '0.3 s'", 2)
    with serving.connected(served.dsn()) as session:
        ended = serving.guard(session, statement=0.2)

    assert {("east", "statement"), ("east", "idle transaction")} == {
        (each.user_name, each.why) for each in ended
    }
    assert (
        "terminating connection due to administrator command"
        in endless.communicate(timeout=PATIENCE_SECONDS)[1]
    )
    assert (
        "terminating connection due to administrator command"
        in idle.communicate("commit;", timeout=PATIENCE_SECONDS)[1]
    )
    assert [["2"]] == served.ask(
        "select count(*) from serving.ended where user_name = 'east' and address = 'socket'"
    )


def test_who_keeps_to_the_limits_is_left_alone(served: Server) -> None:
    asking = _in_background(served, "select pg_sleep(3600);")
    idle = _in_background(served, "begin; select 1;")
    _wait_for(served, _AT_IT, 2)
    with serving.connected(served.dsn()) as session:
        ended = serving.guard(session, statement=PATIENCE_SECONDS, transaction=PATIENCE_SECONDS)
    _wait_for(served, _AT_IT, 2)
    served.psql("select pg_cancel_backend(pid) from pg_stat_activity where query = 'select pg_sleep(3600);'")

    assert [] == ended
    assert "canceling statement due to user request" in asking.communicate(timeout=PATIENCE_SECONDS)[1]
    assert "done" in idle.communicate("select 'done'; commit;", timeout=PATIENCE_SECONDS)[0]


def test_no_block_can_catch_its_own_end(served: Server) -> None:
    caught = "do $$ begin loop begin perform pg_sleep(1); exception when query_canceled then null; end; end loop; end $$"

    assert "permission denied for language plpgsql" in served.psql(caught, "east").stderr


def test_every_statement_is_in_the_access_log_with_its_user(served: Server) -> None:
    served.psql("select 'marked question' from governance.cases", "west")
    until(
        lambda: "disconnection: session time" in served.log().rpartition("marked question")[2],
        "the server did not notice that the session ended",
    )
    log = served.log()

    assert re.search(r"west@serving .*LOG:  statement: select 'marked question' from governance.cases", log)
    assert re.search(r"west@serving .*LOG:  connection authorized: user=west database=serving", log)
    assert re.search(r"LOG:  disconnection: session time: \S+ user=west database=serving", log)


HELD = (
    "begin; table governance.cases; lock table governance.cases in access share mode;",
    "begin; table serving.current; lock table serving.current in access share mode;",
    "select count(pg_advisory_lock(n)) from generate_series(-50, 50) n;",
    "begin isolation level serializable; table governance.scorecard;",
    "begin; declare c cursor with hold for select * from city.orders, generate_series(1, 100000); fetch c;",
    "listen urbanbrain; begin; table office.this_office;",
)


def test_what_readers_hold_does_not_stop_the_loader(
    served: Server, releases_of_two: tuple[Release, ...]
) -> None:
    """Locks on views, on the row that says what is served, on anything in the loader's way; and all of it for long."""
    readers = [_in_background(served, f"{held}\n\\echo holds") for held in HELD]
    for reader in readers:
        assert reader.stdout is not None
        while "holds" not in (line := reader.stdout.readline()):
            assert line, "the session ended"
    now = served.ask("select release_id from serving.current")[0][0]
    other = next(each for each in releases_of_two if each.release_id != now)
    outcome = serving.serve(other, served.dsn())
    still = served.ask("select count(*) from pg_stat_activity where usename = 'east' and state like 'idle%'")
    for reader in readers:
        reader.communicate("rollback;")

    assert outcome.is_new
    assert [[str(len(HELD))]] == still, "they held on all the while"
    assert [[other.release_id]] == served.ask("select release_id from serving.current")


def _in_background(server: Server, sql: str) -> subprocess.Popen[str]:
    return server.start_psql(sql, "east")


_AT_IT = "(query = 'select pg_sleep(3600);' and state = 'active' or state = 'idle in transaction')"


def _wait_for(server: Server, state: str, sessions: int) -> None:
    """Until that many of the user's sessions are in that state."""
    asked = f"select count(*) from pg_stat_activity where usename = 'east' and {state}"
    until(lambda: server.ask(asked) == [[str(sessions)]], "the sessions did not begin")
