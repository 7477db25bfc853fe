"""One PostgreSQL for the room, one release of two streets in it, and users who log in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import NoServer, Server, running
from two_streets import EAST, FEEDS, GOVERNANCE, WEST, project, warehouse

from pipelines import releases, serving
from pipelines.releases import Release
from pipelines.stages import publishing

USERS = {
    "east": f"urbanbrain_office_{EAST}",
    "west": f"urbanbrain_office_{WEST}",
    "district": "urbanbrain_district",
    "city": "urbanbrain_city",
    "reader": "urbanbrain_reader",
}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with the database and the loader of `deploy/serving.sql`."""
    try:
        with running() as found:
            yield found
    except NoServer as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of two streets that nobody changes."""
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch, warehouse() as connection:
        patch.setenv("URBANBRAIN_HOME", str(folder / "home"))
        publishing.publish(connection, FEEDS, GOVERNANCE, project(folder))
        return releases.current()


@pytest.fixture(scope="session")
def served(server: Server, published: Release) -> Server:
    """The server with that release, and a user of every kind."""
    serving.serve(published, server.dsn())
    for user, group in USERS.items():
        server.add_user(user, group)
    return server


@pytest.fixture
def empty(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own, which the loader owns."""
    name = f"empty_{abs(hash(request.node.nodeid)) % 10**9}"
    server.psql(f"create database {name} owner urbanbrain_loader", database="postgres")
    yield name
    server.psql(f"drop database {name} with (force)", database="postgres")


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    return project(tmp_path)
