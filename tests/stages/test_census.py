"""What a census tells of a feed that brings only what changed: what is gone, since when, and what nobody can say."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from duckdb import DuckDBPyConnection
from validated_by_hand import validate_by_hand

from pipelines import contract, database, lake
from pipelines.contract.model import Census, Contract
from pipelines.receipt import CENSUS, CORRECTION, RE_PULL, SOURCE
from pipelines.stages import loading

ORDERS = contract.load("district_dispatch")
FIRST = date(2026, 11, 2)
MIDNIGHT = datetime(2026, 11, 2, 16, tzinfo=UTC)


def kept(feed: Contract) -> Contract:
    return replace(feed, keep_versions=True)


@pytest.fixture
def connection(home: Any) -> DuckDBPyConnection:
    return database.memory()


def bring(
    number: int,
    letters: str,
    origin: str = SOURCE,
    *,
    version: int = 0,
    days: int = 20,
    feed: Contract = ORDERS,
) -> None:
    """A pull on the so manyth day: a letter is an order, a capital one an order whose row was bad, + a new version."""
    rows = [
        {
            key(feed): letter,
            "city_work_order_id": f"HL-{letter}",
            "source_updated_at": MIDNIGHT + timedelta(days=version - 1),
        }
        for letter in letters
        if letter.islower()
    ]
    validate_by_hand(
        feed,
        FIRST + timedelta(days=number),
        rows,
        MIDNIGHT + timedelta(days=number, minutes=40),
        [letter.lower() for letter in letters if letter.isupper()],
        origin=origin,
        days=days if origin == CENSUS else 1,
    )


def key(feed: Contract) -> str:
    return feed.key[0]


def gone(connection: DuckDBPyConnection, feed: Contract = ORDERS) -> dict[str, int]:
    """Each order that is gone, with the day of the census that no longer had it."""
    found = connection.execute(
        f"select {key(feed)}, _is_deleted_upstream, date_diff('day', ?, _deleted_upstream_at) from {feed.table} "
        "order by all",
        [MIDNIGHT],
    ).fetchall()
    assert all(is_gone == (day is not None) for _, is_gone, day in found)
    return {name: day for name, is_gone, day in found if is_gone}


CASES = {
    "what a census lacks is gone since it was pulled": ([(0, "abcd"), (1, "abc", CENSUS)], {"d": 1}),
    "nothing is gone before there was a census": ([(0, "abcd"), (1, "a")], {}),
    "pulls of the source in its turn say nothing": ([(0, "abcd"), (1, "abcd", CENSUS), (2, "a")], {}),
    "nor does a re-pull": ([(0, "abcd"), (1, "abcd", CENSUS), (2, "a", RE_PULL)], {}),
    "what appears again is there again": ([(0, "abcd"), (1, "abc", CENSUS), (2, "d")], {}),
    "in a census, too": ([(0, "abcd"), (1, "abc", CENSUS), (2, "abcd", CENSUS)], {}),
    "what a re-pull finds is there": ([(0, "abcd"), (1, "abc", CENSUS), (2, "d", RE_PULL)], {}),
    "what goes again is gone since then": (
        [(0, "abcd"), (1, "abc", CENSUS), (2, "d"), (3, "abc", CENSUS)],
        {"d": 3},
    ),
    "what is newer than the census is untouched": ([(0, "abcd"), (1, "abcd", CENSUS), (2, "e")], {}),
    "bad rows of a census are there": ([(0, "abcd"), (1, "abcD", CENSUS)], {}),
    "what comes back with a bad row is there again": ([(0, "abcd"), (1, "abc", CENSUS), (2, "D")], {}),
    "what an office sent back need not be there": ([(0, "abcd"), (1, "abc", CENSUS), (2, "d", CORRECTION)], {"d": 1}),
    "a first census much smaller than what is known is not believed": ([(0, "abcd"), (1, "a", CENSUS)], {}),
    "nor is one much smaller than the census before": (
        [(0, "abcd"), (1, "abcd", CENSUS), (2, "a", CENSUS)],
        {},
    ),
    "nor an empty one": ([(0, "abcd"), (1, "", CENSUS)], {}),
    "the next one is held against the last that was believed": (
        [(0, "abcd"), (1, "abcd", CENSUS), (2, "a", CENSUS), (3, "abc", CENSUS)],
        {"d": 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_a_census_says(connection: DuckDBPyConnection, name: str) -> None:
    batches, expected = CASES[name]
    feed = kept(ORDERS)
    for batch in batches:
        bring(*batch)
    loading.load(connection, [feed])

    assert expected == gone(connection)
    known = connection.execute(
        f"select {key(feed)} from {feed.history_table} where _known_to is null order by all"
    ).fetchall()
    there = connection.execute(
        f"select {key(feed)} from {feed.table} where not _is_deleted_upstream order by all"
    ).fetchall()
    assert there == known


@pytest.mark.long
@pytest.mark.parametrize("keeps", [False, True])
def test_the_same_is_gone_in_whatever_order_batches_are_loaded(
    connection: DuckDBPyConnection, keeps: bool
) -> None:
    feed = replace(ORDERS, keep_versions=keeps)
    for batch in ((0, "abcd"), (1, "abc", CENSUS), (2, "D"), (3, "bcd", CENSUS), (4, "a")):
        bring(*batch)
    folders = lake.batches("validated")
    seen = set()
    for order in itertools.islice(itertools.permutations(folders), 0, 120, 37):
        for folder in folders:
            folder.rename(folder.with_name(f"later-{folder.name}"))
        connection.execute(f"drop table if exists {feed.table}")
        connection.execute("drop schema if exists ops cascade")
        for folder in order:
            folder.with_name(f"later-{folder.name}").rename(folder)
            loading.load(connection, [feed])
        history = (
            connection.execute(
                f"select {key(feed)}, _known_from, _known_to from {feed.history_table} order by all"
            ).fetchall()
            if keeps
            else ()
        )
        seen.add((str(gone(connection)), str(history)))

    assert 1 == len(seen)


def test_rows_that_the_question_does_not_reach_are_left_alone(connection: DuckDBPyConnection) -> None:
    bring(0, "abcd")
    bring(10, "efgh", version=10)
    bring(11, "efg", CENSUS, version=10, days=5)
    loading.load(connection, [ORDERS])

    assert {"h": 11} == gone(connection)


def test_an_old_version_shows_that_the_row_is_there(connection: DuckDBPyConnection) -> None:
    bring(0, "abcd", version=1)
    bring(1, "abc", CENSUS, version=1)
    bring(2, "d", version=0)
    loading.load(connection, [ORDERS])

    assert {} == gone(connection)


def test_a_floor_of_its_own_decides_what_is_too_small(connection: DuckDBPyConnection) -> None:
    assert ORDERS.census
    bring(0, "abcd")
    bring(1, "abc", CENSUS)
    loading.load(connection, [replace(ORDERS, census=replace(ORDERS.census, floor=0.8))])

    assert {} == gone(connection)


def test_what_is_gone_was_known_until_then(connection: DuckDBPyConnection) -> None:
    feed = kept(ORDERS)
    for batch in ((0, "abcd"), (1, "abc", CENSUS), (3, "d")):
        bring(*batch)
        loading.load(connection, [feed])
    days = connection.execute(
        "select date_diff('day', ?, _known_from), date_diff('day', ?, _known_to) "
        f"from {feed.history_table} where {key(feed)} = 'd' order by all",
        [MIDNIGHT, MIDNIGHT],
    ).fetchall()

    assert [(0, 1), (3, None)] == days


def test_a_feed_without_a_census_marks_nothing(connection: DuckDBPyConnection) -> None:
    feed = replace(ORDERS, census=None)
    bring(0, "ab")
    loading.load(connection, [feed])
    columns = {name for name, *_ in connection.execute(f"describe {feed.table}").fetchall()}

    assert not {"_is_deleted_upstream", "_last_landed_at"} & columns


def test_a_contract_that_gains_a_census_has_its_table_made_anew(connection: DuckDBPyConnection) -> None:
    bring(0, "abcd")
    loading.load(connection, [replace(ORDERS, census=None)])
    bring(1, "abc", CENSUS)
    loading.load(connection, [ORDERS])

    assert isinstance(ORDERS.census, Census)
    assert {"d": 1} == gone(connection)
