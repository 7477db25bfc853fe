"""A release is put in front of PostgreSQL's readers whole, at once and without stopping them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from numbered_releases import numbered_release
from postgres_server import USER_PASSWORD, Server, until

from pipelines import releases, serving
from pipelines.errors import ServingUnavailable, UrbanBrainError, WarehouseError
from pipelines.releases import Release
from pipelines.serving.session import Session

EVERY_PART = (
    "select distinct status, period, resolved, 'R' || member_count from governance.channel_health "
    "cross join governance.scorecard cross join city.orders cross join governance.cases"
)
"""Open, in full, of offices' files and of both: what each says of the release it is from."""


@dataclass(frozen=True)
class Database:
    """A database of the test's own, which releases are served in."""

    server: Server
    name: str
    open: ExitStack

    @property
    def dsn(self) -> str:
        return self.server.dsn(database=self.name)

    def serve(self, release: Release, **options: int) -> serving.Served:
        return serving.serve(release, self.dsn, **options)

    def ask(self, sql: str) -> list[list[str]]:
        return self.server.ask(sql, database=self.name)

    def status(self) -> list[list[str]]:
        """What tells the releases apart, as a superuser sees it."""
        return self.ask("select distinct status from governance.channel_health")

    def schemas(self) -> list[str]:
        asked = "select nspname from pg_namespace where nspname ~ '^(release|next|retired)' order by 1"
        return [name for (name,) in self.ask(asked)]

    def reader(self) -> Session:
        """A session of a user of the district."""
        from adbc_driver_postgresql import dbapi

        dsn = self.server.dsn("district", self.name, USER_PASSWORD)
        return Session(self.open.enter_context(dbapi.connect(dsn)), ())


@pytest.fixture
def database(served: Server, empty: str) -> Iterator[Database]:
    with ExitStack() as opened:
        yield Database(served, empty, opened)


@pytest.fixture
def three(releases_of_two: tuple[Release, ...], third: Release) -> tuple[Release, ...]:
    return (*releases_of_two, third)


@pytest.mark.long
def test_the_same_release_is_copied_once(database: Database, published: Release) -> None:
    first, again = (database.serve(published) for _ in range(2))

    assert first.rows > 0
    assert first.is_new
    assert (0, False) == (again.rows, again.is_new)
    assert [["1"]] == database.ask("select count(*) from serving.loads")


@pytest.mark.long
def test_the_last_few_releases_stay_and_older_ones_go(database: Database, three: tuple[Release, ...]) -> None:
    for release in three:
        outcome = database.serve(release, keep=2)

    assert (three[0].release_id,) == outcome.dropped
    assert 2 * 3 == len(database.schemas())
    assert database.serve(three[1], keep=2).rows == 0, "going back copies nothing"
    for number, release in ((1, three[0]), (2, three[1]), (3, three[2]), (2, three[1])):
        database.serve(release, keep=2)
        assert [[f"R{number}"]] == database.status()


@pytest.mark.long
def test_what_a_reader_keeps_open_is_dropped_the_next_time(
    database: Database, three: tuple[Release, ...]
) -> None:
    database.serve(three[0])
    session = database.reader()
    session.rows("table governance.cases")
    outcomes = [database.serve(release, keep=2) for release in three[1:]]
    session.rollback()

    assert all(any(name.startswith("retired_") for name in each.left) for each in outcomes)
    assert any(name.startswith("release_") for name in outcomes[1].left)
    assert (three[0].release_id,) == database.serve(three[2], keep=2).dropped
    assert 2 * 3 == len(database.schemas())


@pytest.mark.long
def test_a_transaction_stays_with_its_release_and_is_told_when_that_is_gone(
    database: Database, three: tuple[Release, ...]
) -> None:
    one, two, last = three
    database.serve(one)
    session = database.reader()
    session.run("set transaction isolation level repeatable read")
    seen = [session.rows(EVERY_PART)]
    database.serve(two)
    seen.append(session.rows(EVERY_PART))
    database.serve(last)
    with pytest.raises(WarehouseError, match="began before the release that is served"):
        session.rows(EVERY_PART)

    assert [[("R1", "R1", "R1", "R1")]] * 2 == seen
    assert [("R3", "R3", "R3", "R3")] == session.rows(EVERY_PART)
    session.rollback()


@pytest.mark.long
def test_a_prepared_statement_reads_the_release_that_is_served(
    database: Database, three: tuple[Release, ...]
) -> None:
    """As drivers keep them: planned for views that are there no more."""
    seen = []
    database.serve(three[0])
    client = database.server.start_psql(f"prepare every_part as {EVERY_PART};", "district", database.name)
    assert client.stdin is not None
    assert client.stdout is not None
    assert client.stdout.readline() == "PREPARE\n"
    for release in three:
        database.serve(release)
        client.stdin.write("execute every_part;\n")
        client.stdin.flush()
        seen.append(client.stdout.readline().strip())
    _, errors = client.communicate()

    assert ["R1|R1|R1|R1", "R2|R2|R2|R2", "R3|R3|R3|R3"] == seen
    assert "" == errors


