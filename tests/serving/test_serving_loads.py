"""A release is put in front of PostgreSQL's readers whole, at once and without stopping them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from numbered_releases import numbered_release
from postgres_server import USER_PASSWORD, Server

from pipelines import releases, serving
from pipelines.errors import ServingUnavailable, UrbanBrainError, WarehouseError
from pipelines.releases import Release
from pipelines.serving.session import Session

EVERY_PART = (
    "select distinct status, period, resolved, 'R' || member_count from governance.channel_health "
    "cross join governance.scorecard cross join city.orders cross join governance.cases"
)
"""Open, in full, of offices' files and of both: what each says of the release it is from."""


def serve(release: Release, server: Server, database: str, **options: int) -> serving.Served:
    return serving.serve(release, server.dsn(database=database), **options)


def schemas(server: Server, database: str) -> list[str]:
    asked = "select nspname from pg_namespace where nspname ~ '^(release|next|retired)' order by 1"
    return [name for (name,) in server.ask(asked, database=database)]


@pytest.fixture
def reader(server: Server, served: Server, empty: str) -> Iterator[Callable[[], Session]]:
    """Opens sessions of a user of the district in the test's own database."""
    from adbc_driver_postgresql import dbapi

    with ExitStack() as opened:

        def open_one() -> Session:
            dsn = server.dsn("district", empty, USER_PASSWORD)
            return Session(opened.enter_context(dbapi.connect(dsn)), ())

        yield open_one


@pytest.mark.long
def test_the_same_release_is_copied_once(server: Server, empty: str, published: Release) -> None:
    first, again = (serve(published, server, empty) for _ in range(2))

    assert first.rows > 0
    assert first.is_new
    assert (0, False) == (again.rows, again.is_new)
    assert [["1"]] == server.ask("select count(*) from serving.loads", database=empty)


@pytest.mark.long
def test_the_last_few_releases_stay_and_older_ones_go(
    server: Server, empty: str, releases_of_two: tuple[Release, ...], third: Release
) -> None:
    for release in (*releases_of_two, third):
        outcome = serve(release, server, empty, keep=2)

    assert (releases_of_two[0].release_id,) == outcome.dropped
    assert 2 * 3 == len(schemas(server, empty))
    assert serve(releases_of_two[1], server, empty, keep=2).rows == 0, "going back copies nothing"
    for release in (*releases_of_two, third, releases_of_two[1]):
        serve(release, server, empty, keep=2)
        status = f"R{1 + [*releases_of_two, third].index(release)}"
        assert [[status]] == server.ask(
            "select distinct status from governance.channel_health", database=empty
        )


@pytest.mark.long
def test_what_a_reader_keeps_open_is_dropped_the_next_time(
    server: Server,
    empty: str,
    releases_of_two: tuple[Release, ...],
    third: Release,
    reader: Callable[[], Session],
) -> None:
    serve(releases_of_two[0], server, empty)
    session = reader()
    session.rows("table governance.cases")
    outcomes = [serve(release, server, empty, keep=2) for release in (releases_of_two[1], third)]
    session.rollback()

    assert all(any(name.startswith("retired_") for name in each.left) for each in outcomes)
    assert any(name.startswith("release_") for name in outcomes[1].left)
    assert (releases_of_two[0].release_id,) == serve(third, server, empty, keep=2).dropped
    assert 2 * 3 == len(schemas(server, empty))


@pytest.mark.long
def test_a_transaction_stays_with_its_release_and_is_told_when_that_is_gone(
    server: Server,
    empty: str,
    releases_of_two: tuple[Release, ...],
    third: Release,
    reader: Callable[[], Session],
) -> None:
    one, two = releases_of_two
    serve(one, server, empty)
    session = reader()
    session.run("set transaction isolation level repeatable read")
    seen = [session.rows(EVERY_PART)]
    serve(two, server, empty)
    seen.append(session.rows(EVERY_PART))
    serve(third, server, empty)
    with pytest.raises(WarehouseError, match="began before the release that is served"):
        session.rows(EVERY_PART)

    assert [[("R1", "R1", "R1", "R1")]] * 2 == seen
    assert [("R3", "R3", "R3", "R3")] == session.rows(EVERY_PART)
    session.rollback()


