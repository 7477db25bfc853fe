"""One PostgreSQL for the room, one release of two streets in it, and users who log in."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
from numbered_releases import numbered_release
from postgres_server import NoServer, Server, running, without
from two_streets import EAST, WEST

from pipelines import serving
from pipelines.releases import Release

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
        without(why)


@pytest.fixture(scope="session")
def releases_of_two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, ...]:
    """Two releases that nobody changes: every table of the one says R1, or 1, and of the other R2."""
    return tuple(numbered_release(tmp_path_factory.mktemp(f"release{number}"), number) for number in (1, 2))


@pytest.fixture(scope="session")
def published(releases_of_two: tuple[Release, ...]) -> Release:
    return releases_of_two[0]


@pytest.fixture(scope="session")
def served(server: Server, published: Release) -> Server:
    """The server with that release, and a user of every kind."""
    serving.serve(published, server.dsn())
    for user, group in USERS.items():
        server.add_user(user, group)
    return server


@pytest.fixture(scope="session")
def third(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """One more release."""
    return numbered_release(tmp_path_factory.mktemp("release3"), 3)


@pytest.fixture
def empty(server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a database of the test's own, which the loader owns."""
    name = f"empty_{zlib.crc32(request.node.nodeid.encode())}"
    server.psql(f"create database {name} owner urbanbrain_loader", database="postgres")
    yield name
    server.psql(f"drop database {name} with (force)", database="postgres")
