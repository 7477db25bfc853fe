"""A warehouse with every table the models read and no row in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from duckdb import DuckDBPyConnection

from pipelines import areas, contract, database, settings
from pipelines.stages import loading


def _empty() -> DuckDBPyConnection:
    connection = database.memory()
    loading.load(connection, contract.load_all())
    areas.load_reference(connection, settings.project() / "contracts" / "reference")
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