@pytest.mark.long
def test_a_prepared_statement_reads_the_release_that_is_served(
    server: Server, served: Server, empty: str, releases_of_two: tuple[Release, ...], third: Release
) -> None:
    """As drivers keep them: planned for views that are there no more."""
    seen = []
    serve(releases_of_two[0], server, empty)
    client = server.start_psql(f"prepare every_part as {EVERY_PART};", "district", empty)
    assert client.stdin is not None
    assert client.stdout is not None
    assert client.stdout.readline() == "PREPARE\n"
    for release in (*releases_of_two, third):
        serve(release, server, empty)
        client.stdin.write("execute every_part;\n")
        client.stdin.flush()
        seen.append(client.stdout.readline().strip())
    _, errors = client.communicate()

    assert ["R1|R1|R1|R1", "R2|R2|R2|R2", "R3|R3|R3|R3"] == seen
    assert "" == errors


@pytest.mark.long
def test_readers_see_one_release_at_a_time_while_others_are_put_in_front(
    server: Server, empty: str, releases_of_two: tuple[Release, ...], reader: Callable[[], Session]
) -> None:
    _read_while_loading(server, empty, releases_of_two, reader, readers=6, loads=4)


@pytest.mark.soak
def test_twenty_readers_see_one_release_at_a_time_for_two_minutes(
    server: Server, empty: str, tmp_path: Path, reader: Callable[[], Session]
) -> None:
    made = tuple(numbered_release(tmp_path / str(number), number) for number in range(1, 8))
    _read_while_loading(server, empty, made, reader, readers=20, loads=7, seconds=120)


def _read_while_loading(
    server: Server,
    database: str,
    made: tuple[Release, ...],
    reader: Callable[[], Session],
    *,
    readers: int,
    loads: int,
    seconds: float = 0,
) -> None:
    """Load releases in turn, spread over the time; fail when a reader met an error, two releases, or none."""
    serve(made[0], server, database)
    stop, seen, wrong = threading.Event(), set(), []

    def read(session: Session) -> None:
        while not stop.is_set():
            try:
                rows = session.rows(EVERY_PART)
                session.rollback()
            except UrbanBrainError as error:
                wrong.append(str(error))
                return
            if len(rows) != 1 or len(set(rows[0])) != 1:
                wrong.append(str(rows))
            seen.update(rows)

    at_it = [threading.Thread(target=read, args=(reader(),)) for _ in range(readers)]
    for each in at_it:
        each.start()
    began = time.monotonic()
    for number in range(1, loads):
        while time.monotonic() < began + seconds * number / loads:
            time.sleep(0.1)
        assert serve(made[number % len(made)], server, database).is_new
    while time.monotonic() < began + seconds:
        time.sleep(0.1)
    stop.set()
    for each in at_it:
        each.join()

    assert [] == wrong
    assert len(made) == len(seen), "each was seen by somebody"


@pytest.mark.long
@pytest.mark.parametrize("moment", ["tables", "office", "served"])
def test_a_killed_load_leaves_the_release_before_and_the_next_one_cleans_up(
    server: Server, empty: str, releases_of_two: tuple[Release, ...], moment: str
) -> None:
    """Killed while tables are copied, while offices are, and between the last copy and the row that says so."""
    one, two = releases_of_two
    serve(one, server, empty)
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from pipelines import releases, serving\n"
        "from pipelines.releases import Release\n"
        "from pipelines.serving import foundations, loading\n"
        "def wait(what, *_):\n"
        "    if what.startswith(sys.argv[3]):\n"
        "        print('now', flush=True)\n"
        "        time.sleep(60)\n"
        "foundations.point_at = lambda *_: wait('served')\n"
        "folder = Path(sys.argv[1])\n"
        "release = Release(folder.name, folder, releases.read_manifest(folder))\n"
        "serving.serve(release, sys.argv[2], progress=wait)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(two.path), server.dsn(database=empty), moment],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "now" in process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()

    assert [["R1"]] == server.ask("select distinct status from governance.channel_health", database=empty)
    _until(lambda: serve(two, server, empty).release_id == two.release_id)
    assert [["R2"]] == server.ask("select distinct status from governance.channel_health", database=empty)
    assert 2 * 3 == len(schemas(server, empty))


