"""A warehouse with every table the models read and no row in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection
from harbour import FILES

from pipelines import contract, database, settings
from pipelines.areas import reference
from pipelines.stages import loading


def _empty() -> DuckDBPyConnection:
    connection = database.memory()
    loading.load(connection, contract.load_all())
    reference.load_files(connection, settings.project() / "contracts" / "reference")
    return connection


@pytest.fixture
def warehouse(home: object) -> DuckDBPyConnection:
    """In memory: feeds' tables and `ops` as loading makes them, `ref` with the project's own files."""
    return _empty()


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> DuckDBPyConnection:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("URBANBRAIN_HOME", str(tmp_path_factory.mktemp("home")))
        return _empty()


@pytest.fixture
def tables(_prepared: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    """The same warehouse made once for all tests; what a test does to it is rolled back."""
    _prepared.execute("begin transaction")
    yield _prepared
    _prepared.execute("rollback")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of `harbour`, in a folder of its own."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def ships() -> DuckDBPyConnection:
    """A warehouse in which two ships have come."""
    connection = database.memory()
    connection.execute("create schema city")
    connection.execute("create table city.ships (ship_id integer, day date)")
    connection.execute("insert into city.ships values (1, '2026-11-17'), (2, '2026-11-18')")
    return connection