@pytest.mark.long
def test_readers_see_one_release_at_a_time_while_others_are_put_in_front(
    database: Database, releases_of_two: tuple[Release, ...]
) -> None:
    _read_while_loading(database, releases_of_two, readers=6, loads=4)


@pytest.mark.soak
def test_twenty_readers_see_one_release_at_a_time_for_two_minutes(database: Database, tmp_path: Path) -> None:
    made = tuple(numbered_release(tmp_path / str(number), number) for number in range(1, 8))
    _read_while_loading(database, made, readers=20, loads=7, seconds=120)


def _read_while_loading(
    database: Database, made: tuple[Release, ...], *, readers: int, loads: int, seconds: float = 0
) -> None:
    """Load releases in turn, spread over the time; fail when a reader met an error, two releases, or none."""
    database.serve(made[0])
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

    at_it = [threading.Thread(target=read, args=(database.reader(),)) for _ in range(readers)]
    for each in at_it:
        each.start()
    began = time.monotonic()
    for number in range(1, loads):
        while time.monotonic() < began + seconds * number / loads:
            time.sleep(0.1)
        assert database.serve(made[number % len(made)]).is_new
        told = (f"R{1 + number % len(made)}",) * 4
        until(lambda told=told: bool(wrong) or told in seen, "nobody reads")
    while time.monotonic() < began + seconds:
        time.sleep(0.1)
    stop.set()
    for each in at_it:
        each.join()

    assert [] == wrong
    assert {(f"R{number}",) * 4 for number, _ in enumerate(made, start=1)} == seen


@pytest.mark.long
@pytest.mark.parametrize("moment", ["tables", "rows", "office", "served"])
def test_a_killed_load_leaves_the_release_before_and_the_next_one_cleans_up(
    database: Database, releases_of_two: tuple[Release, ...], moment: str
) -> None:
    """Killed before tables are copied, amid their rows, before offices are, and before the row that says what is served."""
    one, two = releases_of_two
    database.serve(one)
    program = (
        "import itertools, sys, time\n"
        "from pathlib import Path\n"
        "from pipelines import releases, serving\n"
        "from pipelines.releases import Release\n"
        "from pipelines.serving import foundations, sending\n"
        "def wait(what, *_):\n"
        "    if what.startswith(sys.argv[3]):\n"
        "        print('now', flush=True)\n"
        "        time.sleep(3600)\n"
        "def halting(batches, pieces=sending._pieces):\n"
        "    yield from itertools.islice(pieces(batches), 1)\n"
        "    wait('rows')\n"
        "sending._pieces = halting\n"
        "foundations.point_at = lambda *_: wait('served')\n"
        "folder = Path(sys.argv[1])\n"
        "release = Release(folder.name, folder, releases.read_manifest(folder))\n"
        "serving.serve(release, sys.argv[2], progress=wait)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(two.path), database.dsn, moment],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "now" in process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()

    assert [["R1"]] == database.status()
    until(lambda: _is_served(two, database), "the killed loader still holds its lock")
    assert [["R2"]] == database.status()
    assert 2 * 3 == len(database.schemas())


def _is_served(release: Release, database: Database) -> bool:
    """Not before the server has noticed that the loader before was killed."""
    with suppress(ServingUnavailable):
        return database.serve(release).release_id == release.release_id
    return False


@pytest.mark.long
def test_one_loader_works_at_a_time(database: Database, releases_of_two: tuple[Release, ...]) -> None:
    database.serve(releases_of_two[0])
    with serving.connected(database.dsn) as other:
        other.run("lock table serving.loader in exclusive mode")
        with pytest.raises(ServingUnavailable, match="another loader"):
            database.serve(releases_of_two[1])

    assert [["R1"]] == database.status()


@pytest.mark.long
def test_a_damaged_release_is_not_copied(database: Database, published: Release, tmp_path: Path) -> None:
    folder = tmp_path / published.release_id
    shutil.copytree(published.path, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        file = folder / "tables" / "ref.areas.parquet"
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    damaged = Release(published.release_id, folder, releases.read_manifest(folder))
    with pytest.raises(WarehouseError, match=re.escape("tables/ref.areas.parquet: its bytes changed")):
        database.serve(damaged)

    assert [] == database.schemas()


@pytest.mark.long
def test_a_database_with_something_else_in_it_is_left_alone(database: Database, published: Release) -> None:
    theirs = "begin read write; create schema city; create table city.theirs (); commit"
    database.server.psql(theirs, database=database.name)
    with pytest.raises(WarehouseError, match="has a schema city that is not this project's"):
        database.serve(published)

    assert [] == database.schemas()
    assert [["t"]] == database.ask("select to_regclass('city.theirs') is not null")


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
    served: Server, database: Database, published: Release
) -> None:
    """Of the database that `deploy/serving.sql` made nothing; of another one what only a superuser may do."""
    with serving.connected(served.dsn()) as session:
        from pipelines.serving import foundations

        assert [] == foundations.advice(session)
    advice = " ".join(database.serve(published).advice)

    for words in ("large objects", "log_statement", "temp_file_limit"):
        assert words in advice