def _until(done: Callable[[], bool]) -> None:
    """Until the server has noticed that a session was killed."""
    for _ in range(100):
        try:
            assert done()
            return
        except ServingUnavailable:
            time.sleep(0.1)
    raise AssertionError("the killed loader still holds its lock")


@pytest.mark.long
def test_one_loader_works_at_a_time(server: Server, empty: str, releases_of_two: tuple[Release, ...]) -> None:
    serve(releases_of_two[0], server, empty)
    with serving.connected(server.dsn(database=empty)) as other:
        other.run("lock table serving.loader in exclusive mode")
        with pytest.raises(ServingUnavailable, match="another loader"):
            serve(releases_of_two[1], server, empty)

    assert [["R1"]] == server.ask("select distinct status from governance.channel_health", database=empty)


@pytest.mark.long
def test_a_damaged_release_is_not_copied(
    server: Server, empty: str, published: Release, tmp_path: Path
) -> None:
    folder = tmp_path / published.release_id
    shutil.copytree(published.path, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        file = folder / "tables" / "ref.areas.parquet"
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    damaged = Release(published.release_id, folder, releases.read_manifest(folder))
    with pytest.raises(WarehouseError, match=re.escape("tables/ref.areas.parquet: its bytes changed")):
        serve(damaged, server, empty)

    assert [] == schemas(server, empty)


@pytest.mark.long
def test_a_database_with_something_else_in_it_is_left_alone(
    server: Server, empty: str, published: Release
) -> None:
    server.psql("begin read write; create schema city; create table city.theirs (); commit", database=empty)
    with pytest.raises(WarehouseError, match="has a schema city that is not this project's"):
        serve(published, server, empty)

    assert [] == schemas(server, empty)
    assert [["t"]] == server.ask("select to_regclass('city.theirs') is not null", database=empty)


@pytest.mark.long
def test_a_superuser_does_not_load(server: Server, empty: str, published: Release) -> None:
    """Row-level security would not bind it, nor the functions it makes."""
    from postgres_server import ADMIN_PASSWORD

    with pytest.raises(WarehouseError, match="passes by row-level security"):
        serving.serve(published, server.dsn("postgres", empty, ADMIN_PASSWORD))


@pytest.mark.long
def test_limits_hold_in_the_whole_database(served: Server) -> None:
    asked = "select name, setting from pg_settings where name in ('statement_timeout', 'temp_file_limit', " \
            "'default_transaction_read_only', 'idle_in_transaction_session_timeout', 'log_statement') order by 1"  # fmt: skip

    assert {
        "default_transaction_read_only": "on",
        "idle_in_transaction_session_timeout": "60000",
        "log_statement": "all",
        "statement_timeout": "60000",
        "temp_file_limit": str(2 * 1024**2),
    } == dict(row for row in served.ask(asked, "east"))


@pytest.mark.long
def test_the_administrator_is_told_what_is_still_to_do(
    served: Server, empty: str, published: Release
) -> None:
    """Of the database that `deploy/serving.sql` made nothing; of another one what only a superuser may do."""
    with serving.connected(served.dsn()) as session:
        from pipelines.serving import foundations

        assert [] == foundations.advice(session)
    advice = " ".join(serve(published, served, empty).advice)

    for words in ("large objects", "log_statement", "temp_file_limit"):
        assert words in advice
