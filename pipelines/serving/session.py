"""One connection to PostgreSQL through ADBC, which hands whole columns over. The only module that imports the driver.

An address may hold a password, and libpq repeats addresses it cannot read: nothing it says leaves here with one in it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from pipelines import settings
from pipelines.errors import ServingUnavailable, SettingError, UrbanBrainError, WarehouseError
from pipelines.privacy import scrub
from pipelines.serving.sending import side_by_side
from pipelines.serving.tables import block

SECRET = "postgres"  # noqa: S105 - its name, not the secret
OLDEST = 160000
_LOCKED = "55P03"
_WAITING_CURES = ("08", "23505", "40", "53", "55", "57")  # 23505: two first loads made the same thing
_PASSWORDS = (
    re.compile(r"://[^/@?#]*?:(.*)@"),
    re.compile(r"(?:^|[?&\s])(?:ssl)?password\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]*)", re.IGNORECASE),
)


class Locked(WarehouseError):
    """Somebody keeps what is asked for longer than this session waits."""


class Session:
    """What is asked of one connection. Everything runs in a transaction, which `commit` ends."""

    def __init__(self, connection: Any, hidden: tuple[str, ...]) -> None:
        self._connection = connection
        self._hidden = hidden

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer to a question."""
        with self._explained(), self._connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def run(self, *statements: str) -> None:
        """Run statements one by one."""
        with self._explained(), self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def run_at_once(self, statements: list[str]) -> None:
        """Run statements in one journey; they cannot be questions."""
        if statements:
            self.run(block(statements))

    def fill(self, schema: str, table: str, batches: Any) -> int:
        """Copy Arrow record batches into a table that has their columns; returns the rows.

        Raises WarehouseError when the batches cannot be read; the transaction is rolled back then.
        """
        failed: list[Exception] = []
        try:
            with (
                self._explained(),
                side_by_side(batches, failed.append) as pieces,
                self._connection.cursor() as cursor,
            ):
                return int(cursor.adbc_ingest(table, pieces, mode="append", db_schema_name=schema))
        except UrbanBrainError as error:
            if not failed:
                raise
            raise WarehouseError(
                f"rows of {table} cannot be read: {scrub(str(failed[0]))}",
                next_step="`urbanbrain release verify` says whether the release is whole",
            ) from error

    def commit(self) -> None:
        with self._explained():
            self._connection.commit()

    def rollback(self) -> None:
        with self._explained():
            self._connection.rollback()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        from adbc_driver_manager import Error

        try:
            yield
        except Error as error:
            state = str(getattr(error, "sqlstate", "") or "")
            said = _said(str(error), self._hidden)
            kind = (
                Locked
                if state == _LOCKED
                else (ServingUnavailable if state.startswith(_WAITING_CURES) or not state else WarehouseError)
            )
            with contextlib.suppress(Error):
                self._connection.rollback()
            raise kind(
                f"PostgreSQL says: {said}{f' ({state})' if state else ''}", next_step=_NEXT.get(state, "")
            ) from None


_NEXT = {
    "42501": "docs/operations.md, PostgreSQL, lists what the loader may do",
    "53100": "the disk of the server is full; the release before is still served",
}


@contextlib.contextmanager
def connected(dsn: str = "") -> Iterator[Session]:
    """A connection to the database at that address, by default the one of the settings.

    Raises SettingError when there is no address, no driver, or nobody is let in; ServingUnavailable when nobody answers.
    """
    address, hidden = _address(dsn)
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise SettingError(
            "the driver for PostgreSQL is not installed",
            next_step="pip install 'urbanbrain[postgres]', or adbc-driver-postgresql",
        ) from None
    try:
        connection = dbapi.connect(address)
    except Error as error:
        raise _not_connected(_said(str(error), hidden)) from None
    session = Session(connection, hidden)
    try:
        session.run(
            "set default_transaction_read_only = off",
            "set statement_timeout = 0",
            "set idle_in_transaction_session_timeout = 0",
            "set search_path = pg_catalog",
            "set client_min_messages = warning",
            "set application_name = 'urbanbrain'",
        )
        session.commit()
        _is_new_enough(session)
        yield session
    finally:
        with contextlib.suppress(Error):
            connection.close()


def _address(dsn: str) -> tuple[str, tuple[str, ...]]:
    """The address with its password, and what must never be said."""
    dsn = (dsn or settings.postgres()).strip()
    if not dsn:
        raise SettingError(
            "no PostgreSQL database is named",
            next_step="give --postgres postgresql://loader@host/serving, or set URBANBRAIN_POSTGRES",
        )
    password = settings.optional_secret(SECRET)
    address = dsn
    if password and dsn.startswith(("postgres://", "postgresql://")):
        address += f"{'&' if '?' in dsn else '?'}password={quote(password, safe='')}"
    elif password:
        escaped = password.replace("\\", "\\\\").replace("'", "\\'")
        address += f" password='{escaped}'"
    found = [password, *(match for each in _PASSWORDS for match in each.findall(dsn))]
    hidden = {
        form
        for text in found
        if text
        for form in (text, text.strip("'"), unquote(text), quote(text, safe=""))
    }
    return address, tuple(sorted({*hidden, dsn, address}, key=len, reverse=True))


def _said(message: str, hidden: tuple[str, ...]) -> str:
    """The server's own words: one line, without the statement, which may hold values, and without anything hidden."""
    line = message.split("\n", 1)[0]
    line = re.sub(r"^[A-Z_]+: (\[libpq\] )?", "", line)
    line = re.sub(r"^Failed to \w+(?: \w+)?: ", "", line)
    line = re.sub(r"^(ERROR|FATAL): +", "", line)
    for text in hidden:
        line = line.replace(text, "…")
    return line


def _not_connected(said: str) -> SettingError | ServingUnavailable:
    if "authentication failed" in said or "no password supplied" in said or "pg_hba.conf" in said:
        return SettingError(
            f"PostgreSQL lets nobody in: {said}",
            next_step=f"the password is read from URBANBRAIN_SECRET_{SECRET.upper()}, or as libpq does",
        )
    if "invalid" in said or "IPv6" in said or "missing" in said:
        return SettingError(
            f"the address of PostgreSQL cannot be read: {said}",
            next_step="write postgresql://loader@host:5432/serving and keep the password in URBANBRAIN_SECRET_POSTGRES",
        )
    return ServingUnavailable(
        f"PostgreSQL cannot be reached: {said}",
        next_step="start the server or correct the address; the release itself is published",
    )


def _is_new_enough(session: Session) -> None:
    [(number,)] = session.rows("select current_setting('server_version_num')::int")
    if number < OLDEST:
        raise WarehouseError(
            f"this PostgreSQL is version {number // 10000}, expected {OLDEST // 10000} or newer",
            next_step="views that ask as their reader and roles that manage roles need it",
        )
